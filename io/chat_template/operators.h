#pragma once
#include "io/chat_template/value.h"

namespace lorica::jinja {

enum class BinaryOp { add, subtract, multiply, divide, floor_divide, modulo, power };
enum class CompareOp { equal, not_equal, less, less_equal, greater, greater_equal, in, not_in };

/// Python's arithmetic, string and list operators. Integers are 64 bits wide: a larger result throws Failure.
Value binary(BinaryOp op, const Value& left, const Value& right, Budget& budget);
Value negate(const Value& value);
Value positive(const Value& value);

/// One link of a comparison chain.
bool compare(CompareOp op, const Value& left, const Value& right, Budget& budget);
bool equals(const Value& left, const Value& right, Budget& budget);
/// left < right. Throws Failure "'<' not supported between instances of 'int' and 'str'".
bool less(const Value& left, const Value& right, Budget& budget);
/// `needle in haystack`.
bool contains(const Value& haystack, const Value& needle, Budget& budget);

/// The value under the key, or null.
const Value* find(const Value& dict, const Value& key, Budget& budget);
/// Adds or overwrites; throws Failure "unhashable type: 'list'" for a key that Python would refuse.
void assign(DictItems& dict, Value key, Value value, Budget& budget);
/// False for lists, dicts and tuples that hold such.
bool is_hashable(const Value& value);

}  // namespace lorica::jinja
