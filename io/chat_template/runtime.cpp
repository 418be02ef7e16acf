#include "io/chat_template/runtime.h"

#include <fmt/format.h>

#include <cstring>

#include "io/chat_template/python_text.h"

namespace lorica::jinja {

std::tm Runtime::now() const {
  if (now_) return *now_;
  const std::time_t seconds = std::time(nullptr);
  std::tm local{};
  localtime_r(&seconds, &local);
  return local;
}

Value Runtime::list(Values items) {
  budget.bytes(items.size(), sizeof(Value));
  return Value::list(std::move(items));
}

Value Runtime::tuple(Values items) {
  budget.bytes(items.size(), sizeof(Value));
  return Value::tuple(std::move(items));
}

Value Runtime::text(std::string text, bool markup) {
  budget.bytes(text.size());
  return Value(std::move(text), markup);
}

BoundArguments::BoundArguments(std::string_view function, const CallArguments& arguments,
                               std::initializer_list<const char*> names)
    : function_(function), names_(names), values_(names.size(), nullptr) {
  if (arguments.positional.size() > names.size()) {
    throw Failure(fmt::format("{}() takes at most {} argument(s) here ({} given)", function, names.size(),
                              arguments.positional.size()));
  }
  for (size_t i = 0; i < arguments.positional.size(); ++i) values_[i] = &arguments.positional[i];
  for (const auto& [name, value] : arguments.named) {
    size_t index = 0;
    while (index < names_.size() && name != names_[index]) ++index;
    if (index == names_.size()) {
      throw Failure(fmt::format("{}() got an unexpected keyword argument '{}'", function, name));
    }
    if (values_[index] != nullptr) {
      throw Failure(fmt::format("{}() got multiple values for argument '{}'", function, name));
    }
    values_[index] = &value;
  }
}

const Value& BoundArguments::required(size_t index) const {
  if (values_[index] == nullptr) {
    throw Failure(fmt::format("{}() needs the argument '{}'", function_, names_[index]));
  }
  return *values_[index];
}

const Value& BoundArguments::value_or(size_t index, const Value& fallback) const {
  return values_[index] == nullptr ? fallback : *values_[index];
}

bool BoundArguments::flag(size_t index, bool fallback) const {
  return values_[index] == nullptr ? fallback : truth(*values_[index]);
}

int64_t BoundArguments::integer(size_t index, int64_t fallback) const {
  return values_[index] == nullptr ? fallback : required_integer(index);
}

int64_t BoundArguments::required_integer(size_t index) const {
  const Value& value = required(index);
  refuse_undefined(value);
  const auto number = value.integer();
  if (!number) throw Failure(fmt::format("'{}' object cannot be interpreted as an integer", type_name(value)));
  return *number;
}

const std::string& BoundArguments::required_text(size_t index) const {
  const Value& value = required(index);
  if (!value.is_text()) {
    refuse_undefined(value);
    throw Failure(
        fmt::format("{}(): the argument '{}' must be str, not {}", function_, names_[index], type_name(value)));
  }
  return value.text();
}

std::optional<std::string> BoundArguments::optional_text(size_t index) const {
  if (values_[index] == nullptr || values_[index]->is_none()) return std::nullopt;
  return required_text(index);
}

std::string BoundMethod::repr(Budget&, int) const {
  return fmt::format("<built-in method {} of {} object>", name_, jinja::type_name(self_));
}

std::string Function::repr(Budget&, int) const { return fmt::format("<function {}>", name_); }

SharedValues Iterator::iterate() {
  auto rest = std::make_shared<Values>(items_.begin() + static_cast<std::ptrdiff_t>(at_), items_.end());
  at_ = items_.size();
  return rest;
}

std::optional<Value> Iterator::next() {
  if (at_ == items_.size()) return std::nullopt;
  return items_[at_++];
}

std::string DictView::repr(Budget& budget, int nesting) const {
  return fmt::format("{}({})", type_, jinja::repr(Value::list(*items_), budget, nesting));
}

std::string Range::repr(Budget&, int) const {
  const std::string bounds = fmt::format("range({}, {}", start_, stop_);
  return step_ == 1 ? bounds + ")" : fmt::format("{}, {})", bounds, step_);
}

std::optional<Value> Range::attribute(const std::string& name) {
  if (name == "start") return Value(start_);
  if (name == "stop") return Value(stop_);
  if (name == "step") return Value(step_);
  return std::nullopt;
}

std::optional<Value> Range::item(const Value& key) const {
  auto index = key.integer();
  if (!index) return std::nullopt;
  if (*index < 0) *index += count_;
  if (*index < 0 || *index >= count_) return std::nullopt;
  return Value(at(*index));
}

SharedValues Range::iterate() {
  auto items = std::make_shared<Values>();
  items->reserve(static_cast<size_t>(count_));
  for (int64_t i = 0; i < count_; ++i) items->emplace_back(at(i));
  return items;
}

bool Range::equals(const Object& other) const {
  const auto* range = dynamic_cast<const Range*>(&other);
  return range != nullptr && range->count_ == count_ && (count_ == 0 || range->start_ == start_) &&
         (count_ < 2 || range->step_ == step_);
}

}  // namespace lorica::jinja
