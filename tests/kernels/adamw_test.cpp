#include "kernels/ops/adamw.h"

#include "tests/kernels/op_test.h"

namespace lorica::test {
namespace {

HostTensor step_values(double lr, float beta1, float beta2, int64_t step) {
  const auto values = adamw_step_values(lr, beta1, beta2, step);
  return {{3}, Dtype::f32, {values[0], values[1], values[2]}};
}

/// One tensor in f32, as the op has it, and beside it in double, as the reference has it. `shift` elements lie before
/// it in its memory, so that its address need not be a multiple of 16 bytes.
struct Trained {
  int64_t elements, shift;
  HostTensor value, grad, m, v;
  Doubles p, m_ref, v_ref;
  float lr_scale, weight_decay;

  Trained(int64_t n, uint64_t seed, float scale, float decay, int64_t shifted = 0)
      : elements(n),
        shift(shifted),
        value(HostTensor::random({n + shifted}, Dtype::f32, seed)),
        grad({n + shifted}, Dtype::f32),
        m({n + shifted}, Dtype::f32, Doubles(static_cast<size_t>(n + shifted))),
        v({n + shifted}, Dtype::f32, Doubles(static_cast<size_t>(n + shifted))),
        p(value.values()),
        m_ref(p.size()),
        v_ref(p.size()),
        lr_scale(scale),
        weight_decay(decay) {}
  AdamWTensor view() {
    return {.value = value.out().as<float>() + shift,
            .grad = grad.in().as<float>() + shift,
            .m = m.out().as<float>() + shift,
            .v = v.out().as<float>() + shift,
            .elements = elements,
            .lr_scale = lr_scale,
            .weight_decay = weight_decay};
  }
  void reference_step(const AdamW& op, double learning_rate, double clip, int64_t step) {
    const double b1 = op.beta1, b2 = op.beta2, lr = learning_rate * lr_scale;
    const double t = static_cast<double>(step);
    for (size_t i = static_cast<size_t>(shift); i < p.size(); ++i) {
      const double g = grad.get(i) * clip;
      p[i] -= lr * weight_decay * p[i];
      m_ref[i] = b1 * m_ref[i] + (1 - b1) * g;
      v_ref[i] = b2 * v_ref[i] + (1 - b2) * g * g;
      p[i] -= lr * (m_ref[i] / (1 - std::pow(b1, t))) / (std::sqrt(v_ref[i] / (1 - std::pow(b2, t))) + op.eps);
    }
  }
};

/// Steps over the tensors with gradients of 0.01; the limit clips them by 0.7 or not at all.
void follow_the_reference(std::vector<Trained>& trained, float limit, double norm, int64_t steps) {
  Context& context = context_under_test();
  for (int64_t step = 1; step <= steps; ++step) {
    std::vector<AdamWTensor> views;
    for (Trained& t : trained) {
      t.grad = HostTensor::random(t.grad.shape(), Dtype::f32, static_cast<uint64_t>(1000 * step), 0.01);
      views.push_back(t.view());
    }
    const double lr = 1e-2 * static_cast<double>(step);
    const HostTensor values = step_values(lr, 0.9f, 0.98f, step), norms({1}, Dtype::f64, {norm});
    const AdamW op{
        .tensors = views, .step_values = values.in(), .norm = norms.in(), .beta2 = 0.98f, .max_grad_norm = limit};
    launch(context, op);
    const double clip = limit > 0 ? std::min(1.0, limit / (norm + 1e-6)) : 1;
    for (Trained& t : trained) t.reference_step(op, lr, clip, step);
  }
  for (Trained& t : trained) {
    // m is a sum of terms of both signs of size |g| ~ 0.01; a step moves p by at most about 1.3 lr whatever m is
    expect_op_close(t.m, t.m_ref, Doubles(t.p.size(), 0.02), 8);
    expect_op_close(t.v, t.v_ref, t.v_ref, 40);
    expect_op_close(t.value, t.p, Doubles(t.p.size(), 4 + 10 * t.lr_scale), 8);
  }
}

TEST(AdamW, FollowsADoubleImplementationOverTenSteps) {
  const std::vector<int64_t> lengths =
      sizes({1, 7, 64, 257, 576, 1536, 40000, 16384, 0}, {1, 7, 64, 257, 2048, 4099, 0});
  for (float limit : {0.0f, 0.7f, 2.0f}) {
    std::vector<Trained> trained;
    uint64_t seed = 10;
    for (int64_t n : lengths) {
      ++seed;
      trained.emplace_back(n, seed, 0.5f * static_cast<float>(seed - 9), seed % 2 ? 0.1f : 0.0f);
    }
    trained.emplace_back(67, 90, 1.0f, 0.1f, 1);
    follow_the_reference(trained, limit, 1.0, 10);
  }
}

/// More tensors than one launch carries on a GPU.
TEST(AdamW, ManyTensors) {
  std::vector<Trained> trained;
  for (uint64_t i = 0; i < 800; ++i) trained.emplace_back(i % 3, i, 1.0f, 0.1f);
  follow_the_reference(trained, 0.7f, 1.0, 1);
}

/// With t = 1 the corrected moments are g and g^2: the step is lr g / (|g| + eps).
TEST(AdamW, FirstStepHasTheSizeOfTheLearningRate) {
  Trained t(2, 1, 1, 0);
  t.value = HostTensor({2}, Dtype::f32, {1, -2});
  t.grad = HostTensor({2}, Dtype::f32, {3, -0.5});
  const AdamWTensor tensor = t.view();
  const HostTensor values = step_values(0.25, 0.9f, 0.999f, 1);
  launch(context_under_test(), AdamW{.tensors = {&tensor, 1}, .step_values = values.in(), .norm = {}, .eps = 0});
  EXPECT_NEAR(t.value.get(0), 0.75, 1e-6);
  EXPECT_NEAR(t.value.get(1), -1.75, 1e-6);
}

TEST(AdamW, NanInTheGradientReachesTheValueUnlessTheNormShowsIt) {
  const HostTensor values = step_values(0.1, 0.9f, 0.999f, 1);
  for (double norm : {0.0, std::nan(""), HUGE_VAL}) {
    Trained t(3, 1, 1, 0.1f);
    t.grad = HostTensor({3}, Dtype::f32, {1, std::nan(""), 1});
    const Trained before = t;
    const AdamWTensor tensor = t.view();
    const HostTensor norms({1}, Dtype::f64, {norm});
    launch(context_under_test(),
           AdamW{.tensors = {&tensor, 1}, .step_values = values.in(), .norm = norm == 0 ? In() : norms.in()});
    if (norm == 0) {
      for (size_t i = 0; i < 3; ++i) EXPECT_EQ(std::isnan(t.value.get(i)), i == 1);
    } else {
      EXPECT_TRUE(same_bits(t.value, before.value) && same_bits(t.m, before.m) && same_bits(t.v, before.v));
    }
  }
}

TEST(AdamW, RefusesWrongArguments) {
  float x[2] = {};
  const HostTensor values = step_values(0.1, 0.9f, 0.999f, 1), norm({1}, Dtype::f64, {1.0});
  AdamWTensor tensor{.value = x, .grad = x, .m = x, .v = x, .elements = 2};
  const AdamW op{.tensors = {&tensor, 1}, .step_values = values.in(), .norm = norm.in()};
  EXPECT_NO_THROW(op.check());
  const auto with = [&](auto&& change) {
    AdamW changed = op;
    change(changed);
    return changed;
  };
  expect_refused(with([](AdamW& a) { a.step_values = {}; }), "AdamW: step_values: expected shape [3]");
  expect_refused(with([](AdamW& a) { a.step_values.dtype = Dtype::f64; }), "AdamW: step_values: expected f32");
  expect_refused(with([](AdamW& a) { a.norm.dtype = Dtype::f32; }), "AdamW: norm: expected f64");
  expect_refused(with([](AdamW& a) { a.norm = {}, a.max_grad_norm = 1; }), "AdamW: norm: needed to clip");
  expect_refused(with([](AdamW& a) { a.max_grad_norm = -1; }), "AdamW: max_grad_norm");
  expect_refused(with([](AdamW& a) { a.beta1 = 1; }), "AdamW: beta1");
  expect_refused(with([](AdamW& a) { a.beta2 = -0.1f; }), "AdamW: beta2");
  expect_refused(with([](AdamW& a) { a.eps = std::nanf(""); }), "AdamW: eps");
  tensor.v = nullptr;
  expect_refused(op, "AdamW: tensors[0]: value, grad, m and v");
  tensor.elements = -1;
  expect_refused(op, "AdamW: tensors[0]: expected 0 or more");
}

double norm_of(const std::vector<In>& grads) {
  HostTensor norm({1}, Dtype::f64);
  launch(context_under_test(), GlobalNorm{.grads = grads, .norm = norm.out()});
  return norm.get(0);
}

TEST(GlobalNorm, AgreesWithTheDoubleSum) {
  std::vector<HostTensor> grads;
  double squares = 0;
  for (int64_t n : {1, 7, 64, 257, 576, 1536, 50000}) {
    grads.push_back(HostTensor::random({n}, Dtype::f32, static_cast<uint64_t>(n)));
    for (double g : grads.back().values()) squares += g * g;
  }
  std::vector<In> views;
  for (const HostTensor& g : grads) views.push_back(g.in());
  // an address that is not a multiple of 16 bytes
  views.emplace_back(static_cast<const float*>(grads[4].in().data) + 1, Shape{575}, Dtype::f32);
  for (size_t i = 1; i < 576; ++i) squares += grads[4].get(i) * grads[4].get(i);
  const double norm = norm_of(views);
  EXPECT_NEAR(norm, std::sqrt(squares), 1e-12 * norm);
  EXPECT_EQ(norm_of(views), norm);
  EXPECT_EQ(norm_of({}), 0);
  grads[5].set(1535, std::nan(""));
  EXPECT_TRUE(std::isnan(norm_of(views)));
  grads[5].set(1535, HUGE_VAL);
  EXPECT_TRUE(std::isinf(norm_of(views)));
}

TEST(GlobalNorm, ManyTensors) {
  const HostTensor ones({3}, Dtype::f32, {1, 1, 1});
  EXPECT_NEAR(norm_of(std::vector<In>(588, ones.in())), 42, 1e-12);
}

TEST(GlobalNorm, DoesNotOverflowWhereAnF32SumWould) {
  const HostTensor grad({2}, Dtype::f32, {3e30, 4e30});
  EXPECT_NEAR(norm_of({grad.in()}), 5e30, 1e24);
}

TEST(GlobalNorm, RefusesWrongArguments) {
  const HostTensor f32({2}, Dtype::f32), half({2}, Dtype::bf16);
  const std::vector<In> views = {f32.in(), half.in()};
  HostTensor norm({1}, Dtype::f64), single({1}, Dtype::f32);
  expect_refused(GlobalNorm{.grads = views, .norm = norm.out()}, "GlobalNorm: grads[1]: expected f32, got bf16");
  expect_refused(GlobalNorm{.grads = {}, .norm = {}}, "GlobalNorm: norm: expected shape [1]");
  expect_refused(GlobalNorm{.grads = {}, .norm = single.out()}, "GlobalNorm: norm: expected f64");
}

}  // namespace
}  // namespace lorica::test
