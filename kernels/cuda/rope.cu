#include "kernels/ops/rope.h"

#include "kernels/cuda/device/fault.cuh"
#include "kernels/cuda/device/pieces.cuh"
#include "kernels/cuda/shapes.h"

namespace lorica {
namespace {

using namespace device;

template <class T>
struct Rotation {
  const T* x;
  const float *cos, *sin;
  const int32_t* positions;
  Grad<T> y;
  int64_t tokens, table_rows;
  int heads, d, r;  ///< of the d components of a head, 2 r are rotated
  float sign;       ///< -1 rotates by the negated angle
  int items, rows_per_block;
  FaultPlace place;
  DeviceFault* fault;
};

/// An item of a token is kN pairs (i, i + r) of a head, or kN components behind the rotated ones. A pair is read whole
/// before it is written, so y may be x.
template <int kN, class T>
__global__ void rope_kernel(Rotation<T> op) {
  const int pair_items = op.r / kN, items_a_head = op.items / op.heads;
  for_row_items(op.tokens, op.items, op.rows_per_block, [&](int64_t t, int item) {
    const int32_t position = op.positions[t];
    if (position < 0 || position >= op.table_rows) {
      if (item == 0) record_fault(op.fault, op.place, t, position, op.table_rows);
      return;
    }
    const int head = item / items_a_head, within = item % items_a_head;
    const int64_t base = (t * op.heads + head) * op.d;
    if (within >= pair_items) {
      const int64_t at = base + 2 * op.r + (within - pair_items) * kN;
      put_floats(op.y, at, load_floats<kN>(op.x + at, kN, true), kN, true);
      return;
    }
    const int64_t first = base + within * kN, second = first + op.r;
    const int64_t table = int64_t{position} * op.r + within * kN;
    Floats<kN> a = load_floats<kN>(op.x + first, kN, true), b = load_floats<kN>(op.x + second, kN, true);
    const Floats<kN> cos = load_floats<kN>(op.cos + table, kN, true), sin = load_floats<kN>(op.sin + table, kN, true);
#pragma unroll
    for (int j = 0; j < kN; ++j) {
      const float u = a.value[j], v = b.value[j], c = cos.value[j], s = sin.value[j] * op.sign;
      a.value[j] = u * c - v * s;
      b.value[j] = v * c + u * s;
    }
    put_floats(op.y, first, a, kN, true);
    put_floats(op.y, second, b, kN, true);
  });
}

template <int kN, class T>
void launch_rope(CudaBackend& cuda, Rotation<T> op) {
  // in place, the components behind the rotated ones are there already
  const int copied = op.y.mode == GradMode::kWrite && op.y.data == op.x ? 0 : op.d - 2 * op.r;
  const RowItems work(op.tokens, int64_t{op.heads} * (op.r + copied) / kN);
  op.items = work.items;
  op.rows_per_block = work.rows_per_block;
  launch_kernel(cuda, "rope", rope_kernel<kN, T>, work.shape(), op);
}

struct Tables {
  In cos, sin, positions;
};

template <class T>
void rotate(CudaBackend& cuda, const In& x, const Tables& tables, const Grad<T>& y, bool inverse, FaultPlace place) {
  const Rotation<T> op{.x = x.as<T>(),
                       .cos = tables.cos.as<float>(),
                       .sin = tables.sin.as<float>(),
                       .positions = tables.positions.as<int32_t>(),
                       .y = y,
                       .tokens = x.shape[0],
                       .table_rows = tables.cos.shape[0],
                       .heads = static_cast<int>(x.shape[1]),
                       .d = static_cast<int>(x.shape[2]),
                       .r = static_cast<int>(tables.cos.shape[1]),
                       .sign = inverse ? -1.0f : 1.0f,
                       .items = 0,
                       .rows_per_block = 0,
                       .place = place,
                       .fault = cuda.fault()};
  constexpr int kN = Vector<T>::kWidth;
  const bool vectors = op.r % kN == 0 && op.d % kN == 0 && aligned<kN>(op.x, y.data, op.cos, op.sin);
  if (vectors)
    launch_rope<kN>(cuda, op);
  else
    launch_rope<1>(cuda, op);
}

}  // namespace

void run(CudaBackend& cuda, const Rope& op) {
  visit_float(op.x.dtype, [&]<class T> {
    const Grad<T> y{op.y.as<T>(), GradMode::kWrite};
    rotate<T>(cuda, op.x, {op.cos, op.sin, op.positions}, y, op.inverse, FaultPlace::kRope);
  });
}

void run(CudaBackend& cuda, const RopeBwd& op) {
  if (!op.dx) return;
  visit_float(op.dy.dtype, [&]<class T> {
    rotate<T>(cuda, op.dy, {op.cos, op.sin, op.positions}, typed_grad<T>(op.dx), true, FaultPlace::kRopeBwd);
  });
}

}  // namespace lorica
