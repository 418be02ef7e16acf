#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "io/data/row_formats.h"

namespace lorica {
namespace {

/// The turns of a text "\n\nHuman: ...\n\nAssistant: ...".
Json transcript_messages(const std::string& text, const std::string& column) {
  constexpr std::pair<std::string_view, const char*> kTurns[] = {{"\n\nHuman:", "user"},
                                                                 {"\n\nAssistant:", "assistant"}};
  Json messages = Json::array();
  const auto turn_at = [&](size_t from) {
    std::pair<size_t, int> first{std::string::npos, 0};
    for (int i = 0; i < 2; ++i) first = std::min(first, {text.find(kTurns[i].first, from), i});
    return first;
  };
  auto [at, who] = turn_at(0);
  if (at != 0) throw bad_row(fmt::format("{}: expected a transcript that begins with '\\n\\nHuman:'", column));
  while (at != std::string::npos) {
    const size_t begin = at + kTurns[who].first.size();
    const auto [next, next_who] = turn_at(begin);
    std::string_view said = std::string_view(text).substr(begin, next == std::string::npos ? next : next - begin);
    if (said.starts_with(' ')) said.remove_prefix(1);
    messages.push_back(message_of(kTurns[who].second, std::string(said)));
    at = next;
    who = next_who;
  }
  return messages;
}

bool is_transcript(const Json& value) {
  return value.is_string() && value.get_ref<const std::string&>().starts_with("\n\nHuman:");
}

/// What was said before the chosen reply.
Json prompt_messages(const Json& record, const DataSource& source) {
  const Json* list = source.messages_column.empty() ? nullptr : find_member(record, source.messages_column);
  if (list != nullptr && list->is_array()) return any_messages(*list);
  const Json& prompt = member(record, source.prompt_column);
  if (prompt.is_array()) return any_messages(prompt);
  const bool alpaca = source.prompt_column == "instruction";
  return Json::array({message_of(
      "user", alpaca ? alpaca_prompt(record, source.prompt_column) : text_member(record, source.prompt_column))});
}

/// The chosen side: messages of the reply alone, or of the whole conversation.
Json chosen_messages(const Json& record, const std::string& column) {
  const Json& chosen = member(record, column);
  if (chosen.is_array()) return any_messages(chosen);
  if (chosen.is_object()) return any_messages(Json::array({chosen}));
  if (is_transcript(chosen)) return transcript_messages(chosen.get_ref<const std::string&>(), column);
  return Json::array({message_of("assistant", text_member(record, column))});
}

/// A row that says of one reply whether it is wanted; false where it is not, and the row is noted as left out.
bool is_wanted(Row& row, const Json& record, const DataSource& source) {
  const Json& label = member(record, source.label_column);
  const bool text = label.is_string();
  const std::string word = text ? label.get<std::string>() : label.dump();
  const bool yes = word == "true" || word == "True" || word == "1";
  const bool no = word == "false" || word == "False" || word == "0";
  if (!yes && !no) throw bad_row(fmt::format("{}: expected true or false, got {}", source.label_column, label.dump()));
  if (no) {
    row.notes.push_back({Check::kLeftOut, fmt::format("{} is false: the reply is one not to give, and the row is left "
                                                      "out",
                                                      source.label_column)});
  }
  return yes;
}

/// Whether these are a conversation rather than a reply alone.
bool is_whole(const Json& messages) {
  return std::any_of(messages.begin(), messages.end(), [](const Json& said) { return said["role"] == "user"; });
}

/// `before` is empty where the reply is a whole conversation.
void set_reply(Row& row, Json before, Json reply, const Json& record, const DataSource& source) {
  mark_untrained(before, before.size());
  // of a whole conversation only the last reply was chosen
  if (is_whole(reply)) mark_untrained(reply, reply.size() - 1);
  for (Json& message : reply) before.push_back(std::move(message));
  set_messages(row, std::move(before), record, source);
}

}  // namespace

void fill_preference(Row& row, const Json& record, const DataSource& source) {
  if (!source.label_column.empty()) {
    if (!is_wanted(row, record, source)) return;
    if (source.messages_column.empty()) return fill_prompt_response(row, record, source);
    const Json turns = turns_member(record, source.messages_column);
    return set_reply(row, Json::array(), any_messages(turns), record, source);
  }
  Json chosen = chosen_messages(record, source.response_column);
  if (chosen.empty()) throw_empty(source.response_column);
  Json before = is_whole(chosen) ? Json::array() : prompt_messages(record, source);
  set_reply(row, std::move(before), std::move(chosen), record, source);
}

}  // namespace lorica
