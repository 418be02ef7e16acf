#include "recipes/sampler.h"

namespace lorica {

int32_t Sampler::next(std::span<const float> logits, std::span<const int32_t> seen) {
  const auto length = static_cast<int32_t>(seen.size());
  int32_t id = 0;
  const Sample op{.logits = {logits.data(), {1, static_cast<int64_t>(logits.size())}, Dtype::f32},
                  .seen = {seen.data(), {1, length}, Dtype::i32},
                  .seen_lens = {&length, {1}, Dtype::i32},
                  .draws = {draw_, {1, 2}, Dtype::i64},
                  .ids = {&id, {1}, Dtype::i32},
                  .options = options_};
  op.check();
  run(cpu_, op);
  ++draw_[1];
  return id;
}

}  // namespace lorica
