#include "io/tokenizer/json_node.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "kernels/error.h"

namespace lorica {
namespace {

// What index_ holds for the root and for a member of an object.
constexpr size_t kRoot = static_cast<size_t>(-1);
constexpr size_t kMember = static_cast<size_t>(-2);

// A value as it may stand in a one-line message.
std::string shown(const nlohmann::json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "an array";
  constexpr size_t kMost = 60;
  std::string text = value.dump(-1, ' ', true);
  if (text.size() > kMost) text = text.substr(0, kMost) + "...";
  return text;
}

}  // namespace

JsonNode::JsonNode(const nlohmann::json& value, std::string_view origin)
    : value_(&value), parent_(std::make_shared<const Place>(Place{std::string(origin), "", 0})), index_(kRoot) {}

JsonNode::JsonNode(const nlohmann::json& value, std::shared_ptr<const Place> parent, std::string_view key, size_t index)
    : value_(&value), parent_(std::move(parent)), key_(key), index_(index) {}

bool JsonNode::is_null() const { return value_->is_null(); }
bool JsonNode::is_string() const { return value_->is_string(); }
bool JsonNode::is_array() const { return value_->is_array(); }

std::string JsonNode::path() const {
  if (index_ == kRoot) return {};
  if (index_ != kMember) return fmt::format("{}[{}]", parent_->path, index_);
  return parent_->path.empty() ? std::string(key_) : fmt::format("{}.{}", parent_->path, key_);
}

std::shared_ptr<const JsonNode::Place> JsonNode::place() const {
  if (index_ == kRoot) return parent_;
  constexpr int kDeepest = 64;  // components are read by recursion
  if (parent_->depth == kDeepest) throw Error("{}: more than {} levels of nesting", parent_->origin, kDeepest);
  return std::make_shared<const Place>(Place{parent_->origin, path(), parent_->depth + 1});
}

void JsonNode::need_object() const {
  if (!value_->is_object()) expected("an object");
}

std::optional<JsonNode> JsonNode::find(std::string_view key) const {
  need_object();
  const auto found = value_->find(key);
  if (found == value_->end() || found->is_null()) return std::nullopt;
  return JsonNode(*found, place(), key, kMember);
}

JsonNode JsonNode::at(std::string_view key) const {
  need_object();
  const auto found = value_->find(key);
  if (found == value_->end()) fail(fmt::format("'{}' is missing", key));
  return JsonNode(*found, place(), key, kMember);
}

void JsonNode::each(FunctionRef<void(const JsonNode&)> f) const {
  if (!is_array()) expected("an array");
  JsonNode element(*value_, place(), {}, 0);
  for (const nlohmann::json& value : *value_) {
    element.value_ = &value;
    f(element);
    ++element.index_;
  }
}

void JsonNode::each_member(FunctionRef<void(std::string_view, const JsonNode&)> f) const {
  need_object();
  JsonNode member(*value_, place(), {}, kMember);
  for (const auto& [key, value] : value_->get_ref<const nlohmann::json::object_t&>()) {
    member.value_ = &value;
    member.key_ = key;
    f(key, member);
  }
}

size_t JsonNode::size() const { return value_->size(); }

const std::string& JsonNode::string() const {
  if (!is_string()) expected("a string");
  return value_->get_ref<const std::string&>();
}

bool JsonNode::boolean() const {
  if (!value_->is_boolean()) expected("true or false");
  return value_->get<bool>();
}

double JsonNode::number() const {
  if (!value_->is_number()) expected("a number");
  return value_->get<double>();
}

int64_t JsonNode::count(int64_t max) const {
  if (!value_->is_number_unsigned() || value_->get<uint64_t>() > static_cast<uint64_t>(max))
    expected(fmt::format("a whole number from 0 to {}", max));
  return value_->get<int64_t>();
}

bool JsonNode::boolean_or(std::string_view key, bool absent) const {
  const auto member = find(key);
  return member ? member->boolean() : absent;
}

std::string JsonNode::string_or_empty(std::string_view key) const {
  const auto member = find(key);
  return member ? member->string() : std::string();
}

void JsonNode::allow_only(std::initializer_list<std::string_view> keys) const {
  each_member([&](std::string_view key, const JsonNode& member) {
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) member.fail("this setting is not supported");
  });
}

std::string JsonNode::message(std::string_view text) const {
  const std::string where = path();
  return fmt::format("{}: {}{}{}", parent_->origin, where, where.empty() ? "" : ": ", text);
}

void JsonNode::fail(std::string_view text) const { throw Error(message(text)); }

void JsonNode::expected(std::string_view what) const { fail(fmt::format("expected {}, got {}", what, shown(*value_))); }

void with_json(std::string_view text, std::string_view origin, FunctionRef<void(const JsonNode&)> f) {
  nlohmann::json document;
  try {
    document = nlohmann::json::parse(text);
  } catch (const nlohmann::json::exception& error) {
    std::string reason = error.what();
    if (const size_t tag = reason.find("] "); tag != std::string::npos) reason.erase(0, tag + 2);
    throw Error("{}: {}", origin, reason);
  }
  f(JsonNode(document, origin));
}

}  // namespace lorica
