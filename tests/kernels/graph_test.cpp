#include "kernels/graph.h"

#include "kernels/ops/elementwise.h"
#include "tests/kernels/op_test.h"

namespace lorica::test {
namespace {

template <class Fn>
void expect_message(Fn&& fn, const std::string& start) {
  try {
    fn();
    ADD_FAILURE() << "accepted, but expected: " << start;
  } catch (const RunError& error) {
    EXPECT_TRUE(std::string(error.what()).starts_with(start)) << error.what();
  }
}

TEST(Graph, RunsWhatWasRecordedWithTheValuesOfTheMoment) {
  Context& context = context_under_test();
  HostTensor a = HostTensor::random({3, 65}, Dtype::f32, 1), b = HostTensor::random({3, 65}, Dtype::f32, 2),
             y({3, 65}, Dtype::f32), z({3, 65}, Dtype::f32);
  const auto work = [&] {
    launch(context, Add{.a = a.in(), .b = b.in(), .y = y.out()});
    context.memory().copy(z.out().data, y.in().data, static_cast<size_t>(y.in().bytes()));
  };
  const std::unique_ptr<StepGraph> graph = capture(context, work);
  if (context.device == Device::kCpu) {
    EXPECT_EQ(graph, nullptr);
    EXPECT_TRUE(std::isnan(y.get(0))) << "work was run";
    return;
  }
  EXPECT_TRUE(std::isnan(y.get(0))) << "recording ran the work";
  float seen = 0;
  for (int round = 0; round < 3; ++round) {
    a.set(64, round);
    graph->replay();
    context.memory().copy_out(&seen, z.out().as<float>() + 64, sizeof(seen));
    EXPECT_EQ(seen, static_cast<float>(static_cast<float>(round) + static_cast<float>(b.get(64))));
  }
}

TEST(Graph, RefusesWhatNeedsTheHostAndRecovers) {
  Context& context = context_under_test();
  if (context.device == Device::kCpu) GTEST_SKIP() << "no graphs on the CPU";
  HostTensor x = HostTensor::random({4}, Dtype::f32, 1);
  float value = 0;
  DeviceMemory& memory = context.memory();
  expect_message([&] { capture(context, [&] { memory.copy_out(&value, x.in().data, 4); }); },
                 "a copy to the host cannot be");
  expect_message([&] { capture(context, [&] { memory.copy_in(x.out().data, &value, 4); }); },
                 "a copy from the host cannot be");
  expect_message([&] { capture(context, [&] { memory.release(memory.allocate(64)); }); }, "an allocation cannot be");
  expect_message([&] { capture(context, [&] { capture(context, [] {}); }); }, "another recording cannot be");
  memory.copy_out(&value, x.in().data, 4);
  EXPECT_EQ(value, static_cast<float>(x.get(0)));
}

}  // namespace
}  // namespace lorica::test
