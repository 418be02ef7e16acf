#include "recipes/generate.h"

#include <algorithm>
#include <deque>
#include <optional>

namespace lorica {
namespace {

/// One sequence while it grows: takes tokens, watches for the ends.
class Growing {
 public:
  Growing(const Session& session, const GenerateOptions& options, std::vector<int32_t> prompt)
      : session_(session), options_(options), seen_(std::move(prompt)), decoder_(session.tokenizer(), true) {}

  bool done() const { return done_; }
  /// Its tokens, for the sampler; null when the answer has ended.
  const std::vector<int32_t>* seen() const { return done_ ? nullptr : &seen_; }
  Completion take() { return std::move(result_); }
  /// Ends the answer where the model has no position left.
  void cut(size_t index, const OnText& on_text) { finish("length", index, on_text); }

  /// Takes the token that was chosen. Returns what the model should see next: it, or nothing when the answer has ended.
  std::optional<int32_t> advance(int32_t id, size_t index, const OnText& on_text) {
    const auto& stops = session_.stop_tokens();
    if (std::binary_search(stops.begin(), stops.end(), id)) return finish("stop", index, on_text);
    seen_.push_back(id);
    result_.ids.push_back(id);
    pending_ += decoder_.push(id);
    if (found_stop_text()) return finish("stop", index, on_text);
    if (static_cast<int64_t>(result_.ids.size()) >= options_.max_new_tokens) return finish("length", index, on_text);
    if (!release(index, on_text, held_back())) return finish("stop", index, on_text);
    return id;
  }

 private:
  std::optional<int32_t> finish(const char* reason, size_t index, const OnText& on_text) {
    if (!stopped_by_text_) {
      pending_ += decoder_.finish();
      stopped_by_text_ = found_stop_text();
      if (stopped_by_text_) reason = "stop";
    }
    release(index, on_text, 0);
    result_.finish_reason = reason;
    done_ = true;
    return std::nullopt;
  }

  bool found_stop_text() {
    for (const std::string& stop : options_.stop) {
      const size_t at = pending_.find(stop);
      if (at == std::string::npos) continue;
      pending_.resize(at);
      stopped_by_text_ = true;
      return true;
    }
    return false;
  }

  /// How much of the end of the text may turn out to be the start of a stop text.
  size_t held_back() const {
    size_t longest = 0;
    for (const std::string& stop : options_.stop)
      for (size_t n = std::min(stop.size() - 1, pending_.size()); n > longest; --n)
        if (pending_.ends_with(stop.substr(0, n))) longest = n;
    return longest;
  }

  bool release(size_t index, const OnText& on_text, size_t keep) {
    const std::string piece = pending_.substr(0, pending_.size() - keep);
    pending_.erase(0, piece.size());
    result_.text += piece;
    return piece.empty() || !on_text || on_text(index, piece);
  }

