#pragma once
#include <gtest/gtest.h>

#include <complex>
#include <cstring>
#include <string>
#include <vector>

#include "kernels/context.h"
#include "tests/support/close.h"
#include "tests/support/host_tensor.h"

// What the tests of ops share.
namespace lorica::test {

using Complex = std::complex<double>;
using Doubles = std::vector<double>;

inline constexpr Dtype kFloatDtypes[] = {Dtype::f32, Dtype::bf16};
inline const std::vector<int64_t> kWidths = sizes({1, 7, 64, 257, 576, 1536}, {1, 7, 64, 257, 576});
inline const std::vector<int64_t> kRows = sizes({1, 3, 64, 129}, {1, 3, 33});

inline std::vector<Complex> complex(const Doubles& x) { return {x.begin(), x.end()}; }

inline Doubles absolute(Doubles x) {
  for (double& v : x) v = std::abs(v);
  return x;
}

/// |got - ref| <= c 2^-24 (|ref| + terms), and for bf16 half a unit in the last place on top: the ops compute in f32
/// and round once. `terms` are the sums of the absolute terms that make up each value.
inline void expect_op_close(const HostTensor& got, const Doubles& ref, Doubles terms, double c) {
  ASSERT_EQ(terms.size(), ref.size());
  if (got.in().dtype == Dtype::f32) {
    EXPECT_CLOSE(got.values(), ref, {Dtype::f32, c, 0, &terms});
    return;
  }
  const double round = 2.0 + c * 0x1p-15;  // half a unit in the last place is 2^-8 of the value, at most
  for (size_t i = 0; i < terms.size(); ++i) terms[i] = c * 0x1p-15 * terms[i] / round + 0x1p-126;
  EXPECT_CLOSE(got.values(), ref, {Dtype::bf16, round, 0, &terms});
}

/// The c of a value that depends on a sum over a row of d: an unoptimised build adds its terms one after another.
inline double row_sum_c(int64_t d) { return 8 + static_cast<double>(d) / 64; }

/// Runs `run(GradOut)` in each mode: kSkip must touch nothing, kWrite must overwrite NaN, kAdd must add.
template <class Run>
void expect_gradient(const Shape& shape, Dtype dtype, const Doubles& ref, const Doubles& terms, double c, Run&& run) {
  SCOPED_TRACE("gradient of shape " + shape.text());
  HostTensor skipped(shape, dtype);
  run(skipped.grad(GradMode::kSkip));
  for (double v : skipped.values()) ASSERT_TRUE(std::isnan(v));
  HostTensor written(shape, dtype);
  run(written.grad(GradMode::kWrite));
  expect_op_close(written, ref, terms, c);
  HostTensor unaligned = HostTensor(shape, dtype).shifted(1);
  run(unaligned.grad(GradMode::kWrite));
  expect_op_close(unaligned, ref, terms, c);
  HostTensor added = HostTensor::random(shape, dtype, 77);
  Doubles sum = added.values(), sum_terms = absolute(sum);
  for (size_t i = 0; i < sum.size(); ++i) sum[i] += ref[i], sum_terms[i] += terms[i];
  run(added.grad(GradMode::kAdd));
  expect_op_close(added, sum, sum_terms, c);
}

/// Runs an op and waits for it: a GPU reports an index out of range with the next copy to the host.
template <class Op>
void launch_and_wait(const Op& op) {
  Context& context = context_under_test();
  launch(context, op);
  context.memory().copy_out(nullptr, nullptr, 0);
}

/// check() throws an Error whose message starts with "Op: argument".
template <class Op>
void expect_refused(const Op& op, const std::string& place) {
  try {
    op.check();
    ADD_FAILURE() << "accepted, but expected an error about " << place;
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()).substr(0, place.size()), place) << error.what();
  }
}

inline bool same_bits(const HostTensor& a, const HostTensor& b) {
  return a.in().bytes() == b.in().bytes() &&
         std::memcmp(a.in().data, b.in().data, static_cast<size_t>(a.in().bytes())) == 0;
}

}  // namespace lorica::test
