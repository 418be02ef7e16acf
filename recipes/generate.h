#pragma once
#include <functional>
#include <string>
#include <vector>

#include "recipes/sampler.h"
#include "recipes/session.h"

namespace lorica {

struct GenerateOptions {
  SamplingOptions sampling;
  int64_t max_new_tokens = 256;
  std::vector<std::string> stop;  ///< text that ends an answer; it is not part of it
  int64_t batch_size = 8;
};

struct Completion {
  std::vector<int32_t> ids;  ///< new tokens, without the one that ended the answer
  std::string text;
  std::string finish_reason;  ///< "stop" (a stop token or text) or "length"
};

/// Sees the text of a sequence as it grows, whole UTF-8 characters at a time; returns false to end it.
using OnText = std::function<bool(size_t sequence, const std::string& piece)>;

/// Continues each prompt; results in the order of the prompts, which are run batch_size at a time. `prompts` are token
/// ids, none empty.
std::vector<Completion> generate(Session& session, const std::vector<std::vector<int32_t>>& prompts,
                                 const GenerateOptions& options, const OnText& on_text = {});

/// One answer after another over a growing conversation: the cache keeps what two successive prompts have in common.
class Conversation {
 public:
  Conversation(Session& session, const GenerateOptions& options);
  /// Throws Error when prompt and answer do not fit the model's positions.
  Completion answer(const std::vector<int32_t>& prompt, const OnText& on_text);

 private:
  Session& session_;
  GenerateOptions options_;
  std::unique_ptr<KvCache> cache_;
  std::vector<int32_t> cached_;
  uint64_t turns_ = 0;
};

}  // namespace lorica
