#include "io/data/row_parts.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "io/tokenizer/utf8.h"

namespace lorica {
namespace {

constexpr int64_t kMaxDepth = 64;  // of brackets in a JSON row: far above any conversation, far below the stack

}  // namespace

Fault bad_row(std::string message) { return {{Check::kBadRow, std::move(message)}}; }

std::string names_of(const Json& object) {
  std::vector<std::string> keys;
  for (const auto& item : object.items()) keys.push_back(item.key());
  return keys.empty() ? "none" : fmt::format("{}", fmt::join(keys, ", "));
}

const Json& member(const Json& row, const std::string& key) {
  const auto found = row.find(key);
  if (found == row.end()) throw bad_row(fmt::format("no key '{}'; the row has: {}", key, names_of(row)));
  return *found;
}

const Json* find_member(const Json& row, const std::string& key) {
  const auto found = row.find(key);
  return found == row.end() || found->is_null() ? nullptr : &*found;
}

std::string text_member(const Json& row, const std::string& key) {
  const Json& value = member(row, key);
  if (!value.is_string()) throw bad_row(fmt::format("{}: expected a text, got {}", key, value.type_name()));
  return value.get<std::string>();
}

std::string scalar_member(const Json& row, const std::string& key) {
  const Json& value = member(row, key);
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number() || value.is_boolean()) return value.dump();
  throw bad_row(fmt::format("{}: expected a text or a number, got {}", key, value.type_name()));
}

Json turns_member(const Json& row, const std::string& key) {
  Json turns = member(row, key);
  if (turns.is_string()) {
    try {
      if (Json list = parse_json(turns.get_ref<const std::string&>()); list.is_array()) turns = std::move(list);
    } catch (const Fault&) {  // told below
    }
  }
  if (!turns.is_array()) {
    throw bad_row(fmt::format("{}: expected a list of messages, got {}", key, turns.type_name()));
  }
  if (turns.empty()) throw_empty(key);
  return turns;
}

void throw_empty(const std::string& column) {
  throw Fault{{Check::kNothingToTrain, fmt::format("{} is empty", column)}};
}

void check_text(std::string_view bytes) {
  if (const size_t at = utf8::find_invalid(bytes); at != std::string_view::npos) {
    throw Fault{{Check::kInvalidUtf8, fmt::format("invalid UTF-8: byte 0x{:02x} at offset {} of the row",
                                                  static_cast<unsigned char>(bytes[at]), at)}};
  }
  if (const size_t at = bytes.find('\0'); at != std::string_view::npos) {
    throw bad_row(fmt::format("a NUL byte at offset {} of the row", at));
  }
}

Nesting nesting_of(std::string_view json) {
  Nesting nesting;
  bool in_text = false;
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_text) {
      if (c == '\\') ++i;
      if (c == '"') in_text = false;
    } else if (c == '"') {
      in_text = true;
    } else if (c == '[' || c == '{') {
      nesting.deepest = std::max(nesting.deepest, ++nesting.open);
    } else if (c == ']' || c == '}') {
      --nesting.open;
    }
  }
  return nesting;
}

Json parse_json(std::string_view text) {
  check_text(text);
  if (nesting_of(text).deepest > kMaxDepth) {
    throw Fault{{Check::kBadJson, fmt::format("JSON nested deeper than {} levels", kMaxDepth)}};
  }
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    throw Fault{{Check::kBadJson, fmt::format("not valid JSON at byte {}", error.byte)}};
  } catch (const Json::exception&) {
    throw Fault{{Check::kBadJson, "not valid JSON: a number out of range"}};
  }
}

}  // namespace lorica
