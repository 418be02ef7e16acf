#pragma once
#include "kernels/ops/linear.h"

// What the check() and cost() of the ops around a weight share.
namespace lorica {

/// Plain or packed for `direction`, of `dtype`, not empty.
void expect_weight(const char* op, const char* argument, const WeightIn& w, PackFor direction, Dtype dtype);
/// Empty, or [out] of f32 or `dtype`.
void expect_bias(const char* op, const In& bias, int64_t out, Dtype dtype);
void expect_like(const char* op, const char* argument, const In& view, const Shape& shape, Dtype dtype);

/// Bytes a gradient costs: none where skipped, once where written, twice where added to.
double read_write_bytes(const GradOut& grad);
double weight_bytes(const WeightIn& w);
/// Multiplications and additions of [m, k] times [k, n].
double product_flops(int64_t m, int64_t n, int64_t k);

}  // namespace lorica
