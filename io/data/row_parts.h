#pragma once
#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "io/data/finding.h"
#include "io/data/options.h"
#include "io/data/rows.h"

// What the formats share. Every function throws Fault where a row is not as it must be.
namespace lorica {

using Json = nlohmann::ordered_json;

Fault bad_row(std::string message);

/// "a, b, c", or "none".
std::string names_of(const Json& object);

/// The value of a column. "no key 'a'; the row has: b, c"
const Json& member(const Json& row, const std::string& key);
/// The value where the row has one that is not null, else null.
const Json* find_member(const Json& row, const std::string& key);
std::string text_member(const Json& row, const std::string& key);
/// Of a text, number or bool: how it is written.
std::string scalar_member(const Json& row, const std::string& key);
/// The turns of a conversation: a list that is not empty, or a text that holds one as JSON.
Json turns_member(const Json& row, const std::string& key);
/// Throws Fault that the column has nothing to train.
[[noreturn]] void throw_empty(const std::string& column);

/// No byte that is not UTF-8, and no NUL.
void check_text(std::string_view bytes);
/// `text` as one JSON value, nested no deeper than a conversation can be.
Json parse_json(std::string_view text);
/// How many brackets are open at the end of `json`, and at most.
struct Nesting {
  int64_t open = 0, deepest = 0;
};
Nesting nesting_of(std::string_view json);

/// The keys by which a message says whether it is trained.
constexpr std::array<const char*, 3> kTrainKeys = {"train", "weight", "loss_weight"};

Json message_of(const char* role, std::string content);
/// A message {"role", "content"} in the form that the encoder takes: parts joined, weight as "train", arguments of tool
/// calls as objects, members that are null left out. `place` begins a fault: "message 3".
Json normal_message(const Json& message, const std::string& place);
/// Puts the system prompt of the row or of the source in front, checks every message, and hands the conversation and
/// the tools to the row.
void set_messages(Row& row, Json messages, const Json& record, const DataSource& source);
/// The list of tools, from a list or its JSON text; a bare {"name", "parameters"} becomes a function. Null for none.
std::shared_ptr<const Json> tools_of(const Json& record, const DataSource& source);

/// Marks the replies of the first `count` messages as shown and not trained.
void mark_untrained(Json& messages, size_t count);

}  // namespace lorica