  const Session& session_;
  const GenerateOptions& options_;
  std::vector<int32_t> seen_;
  StreamDecoder decoder_;
  std::string pending_;
  Completion result_;
  bool done_ = false, stopped_by_text_ = false;
};

void check_prompt(const Session& session, const std::vector<int32_t>& prompt, int64_t positions) {
  if (prompt.empty()) throw Error("generate: an empty prompt");
  if (static_cast<int64_t>(prompt.size()) >= positions)
    throw Error("generate: a prompt of {} tokens leaves no room in the {} positions of {}", prompt.size(), positions,
                session.folder().string());
}

void run_batch(Session& session, std::span<const std::vector<int32_t>> prompts, size_t first,
               const GenerateOptions& options, const OnText& on_text, std::vector<Completion>& results) {
  Decoder& model = session.model();
  size_t longest = 0;
  std::deque<Growing> growing;  // never moves its elements
  std::vector<int32_t> ids, cu_q = {0};
  for (size_t b = 0; b < prompts.size(); ++b) {
    check_prompt(session, prompts[b], model.config().max_positions);
    longest = std::max(longest, prompts[b].size());
    growing.emplace_back(session, options, prompts[b]);
    ids.insert(ids.end(), prompts[b].begin(), prompts[b].end());
    cu_q.push_back(static_cast<int32_t>(ids.size()));
  }
  const int64_t capacity =
      std::min<int64_t>(static_cast<int64_t>(longest) + options.max_new_tokens, model.config().max_positions);
  KvCache cache(session.arena(), model.config(), model.dtype(), static_cast<int64_t>(prompts.size()), capacity);
  Sampler sampler(session.context(), session.arena(), options.sampling, first, prompts.size());
  while (!ids.empty()) {
    const Tensor logits = model.step(cache, ids, cu_q);
    std::vector<const std::vector<int32_t>*> seen;
    for (const Growing& sequence : growing) seen.push_back(sequence.seen());
    const std::vector<int32_t> chosen = sampler.next(logits, seen);
    ids.clear();
    std::vector<int32_t> next_cu = {0};
    for (size_t b = 0; b < growing.size(); ++b) {
      const bool full = cache.length(static_cast<int64_t>(b)) >= capacity;
      if (!growing[b].done()) {
        const auto id = growing[b].advance(chosen[b], first + b, on_text);
        if (id && full) growing[b].cut(first + b, on_text);
        if (id && !full) ids.push_back(*id);
      }
      next_cu.push_back(static_cast<int32_t>(ids.size()));
    }
    cu_q = next_cu;
  }
  for (Growing& sequence : growing) results.push_back(sequence.take());
}

}  // namespace

std::vector<Completion> generate(Session& session, const std::vector<std::vector<int32_t>>& prompts,
                                 const GenerateOptions& options, const OnText& on_text) {
  session.require_language_model("write text");
  std::vector<Completion> results;
  const auto batch = static_cast<size_t>(std::max<int64_t>(options.batch_size, 1));
  for (size_t first = 0; first < prompts.size(); first += batch) {
    const size_t count = std::min(batch, prompts.size() - first);
    run_batch(session, std::span(prompts).subspan(first, count), first, options, on_text, results);
  }
  return results;
}

Conversation::Conversation(Session& session, const GenerateOptions& options) : session_(session), options_(options) {
  session.require_language_model("write text");
}

Completion Conversation::answer(const std::vector<int32_t>& prompt, const OnText& on_text) {
  Decoder& model = session_.model();
  check_prompt(session_, prompt, model.config().max_positions);
  const int64_t wanted =
      std::min<int64_t>(static_cast<int64_t>(prompt.size()) + options_.max_new_tokens, model.config().max_positions);
  if (!cache_ || cache_->capacity() < wanted) {
    cache_ = std::make_unique<KvCache>(session_.arena(), model.config(), model.dtype(), 1,
                                       std::min<int64_t>(2 * wanted, model.config().max_positions));
    cached_.clear();
  }
  // The last prompt token always runs again: its logits start the answer.
  const auto common = std::mismatch(prompt.begin(), prompt.end() - 1, cached_.begin(), cached_.end()).first;
  cache_->truncate(0, common - prompt.begin());
  std::vector<int32_t> fresh(common, prompt.end());
  cached_ = prompt;
  Growing growing(session_, options_, prompt);
  Sampler sampler(session_.context(), session_.arena(), options_.sampling, turns_++, 1);
  while (!growing.done() && cache_->length(0) + static_cast<int64_t>(fresh.size()) <= cache_->capacity()) {
    const Tensor logits = model.step(*cache_, fresh, std::vector<int32_t>{0, static_cast<int32_t>(fresh.size())});
    const std::vector<int32_t>* const seen = growing.seen();
    const auto id = growing.advance(sampler.next(logits, {&seen, 1})[0], 0, on_text);
    if (!id) break;
    fresh = {*id};
    cached_.push_back(*id);
  }
  if (!growing.done()) growing.cut(0, on_text);
  cached_.resize(static_cast<size_t>(cache_->length(0)));
  return growing.take();
}

}  // namespace lorica
