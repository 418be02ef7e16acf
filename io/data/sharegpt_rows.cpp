#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "io/data/row_formats.h"

namespace lorica {
namespace {

struct Speaker {
  std::string_view name;
  const char* role;
};
constexpr std::array<Speaker, 14> kSpeakers = {{{"human", "user"},
                                                {"user", "user"},
                                                {"gpt", "assistant"},
                                                {"assistant", "assistant"},
                                                {"chatgpt", "assistant"},
                                                {"bing", "assistant"},
                                                {"bard", "assistant"},
                                                {"model", "assistant"},
                                                {"system", "system"},
                                                {"function_call", "assistant"},
                                                {"observation", "tool"},
                                                {"tool", "tool"},
                                                {"function_response", "tool"},
                                                {"function", "tool"}}};

/// The calls that a function_call turn holds as JSON: one {"name", "arguments"}, or a list of them.
Json calls_of(const std::string& text, const std::string& place) {
  Json calls;
  try {
    calls = parse_json(text);
  } catch (const Fault& fault) {
    throw bad_row(fmt::format("{}: a function_call that is {}", place, fault.note.message));
  }
  if (calls.is_object()) calls = Json::array({calls});
  if (!calls.is_array() || calls.empty()) {
    throw bad_row(fmt::format("{}: expected a function_call as an object or a list, got {}", place, calls.type_name()));
  }
  Json list = Json::array();
  for (Json& call : calls) {
    if (!call.is_object() || !call.contains("name")) {
      throw bad_row(fmt::format("{}: a function_call without a name", place));
    }
    list.push_back({{"type", "function"}, {"function", std::move(call)}});
  }
  return list;
}

Json message_of_turn(const Json& turn, const std::string& place) {
  if (!turn.is_object()) throw bad_row(fmt::format("{}: expected an object, got {}", place, turn.type_name()));
  for (const char* key : {"from", "value"}) {
    const Json* value = find_member(turn, key);
    if (value == nullptr) throw bad_row(fmt::format("{}: no key '{}'; it has: {}", place, key, names_of(turn)));
    if (!value->is_string()) {
      throw bad_row(fmt::format("{}: {}: expected a text, got {}", place, key, value->type_name()));
    }
  }
  const std::string& from = turn["from"].get_ref<const std::string&>();
  const auto* speaker =
      std::find_if(kSpeakers.begin(), kSpeakers.end(), [&](const Speaker& known) { return known.name == from; });
  if (speaker == kSpeakers.end()) {
    throw bad_row(
        fmt::format("{}: from: '{}' is not a speaker of ShareGPT data (human, gpt, system, function_call, "
                    "observation, ...)",
                    place, from.substr(0, 40)));
  }
  Json message = message_of(speaker->role, turn["value"].get<std::string>());
  if (from == "function_call") {
    message["tool_calls"] = calls_of(message["content"].get_ref<const std::string&>(), place);
    message["content"] = "";
  }
  for (const char* key : kTrainKeys) {
    if (const Json* value = find_member(turn, key)) message[key] = *value;
  }
  return normal_message(message, place);
}

}  // namespace

Json sharegpt_messages(const Json& turns) {
  Json messages = Json::array();
  for (size_t i = 0; i < turns.size(); ++i) {
    messages.push_back(message_of_turn(turns[i], fmt::format("message {}", i + 1)));
  }
  return messages;
}

void fill_sharegpt(Row& row, const Json& record, const DataSource& source) {
  const Json turns = turns_member(record, source.messages_column);
  set_messages(row, sharegpt_messages(turns), record, source);
}

}  // namespace lorica
