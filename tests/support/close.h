#pragma once
#include <string>
#include <vector>

#include "kernels/dtype.h"

namespace lorica::test {

/// The tolerance of every op test:  |got - ref| <= c eps(dtype) (|ref| + scale),  where `scale` is the sum of the
/// absolute terms where the value is a reduction (one number for all, or one an element). eps is 2^-24 for f32, 2^-9
/// for bf16. On failure it prints the worst index, both values and the share of the limit used. A NaN in `got` fails
/// unless the reference is NaN there too.
struct Limit {
  Dtype dtype = Dtype::f32;
  double c = 4;
  double scale = 0;
  const std::vector<double>* scales = nullptr;
};
[[nodiscard]] std::string close_failure(const std::vector<double>& got, const std::vector<double>& ref, const Limit&);

/// A table of what was compared so far, a line a test: tensors, elements of the largest, the worst error relative to its
/// tensor's largest magnitude, and the worst share of a limit used.
void print_closeness();

}  // namespace lorica::test

#define EXPECT_CLOSE(got, ref, ...) \
  EXPECT_EQ(::lorica::test::close_failure((got), (ref), ::lorica::test::Limit __VA_ARGS__), "")
