#include "kernels/ops/adamw.h"

#include "tests/kernels/op_test.h"

namespace lorica::test {
namespace {

/// One tensor in f32, as the op has it, and beside it in double, as the reference has it.
struct Trained {
  HostTensor value, grad, m, v;
  Doubles p, m_ref, v_ref;
  float learning_rate, weight_decay;

  Trained(int64_t n, uint64_t seed, float lr, float decay)
      : value(HostTensor::random({n}, Dtype::f32, seed)),
        grad({n}, Dtype::f32),
        m({n}, Dtype::f32, Doubles(static_cast<size_t>(n))),
        v({n}, Dtype::f32, Doubles(static_cast<size_t>(n))),
        p(value.values()),
        m_ref(static_cast<size_t>(n)),
        v_ref(static_cast<size_t>(n)),
        learning_rate(lr),
        weight_decay(decay) {}
  AdamWTensor view() {
    return {.value = value.out().as<float>(),
            .grad = grad.in().as<float>(),
            .m = m.out().as<float>(),
            .v = v.out().as<float>(),
            .elements = grad.in().elements(),
            .learning_rate = learning_rate,
            .weight_decay = weight_decay};
  }
  void reference_step(const AdamW& op) {
    const double b1 = op.beta1, b2 = op.beta2, lr = learning_rate;
    const double t = static_cast<double>(op.step);
    for (size_t i = 0; i < p.size(); ++i) {
      const double g = grad.get(i) * op.grad_scale;
      p[i] -= lr * weight_decay * p[i];
      m_ref[i] = b1 * m_ref[i] + (1 - b1) * g;
      v_ref[i] = b2 * v_ref[i] + (1 - b2) * g * g;
      p[i] -= lr * (m_ref[i] / (1 - std::pow(b1, t))) / (std::sqrt(v_ref[i] / (1 - std::pow(b2, t))) + op.eps);
    }
  }
};

TEST(AdamW, FollowsADoubleImplementationOverTenSteps) {
  Context& context = context_under_test();
  std::vector<Trained> trained;
  uint64_t seed = 10;
  for (int64_t n : {1, 7, 64, 257, 576, 1536, 40000, 16384, 0}) {
    ++seed;
    trained.emplace_back(n, seed, 1e-2f * static_cast<float>(seed - 9), seed % 2 ? 0.1f : 0.0f);
  }
  for (int64_t step = 1; step <= 10; ++step) {
    std::vector<AdamWTensor> views;
    for (Trained& t : trained) {
      t.grad = HostTensor::random(t.grad.shape(), Dtype::f32, static_cast<uint64_t>(1000 * step), 0.01);
      views.push_back(t.view());
    }
    const AdamW op{.tensors = views, .beta2 = 0.98f, .step = step, .grad_scale = 0.7f};
    launch(context, op);
    for (Trained& t : trained) t.reference_step(op);
  }
  for (Trained& t : trained) {
    // m is a sum of terms of both signs of size |g| ~ 0.01; a step moves p by at most about 1.3 lr whatever m is
    expect_op_close(t.m, t.m_ref, Doubles(t.p.size(), 0.02), 8);
    expect_op_close(t.v, t.v_ref, t.v_ref, 40);
    expect_op_close(t.value, t.p, Doubles(t.p.size(), 4 + 100 * t.learning_rate), 8);
  }
}

/// With t = 1 the corrected moments are g and g^2: the step is lr g / (|g| + eps).
TEST(AdamW, FirstStepHasTheSizeOfTheLearningRate) {
  Context& context = context_under_test();
  float value[2] = {1, -2}, m[2] = {}, v[2] = {};
  const float grad[2] = {3, -0.5f};
  const AdamWTensor tensor{.value = value, .grad = grad, .m = m, .v = v, .elements = 2, .learning_rate = 0.25f};
  launch(context, AdamW{.tensors = {&tensor, 1}, .eps = 0});
  EXPECT_NEAR(value[0], 0.75, 1e-6);
  EXPECT_NEAR(value[1], -1.75, 1e-6);
}

TEST(AdamW, NanInTheGradientReachesTheValue) {
  Context& context = context_under_test();
  float value[3] = {1, 1, 1}, m[3] = {}, v[3] = {};
  const float grad[3] = {1, std::nanf(""), 1};
  const AdamWTensor tensor{.value = value, .grad = grad, .m = m, .v = v, .elements = 3, .learning_rate = 0.1f};
  launch(context, AdamW{.tensors = {&tensor, 1}});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(std::isnan(value[i]), i == 1);
}

TEST(AdamW, RefusesWrongArguments) {
  float x[2] = {};
  AdamWTensor tensor{.value = x, .grad = x, .m = x, .v = x, .elements = 2};
  const AdamW op{.tensors = {&tensor, 1}};
  EXPECT_NO_THROW(op.check());
  const auto with = [&](auto&& change) {
    AdamW changed = op;
    change(changed);
    return changed;
  };
  expect_refused(with([](AdamW& a) { a.step = 0; }), "AdamW: step: expected at least 1, got 0");
  expect_refused(with([](AdamW& a) { a.beta1 = 1; }), "AdamW: beta1");
  expect_refused(with([](AdamW& a) { a.beta2 = -0.1f; }), "AdamW: beta2");
  expect_refused(with([](AdamW& a) { a.eps = std::nanf(""); }), "AdamW: eps");
  tensor.v = nullptr;
  expect_refused(op, "AdamW: tensors[0]: value, grad, m and v");
  tensor.elements = -1;
  expect_refused(op, "AdamW: tensors[0]: expected 0 or more");
}

TEST(GlobalNorm, AgreesWithTheDoubleSum) {
  Context& context = context_under_test();
  std::vector<HostTensor> grads;
  double squares = 0;
  for (int64_t n : {1, 7, 64, 257, 576, 1536, 50000}) {
    grads.push_back(HostTensor::random({n}, Dtype::f32, static_cast<uint64_t>(n)));
    for (double g : grads.back().values()) squares += g * g;
  }
  std::vector<In> views;
  for (const HostTensor& g : grads) views.push_back(g.in());
  double norm = std::nan("");
  launch(context, GlobalNorm{.grads = views, .norm = &norm});
  EXPECT_NEAR(norm, std::sqrt(squares), 1e-12 * norm);
  launch(context, GlobalNorm{.grads = {}, .norm = &norm});
  EXPECT_EQ(norm, 0);
  grads[5].set(1535, std::nan(""));
  launch(context, GlobalNorm{.grads = views, .norm = &norm});
  EXPECT_TRUE(std::isnan(norm));
  grads[5].set(1535, HUGE_VAL);
  launch(context, GlobalNorm{.grads = views, .norm = &norm});
  EXPECT_TRUE(std::isinf(norm));
}

TEST(GlobalNorm, DoesNotOverflowWhereAnF32SumWould) {
  Context& context = context_under_test();
  const HostTensor grad({2}, Dtype::f32, {3e30, 4e30});
  const In view = grad.in();
  double norm = 0;
  launch(context, GlobalNorm{.grads = {&view, 1}, .norm = &norm});
  EXPECT_NEAR(norm, 5e30, 1e24);
}

TEST(GlobalNorm, RefusesWrongArguments) {
  const HostTensor f32({2}, Dtype::f32), half({2}, Dtype::bf16);
  const std::vector<In> views = {f32.in(), half.in()};
  double norm = 0;
  expect_refused(GlobalNorm{.grads = views, .norm = &norm}, "GlobalNorm: grads[1]: expected f32, got bf16");
  expect_refused(GlobalNorm{.grads = {}, .norm = nullptr}, "GlobalNorm: norm");
}

}  // namespace
}  // namespace lorica::test
