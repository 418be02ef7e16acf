#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "engine/tensor.h"
#include "kernels/context.h"

// What the benchmark programs share: random tensors, the clock, and what the device can do at best.
namespace lorica::bench {

double seconds_now();

/// Waits until the device has done what it was given.
void finish(Context& context, const Tensor& any);

/// Normal values of this spread, the same on every device for the same seed. A large tensor repeats its first 262,139.
Tensor random_tensor(Arena& arena, Shape shape, Dtype dtype, uint64_t seed, float spread = 1);

/// The value at share `q` of a list, by linear interpolation; the list is sorted.
double quantile(std::vector<double> values, double q);

/// Bytes a second, read and written together, of a copy that no cache holds.
double measured_copy_rate(Context& context, Arena& arena);
/// Multiplications and additions a second of a large product of random matrices.
double measured_gemm_rate(Context& context, Arena& arena, Dtype dtype);

}  // namespace lorica::bench
