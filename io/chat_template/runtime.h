#pragma once
#include <ctime>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/chat_template/value.h"

namespace lorica::jinja {

/// An object that templates can change, and so the only kind that can hold itself.
class MutableObject : public Object {
 public:
  using Object::Object;
  /// Drops what it holds, which breaks cycles at the end of a rendering.
  virtual void clear() = 0;
};

/// What filters, methods and functions need of the rendering in progress.
class Runtime {
 public:
  Runtime(const Limits& limits, std::optional<std::tm> now) : budget(limits), now_(now) {}
  ~Runtime() {
    for (const auto& object : kept_) object->clear();
  }
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  void keep(std::shared_ptr<MutableObject> object) { kept_.push_back(std::move(object)); }
  /// The given time, or the clock's local time.
  std::tm now() const;

  Value list(Values items);
  Value tuple(Values items);
  Value text(std::string text, bool markup = false);

  Budget budget;

 private:
  std::optional<std::tm> now_;
  std::vector<std::shared_ptr<MutableObject>> kept_;
};

/// Arguments matched with parameter names, as Python does: by position, then by name. Throws Failure for one too many,
/// an unknown name or one given twice.
class BoundArguments {
 public:
  BoundArguments(std::string_view function, const CallArguments& arguments, std::initializer_list<const char*> names);

  bool has(size_t index) const { return values_[index] != nullptr; }
  /// The argument; throws Failure when it was not given.
  const Value& required(size_t index) const;
  const Value& value_or(size_t index, const Value& fallback) const;
  bool flag(size_t index, bool fallback) const;
  int64_t integer(size_t index, int64_t fallback) const;
  int64_t required_integer(size_t index) const;
  const std::string& required_text(size_t index) const;
  /// None counts as not given.
  std::optional<std::string> optional_text(size_t index) const;

 private:
  std::string function_;
  std::vector<const char*> names_;
  std::vector<const Value*> values_;
};

using Method = Value (*)(Runtime&, const Value& self, const CallArguments& arguments);

/// A method read off a value: "abc".upper.
class BoundMethod : public Object {
 public:
  BoundMethod(Value self, std::string name, Method method)
      : Object(self.depth() + 1), self_(std::move(self)), name_(std::move(name)), method_(method) {}
  std::string_view type_name() const override { return "builtin_function_or_method"; }
  std::string repr(Budget& budget, int nesting) const override;
  bool is_callable() const override { return true; }
  Value call(Runtime& runtime, const CallArguments& arguments) override { return method_(runtime, self_, arguments); }

 private:
  Value self_;
  std::string name_;
  Method method_;
};

/// A function of the environment: range, raise_exception.
class Function : public Object {
 public:
  using Body = Value (*)(Runtime&, const CallArguments& arguments);
  Function(std::string name, Body body) : name_(std::move(name)), body_(body) {}
  std::string_view type_name() const override { return "function"; }
  std::string repr(Budget& budget, int nesting) const override;
  bool is_callable() const override { return true; }
  Value call(Runtime& runtime, const CallArguments& arguments) override { return body_(runtime, arguments); }

 private:
  std::string name_;
  Body body_;
};

/// What lazy filters (map, select, ...) give: can be gone through once.
class Iterator : public Object {
 public:
  explicit Iterator(Values items, const char* type = "generator")
      : Object(nesting_of(items)), items_(std::move(items)), type_(type) {}
  std::string_view type_name() const override { return type_; }
  bool can_iterate() const override { return true; }
  SharedValues iterate() override;
  std::optional<Value> next() override;

 private:
  Values items_;
  const char* type_;
  size_t at_ = 0;
};

/// dict.items(), keys() and values(): has a length, no indices.
class DictView : public Object {
 public:
  DictView(Values items, const char* type)
      : Object(nesting_of(items)), items_(std::make_shared<const Values>(std::move(items))), type_(type) {}
  std::string_view type_name() const override { return type_; }
  std::string repr(Budget& budget, int nesting) const override;
  bool can_iterate() const override { return true; }
  SharedValues iterate() override { return items_; }
  std::optional<int64_t> length() const override { return static_cast<int64_t>(items_->size()); }

 private:
  SharedValues items_;
  const char* type_;
};

class Range : public Object {
 public:
  /// `count` is what start, stop and step amount to.
  Range(int64_t start, int64_t stop, int64_t step, int64_t count)
      : start_(start), stop_(stop), step_(step), count_(count) {}
  std::string_view type_name() const override { return "range"; }
  std::string repr(Budget& budget, int nesting) const override;
  std::optional<Value> attribute(const std::string& name) override;
  std::optional<Value> item(const Value& key) const override;
  bool can_iterate() const override { return true; }
  SharedValues iterate() override;
  std::optional<int64_t> length() const override { return count_; }
  bool equals(const Object& other) const override;
  int64_t start() const { return start_; }
  int64_t step() const { return step_; }
  int64_t at(int64_t index) const { return start_ + index * step_; }

 private:
  int64_t start_, stop_, step_, count_;
};

}  // namespace lorica::jinja
