#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "io/data/row_formats.h"
#include "io/formats/blanks.h"

namespace lorica {
namespace {

/// The texts of a list of parts, joined.
std::string joined_parts(const Json& parts, const std::string& place) {
  std::string text;
  for (const Json& part : parts) {
    const std::string type = part.is_object() ? part.value("type", Json("none")).dump() : part.type_name();
    if (type != "\"text\"")
      throw bad_row(fmt::format("{}: content has a part of type {}; only text is read", place, type));
    const Json* value = find_member(part, "text");
    if (value == nullptr) value = find_member(part, "value");
    if (value == nullptr || !value->is_string()) throw bad_row(fmt::format("{}: a part of content has no text", place));
    text += value->get_ref<const std::string&>();
  }
  return text;
}

/// Whether the message's own keys ask to train it: 1, 0, or -1 where it has none. The keys are taken out.
int take_trained(Json& message, const std::string& place) {
  int trained = -1;
  for (const char* key : kTrainKeys) {
    const auto found = message.find(key);
    if (found == message.end()) continue;
    if (*found != 0 && *found != 1 && *found != false && *found != true) {
      throw bad_row(fmt::format("{}: {}: expected 0 or 1, got {}", place, key, found->dump()));
    }
    trained = *found == 1 || *found == true ? 1 : 0;
    message.erase(key);
  }
  return trained;
}

/// Templates want arguments as an object; OpenAI writes them as its JSON text.
void open_arguments(Json& call) {
  if (!call.is_object()) return;
  Json& function = call.contains("function") && call["function"].is_object() ? call["function"] : call;
  const auto arguments = function.find("arguments");
  if (arguments == function.end() || !arguments->is_string()) return;
  try {
    Json object = parse_json(arguments->get_ref<const std::string&>());
    if (object.is_object()) *arguments = std::move(object);
  } catch (const Fault&) {  // a text that is no JSON stays a text
  }
}

void check_message(const Json& message, size_t index, std::vector<Note>& notes) {
  const auto place = [&] { return fmt::format("message {}", index + 1); };
  const std::string& role = message["role"].get_ref<const std::string&>();
  constexpr std::array<std::string_view, 5> kRoles = {"system", "user", "assistant", "tool", "developer"};
  if (std::find(kRoles.begin(), kRoles.end(), role) == kRoles.end()) {
    notes.push_back({Check::kUnknownRole,
                     fmt::format("{}: role '{}' is not one that templates know", place(), role.substr(0, 40))});
  }
  const Json& content = message["content"];
  const bool calls = message.contains("tool_calls");
  const bool blank = !content.is_string() || is_blank(content.get_ref<const std::string&>());
  if (role == "assistant" && blank && !calls) {
    throw Fault{{Check::kEmptyReply, fmt::format("{}: the reply is empty", place())}};
  }
}

std::string own_system_prompt(const Json& record, const DataSource& source) {
  for (const std::string& column : {source.system_column, std::string("system"), std::string("system_prompt")}) {
    if (column.empty() || find_member(record, column) == nullptr) continue;
    return text_member(record, column);
  }
  return {};
}

Json wrapped_tool(Json tool) {
  if (!tool.is_object() || tool.contains("type") || tool.contains("function") || !tool.contains("name")) return tool;
  return Json{{"type", "function"}, {"function", std::move(tool)}};
}

}  // namespace

Json message_of(const char* role, std::string content) { return Json{{"role", role}, {"content", std::move(content)}}; }

Json normal_message(const Json& given, const std::string& place) {
  if (!given.is_object()) throw bad_row(fmt::format("{}: expected an object, got {}", place, given.type_name()));
  for (const char* key : {"role", "content"}) {
    if (given.contains(key) || (std::string_view(key) == "content" && given.contains("tool_calls"))) continue;
    throw bad_row(fmt::format("{}: no key '{}'; it has: {}", place, key, names_of(given)));
  }
  Json message = Json::object();
  for (const auto& [key, value] : given.items()) {
    if (!value.is_null()) message[key] = value;
  }
  const Json role = given["role"];
  if (!role.is_string()) throw bad_row(fmt::format("{}: role: expected a text, got {}", place, role.type_name()));
  if (message.contains("content") && message["content"].is_array()) {
    message["content"] = joined_parts(given["content"], place);
  }
  const auto calls = message.find("tool_calls");
  if (calls != message.end()) {
    if (!calls->is_array()) throw bad_row(fmt::format("{}: tool_calls: expected a list", place));
    for (Json& call : *calls) open_arguments(call);
    if (calls->empty()) {
      message.erase("tool_calls");
    } else if (!message.contains("content")) {
      message["content"] = "";
    }
  }
  if (!message.contains("content") || !message["content"].is_string()) {
    const char* type = given.contains("content") ? given["content"].type_name() : "null";
    throw bad_row(fmt::format("{}: content: expected a text, got {}", place, type));
  }
  const int trained = take_trained(message, place);
  if (role == "assistant" && trained == 0) message["train"] = false;
  if (role != "assistant" && trained == 1) {
    throw bad_row(fmt::format("{}: a message of role {} is to be trained; only replies are", place, role.dump()));
  }
  return message;
}

std::shared_ptr<const Json> tools_of(const Json& record, const DataSource& source) {
  const Json* value = find_member(record, source.tools_column);
  if (value == nullptr) return nullptr;
  Json tools = *value;
  if (tools.is_string()) {
    if (tools.get_ref<const std::string&>().empty()) return nullptr;
    tools = parse_json(value->get_ref<const std::string&>());
  }
  if (!tools.is_array()) {
    throw bad_row(
        fmt::format("{}: expected a list of tools or its JSON text, got {}", source.tools_column, tools.type_name()));
  }
  if (tools.empty()) return nullptr;
  for (Json& tool : tools) tool = wrapped_tool(std::move(tool));
  return std::make_shared<const Json>(std::move(tools));
}

void set_messages(Row& row, Json messages, const Json& record, const DataSource& source) {
  std::string system = own_system_prompt(record, source);
  if (system.empty()) system = source.system_prompt;
  const bool has_system = !messages.empty() && messages[0].value("role", Json()) == "system";
  if (!system.empty() && !has_system) messages.insert(messages.begin(), message_of("system", std::move(system)));
  for (size_t i = 0; i < messages.size(); ++i) check_message(messages[i], i, row.notes);
  row.tools = tools_of(record, source);
  row.messages = std::make_shared<const Json>(std::move(messages));
}

void mark_untrained(Json& messages, size_t count) {
  for (size_t i = 0; i < std::min(count, messages.size()); ++i) {
    if (messages[i]["role"] == "assistant") messages[i]["train"] = false;
  }
}

Json chat_messages(const Json& turns) {
  Json messages = Json::array();
  for (size_t i = 0; i < turns.size(); ++i) {
    messages.push_back(normal_message(turns[i], fmt::format("message {}", i + 1)));
  }
  return messages;
}

bool is_list_with(const Json* value, const char* key) {
  if (value == nullptr || !value->is_array()) return false;
  return !value->empty() && (*value)[0].is_object() && (*value)[0].contains(key);
}

Json any_messages(const Json& turns) {
  return is_list_with(&turns, "from") ? sharegpt_messages(turns) : chat_messages(turns);
}

void fill_chat(Row& row, const Json& record, const DataSource& source) {
  const Json turns = turns_member(record, source.messages_column);
  set_messages(row, chat_messages(turns), record, source);
}

}  // namespace lorica
