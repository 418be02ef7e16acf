#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>

#include "optim/adamw.h"
#include "optim/schedule.h"
#include "tests/support/tiny_model.h"

namespace lorica {
namespace {

void set(Tensor& tensor, const nlohmann::json& values) {
  ASSERT_EQ(static_cast<size_t>(tensor.elements()), values.size());
  for (size_t i = 0; i < values.size(); ++i) tensor.as<float>()[i] = values[i].get<float>();
}

/// Eight steps with and without clipping; the vector gets no decay, the last matrix no gradient in two of them.
TEST(AdamW, FollowsPyTorch) {
  const auto golden = nlohmann::json::parse(read_file(TEST_DATA "/optim/adamw.json"));
  Context context;
  Arena arena;
  const std::vector<Shape> shapes = {{3, 5}, {7}, {2, 4}};
  std::vector<Parameter> parameters(3);
  std::vector<Parameter*> pointers;
  for (size_t i = 0; i < 3; ++i) {
    parameters[i].value = Tensor(arena, shapes[i], Dtype::f32);
    parameters[i].gradient = Tensor(arena, shapes[i], Dtype::f32);
    set(parameters[i].value, golden["start"][i]);
    pointers.push_back(&parameters[i]);
  }
  AdamWOptimizer optimizer(arena, pointers, {.beta1 = 0.9, .beta2 = 0.99, .weight_decay = 0.1, .max_grad_norm = 1});
  // PyTorch counts the steps of each tensor, so the third is compared up to its first step without a gradient alone
  std::vector<float> third;
  int64_t step = 0;
  for (const auto& s : golden["steps"]) {
    const bool has_third = s["has_third"];
    for (size_t i = 0; i < 3; ++i) {
      set(parameters[i].gradient, s["gradients"][i]);
      parameters[i].has_gradient = i < 2 || has_third;
    }
    const float* last = parameters[2].value.as<float>();
    third.assign(last, last + 8);
    const double norm = optimizer.gradient_norm(context);
    EXPECT_NEAR(norm, s["norm"].get<double>(), 1e-6 * norm);
    optimizer.step(context, s["lr"]);
    EXPECT_EQ(optimizer.steps(), ++step);
    for (size_t i = 0; i < 2; ++i)
      for (size_t j = 0; j < s["values"][i].size(); ++j)
        EXPECT_NEAR(parameters[i].value.as<float>()[j], s["values"][i][j].get<double>(), 2e-6) << i << ' ' << j;
    EXPECT_EQ(std::equal(third.begin(), third.end(), last), !has_third) << "step " << step;
    for (const Parameter& p : parameters) EXPECT_FALSE(p.has_gradient);
  }
}

TEST(AdamW, WithoutALimitNothingIsClipped) {
  Context context;
  Arena arena;
  const auto moved = [&](double limit, float gradient) {
    Parameter p;
    p.value = Tensor(arena, {1, 1}, Dtype::f32);
    p.gradient = Tensor(arena, {1, 1}, Dtype::f32);
    p.value.as<float>()[0] = 0;
    p.gradient.as<float>()[0] = gradient;
    p.has_gradient = true;
    // eps as large as the gradient makes the step depend on its size
    AdamWOptimizer optimizer(arena, {&p}, {.eps = 10, .max_grad_norm = limit});
    optimizer.find_norm(context);
    optimizer.step(context, 1);
    return static_cast<double>(p.value.as<float>()[0]);
  };
  EXPECT_NEAR(moved(0, 30), -30.0 / 40, 1e-6);
  EXPECT_NEAR(moved(5, 30), -5.0 / 15, 1e-6);
  EXPECT_NEAR(moved(50, 30), -30.0 / 40, 1e-6);
}

TEST(Schedule, WarmUpMovesFromTheFirstStepOn) {
  for (ScheduleKind kind : {ScheduleKind::kConstant, ScheduleKind::kLinear, ScheduleKind::kCosine}) {
    EXPECT_DOUBLE_EQ(schedule_factor(kind, 0, 0.01, 0.1), 0.1);
    EXPECT_DOUBLE_EQ(schedule_factor(kind, 0.05, 0.06, 0.1), 0.6);
    EXPECT_DOUBLE_EQ(schedule_factor(kind, 0.09, 0.10, 0.1), 1);
    EXPECT_DOUBLE_EQ(schedule_factor(kind, 0.095, 0.2, 0.1), 1);  // a step that goes past the end of the warm-up
    EXPECT_DOUBLE_EQ(schedule_factor(kind, 0.1, 0.11, 0.1), 1);
    EXPECT_DOUBLE_EQ(schedule_factor(kind, 0, 0.01, 0), 1);
  }
}

TEST(Schedule, FallsToZero) {
  EXPECT_DOUBLE_EQ(schedule_factor(ScheduleKind::kConstant, 0.9, 1, 0.1), 1);
  EXPECT_DOUBLE_EQ(schedule_factor(ScheduleKind::kLinear, 0.55, 0.6, 0.1), 0.5);
  EXPECT_NEAR(schedule_factor(ScheduleKind::kLinear, 1, 1, 0.1), 0, 1e-15);
  EXPECT_NEAR(schedule_factor(ScheduleKind::kLinear, 1.2, 1.3, 0.1), 0, 1e-15);  // past the end, by time
  EXPECT_NEAR(schedule_factor(ScheduleKind::kCosine, 0.55, 0.6, 0.1), 0.5, 1e-15);
  EXPECT_NEAR(schedule_factor(ScheduleKind::kCosine, 0.325, 0.4, 0.1), 0.5 * (1 + std::numbers::sqrt2 / 2), 1e-12);
  EXPECT_NEAR(schedule_factor(ScheduleKind::kCosine, 1, 1, 0.1), 0, 1e-15);
}

TEST(Schedule, AllWarmUp) {
  EXPECT_DOUBLE_EQ(schedule_factor(ScheduleKind::kLinear, 0.5, 0.75, 1), 0.75);
  EXPECT_DOUBLE_EQ(schedule_factor(ScheduleKind::kCosine, 0.9, 1, 1), 1);
}

}  // namespace
}  // namespace lorica
