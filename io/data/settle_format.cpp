#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "io/data/column_template.h"
#include "io/data/row_formats.h"

namespace lorica {
namespace {

struct Pair {
  const char* prompt;
  const char* response;
};
/// Columns of a prompt and its response, the first that fits counts.
constexpr std::array<Pair, 9> kPairs = {{{"prompt", "response"},
                                         {"prompt", "completion"},
                                         {"question", "answer"},
                                         {"question", "response"},
                                         {"query", "response"},
                                         {"query", "answer"},
                                         {"instruction", "response"},
                                         {"instruction", "completion"},
                                         {"instruction", "output"}}};

class Settler {
 public:
  Settler(const DataSource& source, const Json& first) : result_(source), row_(first) {}

  DataSource settle() {
    if (result_.format == DataFormat::kAuto) result_.format = guess();
    usual(result_.tools_column, {}, "tools");
    switch (result_.format) {
      case DataFormat::kAuto:
        break;
      case DataFormat::kChat:
        usual(result_.messages_column, {"messages", "conversations", "conversation"}, "messages");
        break;
      case DataFormat::kShareGpt:
        usual(result_.messages_column, {"conversations", "conversation", "messages"}, "conversations");
        break;
      case DataFormat::kAlpaca:
        usual(result_.prompt_column, {}, "instruction");
        usual(result_.response_column, {}, "output");
        break;
      case DataFormat::kPromptResponse:
        settle_pair();
        break;
      case DataFormat::kPreference:
        settle_preference();
        break;
      case DataFormat::kText:
        usual(result_.text_column, {}, "text");
        break;
      case DataFormat::kClassification:
        usual(result_.label_column, {"label", "category", "intent"}, "label");
        usual(result_.text_column, {"text", "sentence"}, "text");
        break;
    }
    return result_;
  }

 private:
  bool has(const std::string& name) const { return row_.contains(name); }
  const Json* list(const std::string& name) const {
    const Json* value = find_member(row_, name);
    return value != nullptr && value->is_array() ? value : nullptr;
  }

  /// Fills an empty name with the first of `names` that the row has, else with `otherwise`.
  void usual(std::string& column, std::initializer_list<const char*> names, const char* otherwise = "") const {
    if (!column.empty()) return;
    const auto* found = std::find_if(names.begin(), names.end(), [&](const char* name) { return has(name); });
    column = found == names.end() ? otherwise : *found;
  }

  DataFormat guess() {
    if (!result_.text_column.empty()) return DataFormat::kText;
    if (!result_.prompt_column.empty() || !result_.response_column.empty() || !result_.prompt_template.empty() ||
        !result_.response_template.empty()) {
      return DataFormat::kPromptResponse;
    }
    if (result_.messages_column.empty()) {
      if (has("chosen") && has("rejected")) return DataFormat::kPreference;
      const Json* label = find_member(row_, "label");
      const bool judged = label != nullptr && label->is_boolean();
      if (judged && (list("messages") != nullptr || (has("prompt") && has("completion"))))
        return DataFormat::kPreference;
    }
    for (const std::string& name : {result_.messages_column, std::string("messages"), std::string("conversations"),
                                    std::string("conversation")}) {
      if (name.empty() || (list(name) == nullptr && name != result_.messages_column)) continue;
      result_.messages_column = name;
      return is_list_with(list(name), "from") ? DataFormat::kShareGpt : DataFormat::kChat;
    }
    if (has("messages")) return DataFormat::kChat;
    if (has("instruction") && has("output")) return DataFormat::kAlpaca;
    for (const Pair& pair : kPairs) {
      if (has(pair.prompt) && has(pair.response)) return DataFormat::kPromptResponse;
    }
    if (has("text")) return DataFormat::kText;
    throw bad_row(
        fmt::format("the columns do not tell what they hold: {}; name them with messages_column, "
                    "prompt_column and response_column, or text_column, or give the format",
                    names_of(row_)));
  }

  void settle_pair() {
    const bool no_prompt = result_.prompt_column.empty() && result_.prompt_template.empty();
    const bool no_response = result_.response_column.empty() && result_.response_template.empty();
    if (!no_prompt && !no_response) return;
    for (const Pair& pair : kPairs) {
      if ((no_prompt && !has(pair.prompt)) || (no_response && !has(pair.response))) continue;
      if (no_prompt) result_.prompt_column = pair.prompt;
      if (no_response) result_.response_column = pair.response;
      return;
    }
    throw bad_row(
        fmt::format("no columns of a prompt and its response; there are: {}; name them with prompt_column and "
                    "response_column",
                    names_of(row_)));
  }

  void settle_preference() {
    const bool pairs = has("chosen") || !result_.response_column.empty();
    if (!pairs || !result_.label_column.empty()) {
      usual(result_.label_column, {}, "label");
      usual(result_.messages_column, {"messages", "conversations"});
      if (result_.messages_column.empty()) settle_pair();
      return;
    }
    usual(result_.messages_column, {"conversations", "messages"});
    usual(result_.prompt_column, {"prompt", "question", "query", "instruction"}, "prompt");
    usual(result_.response_column, {}, "chosen");
  }

  DataSource result_;
  const Json& row_;
};

}  // namespace

DataSource settle_format(const DataSource& source, const Json& first) { return Settler(source, first).settle(); }

std::vector<std::string> needed_columns(const DataSource& source) {
  std::vector<std::string> names;
  const auto side = [&](const std::string& column, const std::string& column_template, const char* key) {
    if (column_template.empty()) return names.push_back(column);
    const ColumnTemplate parsed(column_template, key);
    names.insert(names.end(), parsed.columns().begin(), parsed.columns().end());
  };
  switch (source.format) {
    case DataFormat::kAuto:
      break;
    case DataFormat::kChat:
    case DataFormat::kShareGpt:
      names = {source.messages_column};
      break;
    case DataFormat::kAlpaca:
      names = {source.prompt_column, source.response_column};
      break;
    case DataFormat::kPromptResponse:
      side(source.prompt_column, source.prompt_template, "prompt_template");
      side(source.response_column, source.response_template, "response_template");
      break;
    case DataFormat::kPreference:
      names = {source.label_column.empty() ? source.response_column : source.label_column};
      break;
    case DataFormat::kText:
      names = {source.text_column};
      break;
    case DataFormat::kClassification:
      names = {source.label_column};
      side(source.text_column, source.prompt_template, "prompt_template");
      break;
  }
  if (!source.slice_column.empty()) names.push_back(source.slice_column);
  if (!source.system_column.empty()) names.push_back(source.system_column);
  return names;
}

}  // namespace lorica
