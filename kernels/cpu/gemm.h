#pragma once
#include <memory>

#include "kernels/context.h"

namespace lorica::cpu {

/// A matrix as a GEMM reads it: element (i, j) at data[i * ld + j], or at data[j * ld + i] where `transposed`.
/// Null data stands for "not given". oneDNN is fast where a first factor's rows lie close together (ld = its width).
struct MatrixIn {
  const void* data = nullptr;
  Dtype dtype = Dtype::f32;
  int64_t ld = 0;
  bool transposed = false;
};

/// A second factor rearranged once into the layout that oneDNN likes best on this CPU. It owns its copy.
struct PackedMatrix;
/// Null where the layout of `b` [k, n] is already as good as any, or where the CPU has no unit for its dtype.
std::shared_ptr<const PackedMatrix> pack_matrix(CpuBackend&, int64_t k, int64_t n, const MatrixIn& b);
size_t packed_bytes(const PackedMatrix&);

/// C (=, +=) alpha * A B + bias + addend
/// Shapes    a [m, k], b [k, n] or its packed form, c [m, n] row-major (rows ldc apart), bias [n], addend [m, n].
/// Types     a and b both f32 or both bf16;  c f32, or bf16 with bf16 factors;  bias and addend f32 or bf16.
/// Numerics  f32 accumulation; everything is added in f32 and rounded once. The same bits on every run with the same
///           number of threads. alpha other than 1 goes without a bias. k = 0 is not allowed; m = 0 does nothing.
struct Gemm {
  int64_t m = 0, n = 0, k = 0;
  MatrixIn a = {}, b = {};
  const PackedMatrix* packed_b = nullptr;
  In bias = {};
  MatrixIn addend = {};
  float alpha = 1;
  void* c = nullptr;
  Dtype c_dtype = Dtype::f32;
  int64_t ldc = 0;
  bool accumulate = false;
};
void gemm(CpuBackend&, const Gemm&);

}  // namespace lorica::cpu
