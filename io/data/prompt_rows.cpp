#include <fmt/format.h>

#include <iterator>

#include "io/data/column_template.h"
#include "io/data/row_formats.h"

namespace lorica {
namespace {

/// A column as messages: a list of messages, or a text that one of `role` says.
Json messages_of(const Json& record, const std::string& column, const char* role) {
  const Json& value = member(record, column);
  if (value.is_array()) return any_messages(value);
  return Json::array({message_of(role, text_member(record, column))});
}

Json side(const Json& record, const std::string& column, const std::string& column_template, const char* key,
          const char* role) {
  if (column_template.empty()) return messages_of(record, column, role);
  return Json::array({message_of(role, ColumnTemplate(column_template, key).fill(record))});
}

}  // namespace

void fill_prompt_response(Row& row, const Json& record, const DataSource& source) {
  Json messages = side(record, source.prompt_column, source.prompt_template, "prompt_template", "user");
  mark_untrained(messages, messages.size());
  Json response = side(record, source.response_column, source.response_template, "response_template", "assistant");
  for (Json& message : response) messages.push_back(std::move(message));
  set_messages(row, std::move(messages), record, source);
}

std::string alpaca_prompt(const Json& record, const std::string& instruction_column) {
  std::string prompt = text_member(record, instruction_column);
  const std::string input = find_member(record, "input") == nullptr ? "" : text_member(record, "input");
  if (!prompt.empty() && !input.empty()) prompt += "\n";
  return prompt + input;
}

void fill_alpaca(Row& row, const Json& record, const DataSource& source) {
  Json messages = Json::array();
  if (const Json* history = find_member(record, "history")) {
    if (!history->is_array()) {
      throw bad_row(fmt::format("history: expected a list of pairs, got {}", history->type_name()));
    }
    for (const Json& pair : *history) {
      if (!pair.is_array() || pair.size() != 2 || !pair[0].is_string() || !pair[1].is_string()) {
        throw bad_row("history: expected pairs of a prompt and its reply, both texts");
      }
      messages.push_back(message_of("user", pair[0].get<std::string>()));
      messages.push_back(message_of("assistant", pair[1].get<std::string>()));
    }
  }
  messages.push_back(message_of("user", alpaca_prompt(record, source.prompt_column)));
  messages.push_back(message_of("assistant", text_member(record, source.response_column)));
  set_messages(row, std::move(messages), record, source);
}

}  // namespace lorica
