#include "kernels/ops/softcap.h"

#include "tests/kernels/op_test.h"

namespace lorica::test {
namespace {

TEST(SoftCap, AgreesWithTheDefinition) {
  Context& context = context_under_test();
  for (float cap : {0.5f, 3.0f, 30.0f})
    for (int64_t n : {1, 7, 257, 5000}) {
      const HostTensor x = HostTensor::random({n}, Dtype::f32, static_cast<uint64_t>(n), 20);
      HostTensor y({n}, Dtype::f32);
      launch(context, SoftCap{.x = x.in(), .y = y.out(), .cap = cap});
      Doubles ref = x.values();
      for (double& v : ref) v = cap * std::tanh(v / cap);
      // x / cap is rounded before the tanh, whose slope times its argument is below 1
      expect_op_close(y, ref, Doubles(ref.size(), cap), 4);
      HostTensor in_place = x;
      launch(context, SoftCap{.x = in_place.in(), .y = in_place.out(), .cap = cap});
      EXPECT_TRUE(same_bits(in_place, y));
    }
}

TEST(SoftCap, RefusesWrongArguments) {
  HostTensor x({3, 8}, Dtype::f32), half({3, 8}, Dtype::bf16), flat({24}, Dtype::f32);
  EXPECT_NO_THROW((SoftCap{.x = x.in(), .y = x.out()}.check()));
  expect_refused(SoftCap{.x = half.in(), .y = x.out()}, "SoftCap: x: expected f32");
  expect_refused(SoftCap{.x = x.in(), .y = flat.out()}, "SoftCap: y: expected shape");
  expect_refused(SoftCap{.x = x.in(), .y = x.out(), .cap = 0}, "SoftCap: cap");
}

}  // namespace
}  // namespace lorica::test
