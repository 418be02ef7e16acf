#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "io/chat_template/budget.h"

namespace lorica::jinja {

class Object;
class Value;
using Values = std::vector<Value>;
using SharedValues = std::shared_ptr<const Values>;

struct None {};

/// The result of a lookup that found nothing. It prints as nothing and is false; any other use fails with the message.
struct Undefined {
  std::shared_ptr<const std::string> message;
};

/// UTF-8. `markup` marks text that went through `safe` or `escape`: what is added to it gets HTML-escaped.
struct Text {
  std::shared_ptr<const std::string> bytes;
  bool markup = false;
};

struct List {
  SharedValues items;
  int depth;  ///< of nested containers, 1 for a flat list
};

struct Tuple {
  SharedValues items;
  int depth;
  bool is_group = false;  ///< a pair of the filter groupby, which has the attributes grouper and list
};

/// Insertion-ordered, keys unique by Python's equality (1, 1.0 and True are one key).
struct DictItems {
  std::vector<std::pair<Value, Value>> pairs;
};

struct Dict {
  std::shared_ptr<const DictItems> items;
  int depth;
};

/// A Python value as templates see it. Everything but an Object is immutable and shared: templates run in a sandbox
/// that forbids changing lists and dicts.
class Value {
 public:
  using Storage =
      std::variant<Undefined, None, bool, int64_t, double, Text, List, Tuple, Dict, std::shared_ptr<Object>>;

  Value() : storage_(None{}) {}
  Value(bool value) : storage_(value) {}
  Value(int value) : storage_(int64_t{value}) {}
  Value(int64_t value) : storage_(value) {}
  Value(double value) : storage_(value) {}
  Value(std::string text, bool markup = false)
      : storage_(Text{std::make_shared<const std::string>(std::move(text)), markup}) {}
  Value(std::string_view text) : Value(std::string(text)) {}
  Value(const char* text) : Value(std::string(text)) {}
  Value(Text text) : storage_(std::move(text)) {}
  Value(std::shared_ptr<Object> object) : storage_(std::move(object)) {}

  static Value undefined(std::string message);
  /// These throw Failure when containers nest deeper than kMaxNesting (they are walked recursively).
  static Value list(Values items);
  static Value tuple(Values items, bool is_group = false);
  static Value dict(DictItems items);

  const Storage& storage() const { return storage_; }
  template <class T>
  const T* as() const {
    return std::get_if<T>(&storage_);
  }
  bool is_undefined() const { return as<Undefined>() != nullptr; }
  bool is_none() const { return as<None>() != nullptr; }
  bool is_text() const { return as<Text>() != nullptr; }
  bool is_markup() const { return is_text() && as<Text>()->markup; }
  /// The text of a string; call it only where is_text().
  const std::string& text() const { return *as<Text>()->bytes; }
  /// The items of a list or tuple, else null.
  const Values* items() const;
  /// The pairs of a dict, else null.
  const std::vector<std::pair<Value, Value>>* pairs() const;
  template <class T>
  std::shared_ptr<T> object() const {
    const auto* held = as<std::shared_ptr<Object>>();
    return held == nullptr ? nullptr : std::dynamic_pointer_cast<T>(*held);
  }
  /// int or bool as an integer.
  std::optional<int64_t> integer() const;
  /// int, bool or float as a double.
  std::optional<double> number() const;
  int depth() const;

 private:
  Storage storage_;
};

constexpr int kMaxNesting = 100;

/// Positional and named arguments of a call.
struct CallArguments {
  Values positional;
  std::vector<std::pair<std::string, Value>> named;
};

class Runtime;

/// What has behaviour: iterators, ranges, namespaces, macros, methods, functions.
class Object {
 public:
  explicit Object(int depth = 1) : depth_(depth) {}
  virtual ~Object() = default;
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;

  /// The name that Python gives the class.
  virtual std::string_view type_name() const = 0;
  virtual std::string repr(Budget& budget, int nesting) const;
  virtual bool is_callable() const { return false; }
  /// Throws Failure "'range' object is not callable" unless overridden.
  virtual Value call(Runtime& runtime, const CallArguments& arguments);
  virtual std::optional<Value> attribute(const std::string& name);
  virtual std::optional<Value> item(const Value& key) const;
  virtual bool can_iterate() const { return false; }
  /// The items from here to the end, null when it cannot be iterated; an iterator is used up by it.
  virtual SharedValues iterate();
  /// As many of the items as are needed for the first; only iterators differ from iterate().
  virtual std::optional<Value> next();
  virtual std::optional<int64_t> length() const { return std::nullopt; }
  virtual bool equals(const Object& other) const { return this == &other; }
  int depth() const { return depth_; }

 private:
  int depth_;
};

/// 1 + the deepest of the items; throws Failure above kMaxNesting.
int nesting_of(const Values& items);

/// "str", "NoneType", "dict": the name of the class in Python's messages.
std::string type_name(const Value& value);
/// As type_name, in the form of Jinja's messages: "dict object", "None".
std::string describe_type(const Value& value);

/// Python's truth of a value.
bool truth(const Value& value);

/// len(value), or none for what has no length.
std::optional<int64_t> length(const Value& value);

/// The items a loop over the value goes through. Throws Failure "'int' object is not iterable".
SharedValues iterate(const Value& value, Budget& budget);
bool is_iterable(const Value& value);

/// Throws the message of an undefined value; for every use that Jinja refuses.
void refuse_undefined(const Value& value);

}  // namespace lorica::jinja
