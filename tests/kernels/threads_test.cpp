#include <omp.h>

#include "kernels/ops/activation.h"
#include "kernels/ops/adamw.h"
#include "kernels/ops/elementwise.h"
#include "kernels/ops/embedding.h"
#include "kernels/ops/layer_norm.h"
#include "kernels/ops/rms_norm.h"
#include "kernels/ops/rope.h"
#include "tests/kernels/op_test.h"

namespace lorica::test {
namespace {

constexpr int64_t kTokens = 333, kWidth = 257;

/// Runs the ops on the given number of threads; the results in the order of the calls.
class Runs {
 public:
  Runs(int threads, Dtype dtype) : dtype_(dtype) {
    const int before = omp_get_max_threads();
    omp_set_num_threads(threads);
    norms();
    others();
    optimizer();
    omp_set_num_threads(before);
  }
  std::vector<HostTensor> results;
  double norm = 0;

 private:
  HostTensor random(Shape shape, uint64_t seed) const { return HostTensor::random(shape, dtype_, seed); }
  HostTensor& result(Shape shape, Dtype dtype) { return results.emplace_back(shape, dtype); }
  GradOut grad(Shape shape, Dtype dtype) { return result(shape, dtype).grad(GradMode::kWrite); }

  void norms() {
    const Shape shape{kTokens, kWidth};
    const HostTensor x = random(shape, 1), dy = random(shape, 2), w = random({kWidth}, 3), b = random({kWidth}, 4);
    HostTensor rstd({kTokens}, Dtype::f32), mean({kTokens}, Dtype::f32);
    launch(context_, RmsNormFwd{.x = x.in(), .w = w.in(), .y = result(shape, dtype_).out(), .rstd = rstd.out()});
    launch(context_, RmsNormBwd{.dy = dy.in(),
                                .x = x.in(),
                                .w = w.in(),
                                .rstd = rstd.in(),
                                .dx = grad(shape, dtype_),
                                .dw = grad({kWidth}, Dtype::f32)});
    launch(context_, LayerNormFwd{.x = x.in(),
                                  .w = w.in(),
                                  .b = b.in(),
                                  .y = result(shape, dtype_).out(),
                                  .mean = mean.out(),
                                  .rstd = rstd.out()});
    launch(context_, LayerNormBwd{.dy = dy.in(),
                                  .x = x.in(),
                                  .w = w.in(),
                                  .mean = mean.in(),
                                  .rstd = rstd.in(),
                                  .dx = grad(shape, dtype_),
                                  .dw = grad({kWidth}, Dtype::f32),
                                  .db = grad({kWidth}, Dtype::f32)});
  }

  void others() {
    const Shape shape{kTokens, kWidth};
    const HostTensor x = random(shape, 5), y = random(shape, 6), dy = random(shape, 7),
                     heads = random({kTokens, 4, 64}, 8);
    const HostTensor table = HostTensor::random({kTokens, 32}, Dtype::f32, 9);
    std::vector<int32_t> ids;
    for (int64_t t = 0; t < kTokens; ++t) ids.push_back(static_cast<int32_t>(t * t % 29));
    const HostTensor id = HostTensor::ints(ids);
    launch(context_, EmbeddingFwd{.table = x.in(), .ids = id.in(), .y = result(shape, dtype_).out(), .scale = 3});
    launch(context_, EmbeddingBwd{.dy = dy.in(), .ids = id.in(), .dtable = grad({29, kWidth}, Dtype::f32)});
    launch(context_, Rope{.x = heads.in(),
                          .cos = table.in(),
                          .sin = table.in(),
                          .positions = id.in(),
                          .y = result({kTokens, 4, 64}, dtype_).out()});
    launch(context_, GluFwd{.gate = x.in(), .up = y.in(), .y = result(shape, dtype_).out()});
    launch(
        context_,
        GluBwd{.dy = dy.in(), .gate = x.in(), .up = y.in(), .dgate = grad(shape, dtype_), .dup = grad(shape, dtype_)});
    launch(context_, Add{.a = x.in(), .b = y.in(), .y = result(shape, dtype_).out()});
    launch(context_, Cast{.x = x.in(), .y = result(shape, Dtype::bf16).out()});
    launch(context_, GatherRows{.x = x.in(), .rows = id.in(), .y = result(shape, dtype_).out()});
  }

  void optimizer() {
    HostTensor& p = result({50000}, Dtype::f32);
    p = HostTensor::random({50000}, Dtype::f32, 10);
    HostTensor m = HostTensor::random({50000}, Dtype::f32, 11), v({50000}, Dtype::f32, absolute(m.values()));
    const HostTensor g = HostTensor::random({50000}, Dtype::f32, 12);
    const AdamWTensor tensor{.value = p.out().as<float>(),
                             .grad = g.in().as<float>(),
                             .m = m.out().as<float>(),
                             .v = v.out().as<float>(),
                             .elements = 50000};
    const HostTensor values({3}, Dtype::f32, {0.1, 0.25, 0.01});
    launch(context_, AdamW{.tensors = {&tensor, 1}, .step_values = values.in(), .norm = {}});
    const In view = g.in();
    launch(context_, GlobalNorm{.grads = {&view, 1}, .norm = {&norm, {1}, Dtype::f64}});
  }

  Dtype dtype_;
  Context context_;
};

TEST(Threads, TheirNumberChangesNoBit) {
  for (Dtype dtype : kFloatDtypes) {
    const Runs one(1, dtype);
    for (int threads : {2, 3}) {
      const Runs many(threads, dtype);
      ASSERT_EQ(one.results.size(), many.results.size());
      for (size_t i = 0; i < one.results.size(); ++i)
        EXPECT_TRUE(same_bits(one.results[i], many.results[i])) << "result " << i << " on " << threads << " threads";
      EXPECT_EQ(one.norm, many.norm);
    }
  }
}

}  // namespace
}  // namespace lorica::test
