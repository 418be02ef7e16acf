#pragma once
#include <cuda_runtime.h>

#include <cstdint>
#ifdef LORICA_SIMT
#include <array>
#include <cassert>
#include <cstring>
#else
#include <cuda_bf16.h>
#endif

#include "kernels/cuda/device/shared_address.cuh"
#include "kernels/dtype.h"

// Products of bf16 tiles by a whole warp. Each lane holds a fragment of a tile in registers of two bf16, the one of the
// lower column (A) or row (B) in the lower half. With g = lane / 4 and c = 2 (lane % 4), as the PTX manual lays down
// for mma.m16n8k16:
//     A [16, 16]  a[0] at (g, c..c+1)      a[1] at (g + 8, c..)    a[2] at (g, c + 8..)    a[3] at (g + 8, c + 8..)
//     B [16, 8]   b[0] at (c..c+1, g)      b[1] at (c + 8.., g)
//     C [16, 8]   c[0], c[1] at (g, c..)   c[2], c[3] at (g + 8, c..)
namespace lorica::device {

/// Two values rounded to bf16, `low` in the lower half.
__device__ __forceinline__ uint32_t pack_bf16(float low, float high) {
#ifdef LORICA_SIMT
  return bf16(low).bits | static_cast<uint32_t>(bf16(high).bits) << 16;
#else
  const __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
  return *reinterpret_cast<const uint32_t*>(&pair);
#endif
}

#ifdef LORICA_SIMT
namespace host {

struct MatrixLane {
  SharedAddress row;
  uint32_t part[4];
};
/// Element (row, column) of the matrix that eight lanes have given the rows of.
inline uint32_t element(const std::array<MatrixLane, 32>& lanes, int matrix, int row, int column) {
  uint16_t bits;
  std::memcpy(&bits, lanes[static_cast<size_t>(8 * matrix + row)].row + 2 * column, sizeof(bits));
  return bits;
}
inline void load_matrices(uint32_t (&part)[4], SharedAddress row, bool transposed) {
  assert(reinterpret_cast<uintptr_t>(row) % 16 == 0);
  const MatrixLane mine = simt::warp_collective(MatrixLane{row, {}}, [transposed](std::array<MatrixLane, 32>& lanes) {
    for (int lane = 0; lane < 32; ++lane)
      for (int m = 0; m < 4; ++m) {
        const int g = lane / 4, c = 2 * (lane % 4);
        const uint32_t low = transposed ? element(lanes, m, c, g) : element(lanes, m, g, c);
        const uint32_t high = transposed ? element(lanes, m, c + 1, g) : element(lanes, m, g, c + 1);
        lanes[static_cast<size_t>(lane)].part[m] = low | high << 16;
      }
  });
  std::memcpy(part, mine.part, sizeof(part));
}

struct ProductLane {
  uint32_t a[4], b[2];
  float c[4];
};
inline void multiply(std::array<ProductLane, 32>& lanes) {
  float a[16][16], b[16][8];
  auto half = [](uint32_t pair, int i) {
    bf16 value;
    value.bits = static_cast<uint16_t>(pair >> 16 * i);
    return static_cast<float>(value);
  };
  for (int lane = 0; lane < 32; ++lane)
    for (int i = 0; i < 2; ++i) {
      const ProductLane& mine = lanes[static_cast<size_t>(lane)];
      const int g = lane / 4, c = 2 * (lane % 4) + i;
      for (int part = 0; part < 4; ++part) a[g + part % 2 * 8][c + part / 2 * 8] = half(mine.a[part], i);
      for (int part = 0; part < 2; ++part) b[c + part * 8][g] = half(mine.b[part], i);
    }
  for (int lane = 0; lane < 32; ++lane)
    for (int i = 0; i < 4; ++i) {
      const int row = lane / 4 + i / 2 * 8, column = 2 * (lane % 4) + i % 2;
      float& sum = lanes[static_cast<size_t>(lane)].c[i];
      for (int k = 0; k < 16; ++k) sum += a[row][k] * b[k][column];
    }
}

}  // namespace host
#endif

/// Four 8 x 8 matrices of 16-bit elements from shared memory (ldmatrix.x4): lane 8 m + r gives the address, 16-byte
/// aligned, of row r of matrix m. part[m] becomes elements (lane / 4, 2 (lane % 4)..) of matrix m.
__device__ __forceinline__ void load_matrices(uint32_t (&part)[4], SharedAddress row) {
#ifdef LORICA_SIMT
  host::load_matrices(part, row, false);
#else
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(part[0]), "=r"(part[1]), "=r"(part[2]), "=r"(part[3])
               : "r"(row)
               : "memory");
#endif
}
/// The same, each matrix transposed (ldmatrix.x4.trans).
__device__ __forceinline__ void load_matrices_transposed(uint32_t (&part)[4], SharedAddress row) {
#ifdef LORICA_SIMT
  host::load_matrices(part, row, true);
#else
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(part[0]), "=r"(part[1]), "=r"(part[2]), "=r"(part[3])
               : "r"(row)
               : "memory");
#endif
}

/// c += a b (mma.m16n8k16, f32 sums).
__device__ __forceinline__ void multiply_add_16x8x16(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
#ifdef LORICA_SIMT
  const host::ProductLane mine = simt::warp_collective(
      host::ProductLane{{a[0], a[1], a[2], a[3]}, {b0, b1}, {c[0], c[1], c[2], c[3]}}, host::multiply);
  std::memcpy(c, mine.c, sizeof(c));
#else
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#endif
}

}  // namespace lorica::device
