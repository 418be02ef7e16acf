#include "io/data/reply_ranges.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "io/formats/blanks.h"
#include "kernels/error.h"

namespace lorica {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kMarker = "qLoricaReplyMarker0q";

std::string content_of(const Json& message) {
  const auto found = message.find("content");
  return found != message.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Json first_messages(const Json& messages, size_t count) {
  return Json(Json::array_t(messages.begin(), messages.begin() + static_cast<std::ptrdiff_t>(count)));
}

/// The rendering, or nothing where the template rejects the messages: part of a conversation may break its rules.
std::optional<std::string> try_render(const ChatRenderer& chat, const Json& messages, const ChatTools& tools,
                                      bool add_generation_prompt) {
  try {
    return chat.render(messages, tools, add_generation_prompt);
  } catch (const Error&) {
    return std::nullopt;
  }
}

/// The content of message `index` as it stands in `text`, found by rendering a marker in its place. Nothing where the
/// marker changes anything else, or is not rendered exactly once.
std::optional<ByteRange> content_range(const ChatRenderer& chat, const Json& messages, const ChatTools& tools,
                                       size_t index, const std::string& text) {
  if (text.find(kMarker) != std::string::npos) return std::nullopt;
  Json marked = messages;
  marked[index]["content"] = kMarker;
  const auto other = try_render(chat, marked, tools, false);
  const size_t at = other ? other->find(kMarker) : std::string::npos;
  if (at == std::string::npos || other->find(kMarker, at + 1) != std::string::npos) return std::nullopt;
  const std::string_view after = std::string_view(*other).substr(at + kMarker.size());
  if (at + after.size() > text.size() || text.compare(0, at, *other, 0, at) != 0) return std::nullopt;
  if (!std::string_view(text).ends_with(after)) return std::nullopt;
  return ByteRange{at, text.size() - after.size()};
}

/// Where the reply at `content` starts: at the end of the generation prompt, so that a blank which the template puts
/// before the reply is the model's to write.
size_t reply_start(const std::string& text, size_t content, const std::optional<std::string>& prompt) {
  if (!prompt || prompt->empty()) return content;
  if (prompt->size() <= content && text.starts_with(*prompt)) return prompt->size();
  const std::string_view tail = std::string_view(*prompt).substr(prompt->size() - std::min<size_t>(prompt->size(), 8));
  for (size_t at = content;; --at) {
    if (std::string_view(text).substr(0, at).ends_with(tail)) return at;
    if (at == 0 || kBlanks.find(text[at - 1]) == std::string_view::npos) return content;
  }
}

void note_dropped_messages(const Json& messages, MarkedText& marked) {
  for (size_t i = 0; i < messages.size(); ++i) {
    if (messages[i].value("role", "") == "assistant") continue;
    const std::string content = content_of(messages[i]);
    if (marked.text.find(trimmed(content)) != std::string::npos) continue;
    marked.notes.push_back({Check::kMessageDropped, fmt::format("the template leaves out the {} message {}",
                                                                messages[i].value("role", ""), i + 1)});
  }
}

}  // namespace

/// A conversation as the template sees it, and which of its messages are only shown.
struct ReplyFinder::Conversation {
  const Json& messages;
  const ChatTools& tools;
  std::vector<bool> shown;
  const std::string& text;         // of all messages
  std::vector<jinja::Turn> turns;  // of the text

