#include "io/chat_template/chat_template.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "io/chat_template/globals.h"
#include "io/chat_template/interpreter.h"
#include "io/chat_template/operators.h"
#include "io/chat_template/parser.h"
#include "io/chat_template/text.h"
#include "io/formats/content_hash.h"
#include "io/tokenizer/utf8.h"
#include "kernels/error.h"

namespace lorica {

namespace {

using jinja::Failure;
using jinja::Value;
using nlohmann::ordered_json;

Value to_value(const ordered_json& json) {
  switch (json.type()) {
    case ordered_json::value_t::null:
      return Value();
    case ordered_json::value_t::boolean:
      return json.get<bool>();
    case ordered_json::value_t::number_integer:
      return json.get<int64_t>();
    case ordered_json::value_t::number_unsigned: {
      const auto number = json.get<uint64_t>();
      if (number > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
        throw Failure(fmt::format("the integer {} does not fit 64 bits with a sign", number));
      }
      return static_cast<int64_t>(number);
    }
    case ordered_json::value_t::number_float:
      return json.get<double>();
    case ordered_json::value_t::string:
      return json.get_ref<const std::string&>();
    case ordered_json::value_t::array: {
      jinja::Values items;
      items.reserve(json.size());
      for (const ordered_json& item : json) items.push_back(to_value(item));
      return Value::list(std::move(items));
    }
    case ordered_json::value_t::object: {
      jinja::DictItems items;
      for (const auto& [key, item] : json.items()) items.pairs.emplace_back(key, to_value(item));
      return Value::dict(std::move(items));
    }
    default:
      throw Failure("binary JSON values are not text");
  }
}

Value to_value(const std::shared_ptr<const ordered_json>& json) { return json ? to_value(*json) : Value(); }

/// Transformers lets a template read the reasoning of a message under each of its usual names.
Value with_reasoning_names(const Value& message, jinja::Budget& budget) {
  Value reasoning;
  for (const char* name : {"reasoning_content", "thinking", "reasoning"}) {
    const Value* found = jinja::find(message, name, budget);
    if (reasoning.is_none() && found != nullptr) reasoning = *found;
  }
  if (reasoning.is_none()) return message;
  jinja::DictItems items;
  if (jinja::find(message, "thinking", budget) == nullptr) items.pairs.emplace_back("thinking", reasoning);
  items.pairs.insert(items.pairs.end(), message.pairs()->begin(), message.pairs()->end());
  jinja::assign(items, "reasoning_content", reasoning, budget);
  return Value::dict(std::move(items));
}

Value messages_value(const ordered_json& messages, jinja::Budget& budget) {
  if (!messages.is_array()) throw Failure("the messages must be a JSON array");
  jinja::Values out;
  for (const ordered_json& message : messages) {
    if (!message.is_object()) throw Failure(fmt::format("message {} must be a JSON object", out.size()));
    out.push_back(with_reasoning_names(to_value(message), budget));
  }
  return Value::list(std::move(out));
}

std::vector<std::pair<std::string, Value>> context(const ordered_json& messages, const RenderOptions& options,
                                                   jinja::Budget& budget) {
  std::vector<std::pair<std::string, Value>> variables = jinja::global_functions();
  variables.emplace_back("messages", messages_value(messages, budget));
  variables.emplace_back("tools", to_value(options.tools));
  variables.emplace_back("documents", to_value(options.documents));
  variables.emplace_back("add_generation_prompt", options.add_generation_prompt);
  variables.emplace_back("bos_token", options.bos_token);
  variables.emplace_back("eos_token", options.eos_token);
  if (options.extra) {
    if (!options.extra->is_object()) throw Failure("the extra variables must be a JSON object");
    for (const auto& [name, value] : options.extra->items()) variables.emplace_back(name, to_value(value));
  }
  return variables;
}

}  // namespace

ChatTemplate::ChatTemplate(std::string source, std::string origin)
    : origin_(std::move(origin)), fingerprint_(content_hash(source)) {
  if (!utf8::is_valid(source)) throw Error("{}: the template is not valid UTF-8", origin_);
  try {
    template_ = std::make_unique<const jinja::Template>(jinja::parse(source));
  } catch (const Failure& failure) {
    throw Error("{}:{}: {}", origin_, std::max(failure.line, 1), failure.what());
  }
}

ChatTemplate::~ChatTemplate() = default;
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;

std::string ChatTemplate::render(const ordered_json& messages, const RenderOptions& options) const {
  return run(messages, options, false, false).text;
}

ChatTemplate::Rendered ChatTemplate::render_marked(const ordered_json& messages, const RenderOptions& options) const {
  if (template_->turn_loop != nullptr && !options.extra) {
    try {
      return run(messages, options, true, true);
    } catch (const Error&) {  // marking the turns spends steps too; below, the conversation has all of them
    }
  }
  return run(messages, options, true, false);
}

ChatTemplate::Rendered ChatTemplate::run(const ordered_json& messages, const RenderOptions& options, bool marked,
                                         bool turns) const {
  try {
    jinja::Runtime runtime(options.limits, options.now);
    jinja::Interpreter interpreter(*template_, runtime, marked, turns);
    std::string text = interpreter.run(context(messages, options, runtime.budget));
    return {std::move(text), interpreter.generation(), interpreter.take_turns()};
  } catch (const Failure& failure) {
    if (failure.line == 0) throw Error("{}: {}", origin_, failure.what());
    throw Error("{}:{}: {}", origin_, failure.line, failure.what());
  }
}

}  // namespace lorica
