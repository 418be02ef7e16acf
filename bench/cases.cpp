#include "bench/cases.h"

#include "kernels/ops/adamw.h"

namespace lorica::bench {

WeightIn Setup::packed(const Tensor& w, PackFor direction) {
  WeightIn weight{.w = w};
  if (context_.device != Device::kCpu) return weight;
  const auto& pack = own(pack_weight(context_.cpu, w, WeightLayout::kOutIn, direction));
  weight.packed = pack.get();
  return weight;
}

WeightIn Setup::weight(int64_t out, int64_t in, Dtype dtype, PackFor direction) {
  return packed(random({out, in}, dtype, 0.05f), direction);
}

std::pair<WeightIn, WeightIn> Setup::weight_both_ways(int64_t out, int64_t in, Dtype dtype) {
  const Tensor w = random({out, in}, dtype, 0.05f);
  return {packed(w, PackFor::kForward), packed(w, PackFor::kBackward)};
}

int64_t Setup::bytes() const {
  int64_t bytes = 0;
  for (const Tensor& tensor : tensors_) bytes += tensor.bytes();
  return bytes;
}

const std::vector<ModelShape>& model_shapes() {
  static const std::vector<ModelShape> kShapes = {
      {"SmolLM2-135M", 576, 1536, 30, 9, 3, 64, 49152},
      {"Qwen3-0.6B", 1024, 3072, 28, 16, 8, 128, 151936},
      {"Llama-3.1-8B", 4096, 14336, 32, 32, 8, 128, 128256},
  };
  return kShapes;
}

/// LoRA of rank 16 on the seven matrices of every block.
void add_optimizer_cases(std::vector<Case>& cases, const ModelShape& m) {
  std::vector<int64_t> sizes;
  const int64_t q = m.heads * m.head_dim, kv = m.kv_heads * m.head_dim;
  for (int64_t layer = 0; layer < m.layers; ++layer)
    for (const int64_t features : {m.hidden, q, m.hidden, kv, m.hidden, kv, q, m.hidden, m.hidden, m.intermediate,
                                   m.hidden, m.intermediate, m.intermediate, m.hidden})
      sizes.push_back(16 * features);
  const std::string shape = fmt::format("{} tensors", sizes.size());
  cases.push_back(
      {"adamw", m.name, shape, {Dtype::f32}, 0, [sizes](Setup& s, Dtype dtype, int64_t) {
         auto& tensors = s.own(std::vector<AdamWTensor>());
         for (const int64_t n : sizes) {
           const Tensor value = s.random({n}, dtype), grad = s.random({n}, dtype);
           const Tensor m1 = s.random({n}, dtype), m2 = s.scratch({n}, dtype);
           m2.clear();
           if (tensors.empty()) s.compare(value);
           tensors.push_back({.value = value.out().as<float>(),
                              .grad = grad.in().as<float>(),
                              .m = m1.out().as<float>(),
                              .v = m2.out().as<float>(),
                              .elements = n});
         }
         const auto values = adamw_step_values(1e-4, 0.9f, 0.999f, 2);
         s.time(AdamW{.tensors = tensors, .step_values = s.of(std::vector(values.begin(), values.end())), .norm = {}});
       }});
  cases.push_back({"global_norm", m.name, shape, {Dtype::f32}, 0, [sizes](Setup& s, Dtype dtype, int64_t) {
                     auto& grads = s.own(std::vector<In>());
                     for (const int64_t n : sizes) grads.push_back(s.random({n}, dtype));
                     s.time(GlobalNorm{.grads = grads, .norm = s.result({1}, Dtype::f64)});
                   }});
}

}  // namespace lorica::bench
