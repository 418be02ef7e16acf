#pragma once
#include <cmath>
#include <memory>

#include "kernels/ops/linear.h"
#include "tests/kernels/op_test.h"
#include "tests/reference/linear.h"

// What the tests of the ops around a weight share.
namespace lorica::test {

using reference::Vec;

inline size_t to_size(int64_t n) { return static_cast<size_t>(n); }

inline Vec<std::complex<double>> complexes(const Vec<double>& v) { return {v.begin(), v.end()}; }

/// Limit for a sum of products that is rounded once to `dtype`; `absolute_terms` is the sum of the terms' absolute
/// values. f32: the roundings of random terms add up to about eps / 2 of that sum (one deviation); 8 holds for the
/// worst of a million elements. bf16: its unit roundoff is 2^-8, twice the eps of Limit (2.02: and of its f32 sum),
/// plus the same f32 error.
inline std::string sum_failure(const Vec<double>& got, const Vec<double>& ref, Vec<double> absolute_terms,
                               Dtype dtype) {
  if (dtype == Dtype::f32) return close_failure(got, ref, {.dtype = dtype, .c = 8, .scales = &absolute_terms});
  for (double& scale : absolute_terms) scale *= 4 * 0x1p-15;
  return close_failure(got, ref, {.dtype = dtype, .c = 2.02, .scales = &absolute_terms});
}

/// Whether weights are packed: the CPU alone packs them.
inline std::vector<bool> packings(const Context& context) {
  return context.device == Device::kCpu ? std::vector<bool>{false, true} : std::vector<bool>{false};
}

/// A weight [out, in] as an op takes it: in either layout, packed (on the CPU) or plain.
struct TestWeight {
  HostTensor tensor;
  WeightLayout layout;
  std::unique_ptr<PackedWeight> forward, backward;
  Vec<double> values;  // [out, in] whatever the layout

  TestWeight(Context& context, int64_t out, int64_t in, Dtype dtype, WeightLayout l, bool pack, uint64_t seed)
      : tensor(HostTensor::random(l == WeightLayout::kOutIn ? Shape{out, in} : Shape{in, out}, dtype, seed)),
        layout(l),
        values(l == WeightLayout::kOutIn ? tensor.values()
                                         : reference::transposed(tensor.values(), to_size(in), to_size(out))) {
    if (!pack || context.device != Device::kCpu) return;
    forward = pack_weight(context.cpu, tensor.in(), layout, PackFor::kForward);
    backward = pack_weight(context.cpu, tensor.in(), layout, PackFor::kBackward);
  }
  WeightIn for_forward() const { return {.w = tensor.in(), .packed = forward.get(), .layout = layout}; }
  WeightIn for_backward() const { return {.w = tensor.in(), .packed = backward.get(), .layout = layout}; }
};

/// The message of the Error that `fn` throws; empty where it throws none.
template <class Fn>
std::string error_of(Fn&& fn) {
  try {
    fn();
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

}  // namespace lorica::test
