#include "kernels/ops/head_loss.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/cpu/convert.h"
#include "kernels/cpu/weight.h"

namespace lorica {
namespace cpu {
namespace {

/// Logits that exist at a time: within the last-level cache of a server, and rows enough to make the GEMMs efficient.
constexpr int64_t kLogitBytes = int64_t{24} << 20, kMinRows = 32, kRowStep = 32;
/// Logits summed in f32 before the sum goes on in double: bounds the rounding of a long row.
constexpr int64_t kBlock = 256;

int64_t chunk_rows(int64_t vocabulary) {
  const int64_t rows = kLogitBytes / (vocabulary * static_cast<int64_t>(sizeof(float)));
  return std::max(kMinRows, rows / kRowStep * kRowStep);
}

/// Applies the cap in place and returns the largest logit.
float cap_and_max(float* z, int64_t n, float softcap) {
  if (softcap > 0) {
    const float inverse = 1.0f / softcap;
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) z[i] = softcap * fast_tanh(z[i] * inverse);
  }
  float largest = z[0];
#pragma omp simd reduction(max : largest)
  for (int64_t i = 0; i < n; ++i) largest = z[i] > largest ? z[i] : largest;
  return largest;
}

/// sum_i exp(z_i - largest); e_i = exp(z_i - largest) where e is given (it may be z).
double exp_sum(const float* z, int64_t n, float largest, float* e) {
  double total = 0;
  for (int64_t first = 0; first < n; first += kBlock) {
    const int64_t count = std::min(kBlock, n - first);
    float sum = 0;
    if (e) {
#pragma omp simd reduction(+ : sum)
      for (int64_t i = 0; i < count; ++i) sum += e[first + i] = fast_exp(z[first + i] - largest);
    } else {
#pragma omp simd reduction(+ : sum)
      for (int64_t i = 0; i < count; ++i) sum += fast_exp(z[first + i] - largest);
    }
    total += static_cast<double>(sum);
  }
  return total;
}

/// One row of logits: returns its loss, and where Dz is not void writes dz (which may be z).
/// Without a cap the row holds the exponentials between the passes; with one it keeps the capped logits, from which
/// cap' = 1 - (z / cap)^2 is made.
template <class Dz>
float row_loss(float* z, int64_t n, int64_t target, float softcap, float loss_scale, Dz* dz) {
  constexpr bool kGrad = !std::is_void_v<Dz>;
  const float largest = cap_and_max(z, n, softcap);
  const double target_logit = static_cast<double>(z[target]);
  const double sum = exp_sum(z, n, largest, kGrad && softcap == 0 ? z : nullptr);
  const double loss = std::log(sum) + (static_cast<double>(largest) - target_logit);
  if constexpr (kGrad) {
    const float factor = static_cast<float>(static_cast<double>(loss_scale) / sum);
    const float inverse_cap = softcap > 0 ? 1.0f / softcap : 0.0f;
    for (int64_t first = 0; first < n; first += kBlock) {
      const int64_t count = std::min(kBlock, n - first);
      float block[kBlock];
      if (softcap > 0) {
#pragma omp simd
        for (int64_t i = 0; i < count; ++i) block[i] = fast_exp(z[first + i] - largest) * factor;
      } else {
#pragma omp simd
        for (int64_t i = 0; i < count; ++i) block[i] = z[first + i] * factor;
      }
      if (target >= first && target < first + count) block[target - first] -= loss_scale;
      if (softcap > 0) {
#pragma omp simd
        for (int64_t i = 0; i < count; ++i) {
          const float ratio = z[first + i] * inverse_cap;
          block[i] *= 1.0f - ratio * ratio;
        }
      }
      convert_row(block, dz + first, count);
    }
  }
  return static_cast<float>(loss);
}

/// The number of rows before the padding; throws unless they rise strictly within [0, T), with targets within [0, V),
/// and the padding is -1 in both.
int64_t labelled_rows(const HeadLoss& op) {
  const int32_t* rows = op.rows.as<int32_t>();
  const int32_t* targets = op.targets.as<int32_t>();
  const int64_t vocabulary = op.weight.out_features();
  int64_t labelled = op.rows.shape[0];
  while (labelled > 0 && rows[labelled - 1] == -1 && targets[labelled - 1] == -1) --labelled;
  for (int64_t i = 0; i < labelled; ++i) {
    if (rows[i] < 0 || rows[i] >= op.hidden.shape[0])
      throw Error("HeadLoss: rows[{}]: expected an index from 0 to {}, got {}", i, op.hidden.shape[0] - 1, rows[i]);
    if (i > 0 && rows[i] <= rows[i - 1])
      throw Error("HeadLoss: rows[{}]: expected more than {}, got {}", i, rows[i - 1], rows[i]);
    if (targets[i] < 0 || targets[i] >= vocabulary)
      throw Error("HeadLoss: targets[{}]: expected an index from 0 to {}, got {}", i, vocabulary - 1, targets[i]);
  }
  return labelled;
}

/// The labelled rows of x: in place where they lie together, else copied to scratch.
template <class T>
MatrixIn gather(CpuBackend& backend, const In& x, const int32_t* rows, int64_t n) {
  const int64_t width = x.shape[1];
  if (rows[n - 1] - rows[0] == n - 1) return {x.as<T>() + rows[0] * width, x.dtype, width};
  T* const to = backend.scratch<T>(CpuBackend::kScratch1, n * width);
  parallel_for(n, 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      std::memcpy(to + i * width, x.as<T>() + rows[i] * width, static_cast<size_t>(width) * sizeof(T));
  });
  return {to, x.dtype, width};
}

/// dhidden[rows[i]] (=, +=) from[i]
template <class T>
void scatter(const float* from, const int32_t* rows, int64_t n, int64_t width, T* dhidden, bool add) {
  parallel_for(n, 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      T* const to = dhidden + rows[i] * width;
      const float* const row = from + i * width;
      if (add) {
#pragma omp simd
        for (int64_t c = 0; c < width; ++c) store(to + c, load(to + c) + row[c]);
      } else {
        convert_row(row, to, width);
      }
    }
  });
}

