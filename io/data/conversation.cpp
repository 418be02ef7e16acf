#include "io/data/conversation.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "io/data/labels.h"

namespace lorica {
namespace {

using Json = nlohmann::ordered_json;

/// How many tokens of `ids` start before byte `end` of the text: the tokens of text[:end] alone agree with them up to a
/// token that straddles the boundary, and the first run of `ids` whose text covers text[:end] ends the search.
size_t tokens_before(const TextTokenizer& tokenizer, std::string_view text, const std::vector<int32_t>& ids,
                     size_t end) {
  const std::vector<int32_t> alone = tokenizer.encode(text.substr(0, end), false);
  const auto [ours, theirs] = std::mismatch(ids.begin(), ids.end(), alone.begin(), alone.end());
  const auto common = static_cast<size_t>(ours - ids.begin());
  if (theirs == alone.end()) return common;
  const std::string covered = tokenizer.decode(alone);
  // Merges reach a few tokens past the boundary. A search without an end would cost the square of the length for a
  // tokenizer whose decode() does not give the text back; such a token run counts as untrained.
  constexpr size_t kReach = 256;
  for (size_t count = common; count <= std::min(ids.size(), common + kReach); ++count) {
    const std::vector<int32_t> head(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(count));
    if (tokenizer.decode(head).starts_with(covered)) return count;
  }
  return ids.size();
}

/// The same for the begin and the end of each range, from the cheapest to the dearest way.
std::vector<size_t> token_cuts(const TextTokenizer& tokenizer, std::string_view text, const std::vector<int32_t>& ids,
                               std::span<const ByteRange> ranges) {
  std::vector<size_t> ends;
  for (const ByteRange& range : ranges) ends.insert(ends.end(), {range.begin, range.end});
  std::vector<size_t> cuts;
  if (const std::vector<size_t> starts = tokenizer.starts(text, ids); starts.size() == ids.size()) {
    auto from = starts.begin();
    for (const size_t end : ends) {
      from = std::lower_bound(from, starts.end(), end);
      cuts.push_back(static_cast<size_t>(from - starts.begin()));
    }
    return cuts;
  }
  // Almost always the segments between the boundaries, tokenized apart, give the same tokens.
  std::vector<int32_t> joined;
  size_t at = 0;
  const auto add_segment = [&](size_t end) {
    const std::vector<int32_t> part = tokenizer.encode(text.substr(at, end - at), false);
    joined.insert(joined.end(), part.begin(), part.end());
    at = end;
  };
  for (const size_t end : ends) {
    add_segment(end);
    cuts.push_back(joined.size());
  }
  add_segment(text.size());
  if (joined == ids) return cuts;
  std::transform(ends.begin(), ends.end(), cuts.begin(),
                 [&](size_t end) { return tokens_before(tokenizer, text, ids, end); });
  return cuts;
}

std::string text_of(const Json& messages, std::string_view role) {
  for (const Json& message : messages) {
    if (message.value("role", "") == role && message["content"].is_string()) return message["content"];
  }
  return {};
}

/// What looks like a control token, <|...|>, in `text`; ends of the views lie in `text`.
std::vector<std::string_view> special_looking(std::string_view text) {
  std::vector<std::string_view> found;
  for (size_t at = text.find("<|"); at != std::string_view::npos; at = text.find("<|", at + 2)) {
    const size_t end = text.find("|>", at + 2);
    if (end == std::string_view::npos) break;
    const std::string_view token = text.substr(at, end + 2 - at);
    if (token.size() > 4 && token.size() <= 40 && token.find_first_of(" \t\r\n") == std::string_view::npos) {
      found.push_back(token);
    }
  }
  return found;
}

bool has_error(const std::vector<Note>& notes) {
  return std::any_of(notes.begin(), notes.end(),
                     [](const Note& note) { return severity_of(note.check) == Severity::kError; });
}

}  // namespace

std::vector<uint8_t> mask_tokens(const TextTokenizer& tokenizer, std::string_view text, const std::vector<int32_t>& ids,
                                 std::span<const ByteRange> ranges) {
  const std::vector<size_t> cuts = token_cuts(tokenizer, text, ids, ranges);
  std::vector<uint8_t> trained(ids.size(), 0);
  for (size_t i = 0; i < ranges.size(); ++i) {
    for (size_t token = cuts[2 * i]; token < cuts[2 * i + 1]; ++token) trained[token] = 1;
  }
  return trained;
}

ConversationEncoder::ConversationEncoder(const TextModel& model) : model_(model) {
  if (model_.chat != nullptr) finder_ = std::make_unique<const ReplyFinder>(model_);
  if (model_.bos_token.empty()) return;
  bos_ = model_.tokenizer->id_of(model_.bos_token).value_or(-1);
  const std::vector<int32_t> framed = model_.tokenizer->encode("x", true);
  adds_bos_ = bos_ >= 0 && !framed.empty() && framed.front() == bos_;
}

MarkedText ConversationEncoder::plain(const Json& messages) const {
  MarkedText marked;
  const size_t first = !messages.empty() && messages[0]["role"] == "system" ? 1 : 0;
  if (messages.size() != first + 2 || messages[first]["role"] != "user" || messages[first + 1]["role"] != "assistant") {
    marked.notes.push_back({Check::kTemplateRejects,
                            "the model has no chat template, and without one only a prompt and its response are "
                            "written"});
    return marked;
  }
  const std::string system = text_of(messages, "system");
  marked.text = (system.empty() ? "" : system + "\n\n") + text_of(messages, "user");
  const size_t begin = marked.text.size();
  marked.text += text_of(messages, "assistant") + model_.eos_token;
  marked.replies = {{begin, marked.text.size()}};
  if (model_.eos_token.empty()) {
    marked.notes.push_back({Check::kNoEndOfTurn,
                            "the model has no EOS token to end the response with: it would not "
                            "learn to stop"});
  }
  return marked;
}

EncodedConversation ConversationEncoder::encode(const Json& messages, const ChatTools& tools) const {
  MarkedText marked = finder_ ? finder_->find(messages, tools) : plain(messages);
  EncodedConversation result;
  result.text = std::move(marked.text);
  result.notes = std::move(marked.notes);
  if (has_error(result.notes)) return result;
  result.prompt_end = marked.replies.empty() ? result.text.size() : marked.replies.front().begin;
  result.ids = model_.tokenizer->encode(result.text, false);
  result.trained = mask_tokens(*model_.tokenizer, result.text, result.ids, marked.replies);
  if (finder_ == nullptr && adds_bos_) {
    result.ids.insert(result.ids.begin(), bos_);
    result.trained.insert(result.trained.begin(), 0);
  }
  // Nothing predicts the first token of a text.
  if (!result.trained.empty()) result.trained.front() = 0;
  note_tokens(result);
  for (size_t i = 0; i < messages.size(); ++i) {
    if (!messages[i]["content"].is_string()) continue;
    note_special(messages[i]["content"].get_ref<const std::string&>(), fmt::format("message {}: ", i + 1), result);
  }
  return result;
}

EncodedConversation ConversationEncoder::encode_text(std::string_view text) const {
  EncodedConversation result;
  result.text = std::string(text);
  if (adds_bos_) result.ids.push_back(bos_);
  const std::vector<int32_t> ids = model_.tokenizer->encode(text, false);
  result.ids.insert(result.ids.end(), ids.begin(), ids.end());
  if (const auto eos = model_.tokenizer->id_of(model_.eos_token); eos && !model_.eos_token.empty()) {
    result.ids.push_back(*eos);
  } else {
    result.notes.push_back(
        {Check::kNoEndOfTurn, "the model has no EOS token to end the text with: it would not learn where texts end"});
  }
  result.trained.assign(result.ids.size(), 1);
  if (!result.trained.empty()) result.trained.front() = 0;
  note_tokens(result);
  note_special(text, "", result);
  return result;
}

EncodedConversation ConversationEncoder::encode_input(std::string_view text, int64_t max_tokens) const {
  EncodedConversation result;
  result.text = std::string(text);
  result.ids = lorica::encode_input(*model_.tokenizer, text, max_tokens, result.whole_tokens);
  result.trained.assign(result.ids.size(), 0);
  if (result.ids.empty()) result.notes.push_back({Check::kBadRow, "the text has no tokens"});
  note_special(text, "", result);
  return result;
}

void ConversationEncoder::note_tokens(EncodedConversation& result) const {
  if (bos_ >= 0 && result.ids.size() > 1 && result.ids[0] == bos_ && result.ids[1] == bos_) {
    result.notes.push_back({Check::kDoubledBos, fmt::format("the text starts with {} twice", model_.bos_token)});
  }
  if (std::find(result.trained.begin(), result.trained.end(), 1) == result.trained.end()) {
    result.notes.push_back({Check::kNothingToTrain,
                            "no token of this row is trained: it holds no assistant reply that "
                            "can be"});
  }
}

void ConversationEncoder::note_special(std::string_view text, const std::string& place,
                                       EncodedConversation& result) const {
  for (const std::string_view token : special_looking(text)) {
    const auto id = model_.tokenizer->id_of(token);
    if (!id) {
      result.notes.push_back(
          {Check::kUnknownSpecial,
           fmt::format("{}{} looks like a special token and is not in the vocabulary", place, token)});
    } else if (model_.tokenizer->is_special(*id)) {
      result.notes.push_back(
          {Check::kSpecialInText, fmt::format("{}{} in the text is read as a special token", place, token)});
    }
  }
}

}  // namespace lorica
