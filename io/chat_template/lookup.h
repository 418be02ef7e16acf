#pragma once
#include "io/chat_template/runtime.h"

namespace lorica::jinja {

/// `value.name`: the attribute, else the item of that name, else an undefined value.
Value get_attribute(Runtime& runtime, const Value& value, const std::string& name);
/// `value[key]`: the item, else for a string the attribute of that name, else an undefined value.
Value get_item(Runtime& runtime, const Value& value, const Value& key);
/// `value[start:stop:step]`, each bound an integer or None.
Value slice(Runtime& runtime, const Value& value, const Value& start, const Value& stop, const Value& step);
/// Calls anything; throws Failure "'str' object is not callable".
Value call(Runtime& runtime, const Value& callee, const CallArguments& arguments);

/// The methods of str, and of list, tuple and dict that change nothing; null for another name.
Method find_text_method(const std::string& name);
Method find_list_method(const std::string& name);
Method find_dict_method(const std::string& name);

}  // namespace lorica::jinja