/// Zeroes the rows of dhidden between the labelled ones.
void zero_unlabelled(const Out& dhidden, const int32_t* rows, int64_t n) {
  const int64_t row_bytes = dhidden.shape[1] * static_cast<int64_t>(size_of(dhidden.dtype));
  int64_t next = 0;
  for (int64_t i = 0; i <= n; ++i) {
    const int64_t row = i < n ? rows[i] : dhidden.shape[0];
    if (row > next)
      std::memset(static_cast<char*>(dhidden.data) + next * row_bytes, 0,
                  static_cast<size_t>((row - next) * row_bytes));
    next = row + 1;
  }
}

/// dz [n, V] over the logits, and what follows from it.
template <class T>
void chunk_gradients(CpuBackend& backend, const HeadLoss& op, const T* dz, const MatrixIn& h, const int32_t* rows,
                     int64_t n, bool first) {
  const int64_t vocabulary = op.weight.out_features(), width = op.weight.in_features();
  const MatrixIn dz_matrix{dz, dtype_of<T>(), vocabulary};
  if (op.dhidden) {
    float* const dh = backend.scratch<float>(CpuBackend::kScratch2, n * width);
    Gemm g{.m = n, .n = width, .k = vocabulary, .a = dz_matrix, .c = dh, .ldc = width};
    set_weight(g, op.weight_bwd, PackFor::kBackward);
    gemm(backend, g);
    scatter(dh, rows, n, width, op.dhidden.tensor.as<T>(), op.dhidden.mode == GradMode::kAdd);
  }
  if (op.dw) {
    const bool out_in = op.weight.layout == WeightLayout::kOutIn;
    const Out& dw = op.dw.tensor;
    gemm(backend, {.m = dw.shape[0],
                   .n = dw.shape[1],
                   .k = n,
                   .a = transpose(out_in ? dz_matrix : h),
                   .b = out_in ? h : dz_matrix,
                   .c = dw.data,
                   .ldc = dw.shape[1],
                   .accumulate = !first || op.dw.mode == GradMode::kAdd});
  }
}

template <class T>
void run_head_loss(CpuBackend& backend, const HeadLoss& op, int64_t n) {
  const int64_t vocabulary = op.weight.out_features(), width = op.weight.in_features();
  const int32_t* rows = op.rows.as<int32_t>();
  const int32_t* targets = op.targets.as<int32_t>();
  const bool grad = op.dhidden || op.dw;
  const float loss_scale = op.loss_scale ? *op.loss_scale.as<float>() : 1.0f;
  const int64_t chunk = std::min(n, chunk_rows(vocabulary));
  float* const z = backend.scratch<float>(CpuBackend::kScratch0, chunk * vocabulary);
  // f32 gradients overwrite the logits; bf16 ones get rows of their own, since oneDNN has no fast kernel for a factor
  // whose rows lie apart
  T* dz = nullptr;
  if constexpr (std::is_same_v<T, float>)
    dz = z;
  else if (grad)
    dz = backend.scratch<T>(CpuBackend::kScratch3, chunk * vocabulary);
  for (int64_t begin = 0; begin < n; begin += chunk) {
    const int64_t count = std::min(chunk, n - begin);
    const MatrixIn h = gather<T>(backend, op.hidden, rows + begin, count);
    Gemm g{.m = count, .n = vocabulary, .k = width, .a = h, .c = z, .ldc = vocabulary};
    set_weight(g, op.weight, PackFor::kForward);
    gemm(backend, g);
    parallel_for(count, 1, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        float* const row = z + i * vocabulary;
        const int64_t target = targets[begin + i];
        float& loss = op.losses.as<float>()[begin + i];
        if (grad)
          loss = row_loss(row, vocabulary, target, op.softcap, loss_scale, dz + i * vocabulary);
        else
          loss = row_loss<void>(row, vocabulary, target, op.softcap, loss_scale, nullptr);
      }
    });
    if (grad) chunk_gradients<T>(backend, op, dz, h, rows + begin, count, begin == 0);
  }
}

}  // namespace
}  // namespace cpu

void run(CpuBackend& backend, const HeadLoss& op) {
  const int64_t n = cpu::labelled_rows(op);
  std::fill(op.losses.as<float>() + n, op.losses.as<float>() + op.losses.elements(), 0.0f);
  if (op.dhidden.mode == GradMode::kWrite) cpu::zero_unlabelled(op.dhidden.tensor, op.rows.as<int32_t>(), n);
  if (n == 0) {
    if (op.dw.mode == GradMode::kWrite) std::memset(op.dw.tensor.data, 0, static_cast<size_t>(op.dw.tensor.bytes()));
    return;
  }
  visit_float(op.hidden.dtype, [&]<class T>() { cpu::run_head_loss<T>(backend, op, n); });
}

}  // namespace lorica