  /// The rendering of the first `count` messages, or nothing.
  std::optional<std::string> head(const ChatRenderer& chat, size_t count, bool add_generation_prompt) const {
    if (count > 0 && count <= turns.size()) {
      const jinja::Turn& turn = turns[count - 1];
      return text.substr(0, turn.end) + (add_generation_prompt ? turn.prompt : turn.close);
    }
    return try_render(chat, first_messages(messages, count), tools, add_generation_prompt);
  }
};

ReplyFinder::ReplyFinder(const TextModel& model) : model_(model) { learn_end_of_turn(); }

void ReplyFinder::learn_end_of_turn() {
  const Json probe =
      Json::array({{{"role", "user"}, {"content", "hello"}}, {{"role", "assistant"}, {"content", kMarker}}});
  const auto text = try_render(*model_.chat, probe, nullptr, false);
  const size_t at = text ? text->find(kMarker) : std::string::npos;
  if (at != std::string::npos) {
    const std::string after = text->substr(at + kMarker.size());
    const std::vector<int32_t> ids = model_.tokenizer->encode(after, false);
    const auto special =
        std::find_if(ids.begin(), ids.end(), [&](int32_t id) { return model_.tokenizer->is_special(id); });
    const std::string end = special != ids.end() ? model_.tokenizer->decode({&*special, 1}) : std::string();
    const size_t found = end.empty() ? std::string::npos : after.find(end);
    if (found != std::string::npos) {
      ends_.push_back(end);
      tail_ = after.substr(0, found + end.size());
    }
  }
  const auto add = [&](const std::string& end) {
    if (!end.empty() && std::find(ends_.begin(), ends_.end(), end) == ends_.end()) ends_.push_back(end);
  };
  add(model_.eos_token);
  // Llama 3 ends a turn that calls a tool with a token of its own.
  if (const auto id = model_.tokenizer->id_of("<|eom_id|>"); id && model_.tokenizer->is_special(*id)) add("<|eom_id|>");
}

/// The range up to its last end-of-turn token. The template's own is looked for first: Phi-3 closes the text with
/// <|endoftext|> after the <|end|> that ends the turn. Without any, the whole range.
ByteRange ReplyFinder::cut_after_end_of_turn(const std::string& text, ByteRange range) const {
  const std::string_view reply = std::string_view(text).substr(range.begin, range.end - range.begin);
  for (const std::string& end : ends_) {
    const size_t at = reply.rfind(end);
    if (at != std::string_view::npos) return {range.begin, range.begin + at + end.size()};
  }
  return range;
}

bool ReplyFinder::by_prefix(const Conversation& conversation, size_t index, MarkedText& marked) const {
  const auto prompt = conversation.head(*model_.chat, index, true);
  if (!prompt || prompt->size() >= marked.text.size() || !marked.text.starts_with(*prompt)) return false;
  const bool last = index + 1 == conversation.messages.size();
  const auto until = last ? marked.text : conversation.head(*model_.chat, index + 1, false);
  if (!until || !marked.text.starts_with(*until) || until->size() <= prompt->size()) return false;
  marked.replies.push_back(cut_after_end_of_turn(marked.text, {prompt->size(), until->size()}));
  return true;
}

void ReplyFinder::by_marker(const Conversation& conversation, size_t index, MarkedText& marked) const {
  const std::string content = content_of(conversation.messages[index]);
  const auto range = content_range(*model_.chat, conversation.messages, conversation.tools, index, marked.text);
  const size_t earlier = marked.replies.empty() ? 0 : marked.replies.back().end;
  if (!range || range->begin < earlier) {
    marked.notes.push_back({Check::kTemplateRewrites,
                            fmt::format("message {}: the template rewrites this reply when later turns follow, so "
                                        "what to train in it is not known; put {{% generation %}} around the reply in "
                                        "the template, or end the conversation here",
                                        index + 1)});
    return;
  }
  const std::string_view rendered = std::string_view(marked.text).substr(range->begin, range->end - range->begin);
  if (trimmed(rendered) != trimmed(content)) {
    marked.notes.push_back({Check::kReasoningDropped, fmt::format("message {}: the template shortens this reply when "
                                                                  "later turns follow (reasoning left out); it is "
                                                                  "shown to the model and not trained",
                                                                  index + 1)});
    return;
  }
  const auto prompt = conversation.head(*model_.chat, index, true);
  const bool closed = !tail_.empty() && marked.text.compare(range->end, tail_.size(), tail_) == 0;
  marked.replies.push_back(
      {std::max(earlier, reply_start(marked.text, range->begin, prompt)), range->end + (closed ? tail_.size() : 0)});
}

void ReplyFinder::note_missing_ends(MarkedText& marked) const {
  const auto open = std::find_if(marked.replies.begin(), marked.replies.end(), [&](const ByteRange& range) {
    const auto reply = std::string_view(marked.text).substr(range.begin, range.end - range.begin);
    return std::none_of(ends_.begin(), ends_.end(), [&](const std::string& end) { return reply.ends_with(end); });
  });
  if (open == marked.replies.end()) return;
  marked.notes.push_back(
      {Check::kNoEndOfTurn, fmt::format("reply {} is trained without an end-of-turn token: the model "
                                        "would not learn to stop",
                                        open - marked.replies.begin() + 1)});
}

/// The replies are the template's own blocks, one a message of the assistant.
void ReplyFinder::by_blocks(const Conversation& conversation, const std::vector<ByteRange>& blocks,
                            MarkedText& marked) const {
  std::vector<bool> shown;
  for (size_t i = 0; i < conversation.messages.size(); ++i) {
    if (conversation.messages[i].value("role", "") == "assistant") shown.push_back(conversation.shown[i]);
  }
  const bool any_shown = std::find(shown.begin(), shown.end(), true) != shown.end();
  if (any_shown && shown.size() != blocks.size()) {
    marked.notes.push_back(
        {Check::kTemplateRewrites,
         fmt::format("the template renders {} generation blocks for {} replies, so which of them \"train\": false "
                     "leaves out is not known",
                     blocks.size(), shown.size())});
    return;
  }
  for (size_t i = 0; i < blocks.size(); ++i) {
    if (any_shown && shown[i]) continue;
    const ByteRange range = blocks[i];
    const ByteRange cut = cut_after_end_of_turn(marked.text, range);
    const bool blank_rest = is_blank(std::string_view(marked.text).substr(cut.end, range.end - cut.end));
    const ByteRange reply = blank_rest ? cut : range;
    if (reply.begin < reply.end) marked.replies.push_back(reply);
  }
}

MarkedText ReplyFinder::find(const Json& given, const ChatTools& tools) const {
  std::vector<bool> shown;
  for (const Json& message : given) shown.push_back(message.contains("train") && message["train"] == false);
  Json without_key;
  const bool has_key = std::any_of(given.begin(), given.end(), [](const Json& m) { return m.contains("train"); });
  if (has_key) {
    without_key = given;
    for (Json& message : without_key) message.erase("train");
  }
  const Json& messages = has_key ? without_key : given;

  MarkedText marked;
  RenderedChat rendered;
  try {
    rendered = model_.chat->render_marked(messages, tools);
  } catch (const Error& error) {
    marked.notes.push_back(
        {Check::kTemplateRejects, fmt::format("the chat template rejects this conversation: {}", error.what())});
    return marked;
  }
  marked.text = std::move(rendered.text);
  const Conversation conversation{messages, tools, std::move(shown), marked.text, std::move(rendered.turns)};
  if (!rendered.generated.empty()) by_blocks(conversation, rendered.generated, marked);
  for (size_t i = 0; rendered.generated.empty() && i < messages.size(); ++i) {
    if (messages[i].value("role", "") != "assistant" || conversation.shown[i]) continue;
    if (!by_prefix(conversation, i, marked)) by_marker(conversation, i, marked);
  }
  note_dropped_messages(messages, marked);
  note_missing_ends(marked);
  return marked;
}

}  // namespace lorica
