#include "kernels/ops/elementwise.h"
#include "tests/kernels/op_test.h"

namespace lorica::test {
namespace {
TEST(Add, AgreesWithTheSumAtEverySize) {
  Context& context = context_under_test();
  for (Dtype dtype : kFloatDtypes)
    for (int64_t d : kWidths)
      for (int64_t rows : kRows) {
        const HostTensor a = HostTensor::random({rows, d}, dtype, 1), b = HostTensor::random({rows, d}, dtype, 2);
        HostTensor y({rows, d}, dtype);
        launch(context, Add{.a = a.in(), .b = b.in(), .y = y.out()});
        Doubles ref = a.values();
        for (size_t i = 0; i < ref.size(); ++i) ref[i] += b.get(i);
        expect_op_close(y, ref, absolute(ref), 1);
      }
}
}  // namespace
}  // namespace lorica::test
