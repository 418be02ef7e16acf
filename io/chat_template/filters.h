#pragma once
#include <string>

#include "io/chat_template/runtime.h"

namespace lorica::jinja {

using Filter = Value (*)(Runtime&, const Value& operand, const CallArguments& arguments);

/// The filter of the name, or null.
Filter find_filter(const std::string& name);

/// The families that make up the table.
using FilterTable = std::vector<std::pair<const char*, Filter>>;
FilterTable text_filters();
FilterTable number_filters();
FilterTable sequence_filters();
FilterTable ordering_filters();

/// "a.0.b" or 3 as the `attribute` argument of filters: looks the parts up one after another, with the fallback (unless
/// it is None) in the place of each one that is missing. The path None gives the value.
Value look_up_path(Runtime& runtime, const Value& value, const Value& path, const Value& fallback = Value());

}  // namespace lorica::jinja
