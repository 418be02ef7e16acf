#include "io/chat_template/filters.h"

#include <algorithm>
#include <charconv>
#include <unordered_map>

#include "io/chat_template/lookup.h"
#include "io/chat_template/text_search.h"

namespace lorica::jinja {

Filter find_filter(const std::string& name) {
  static const std::unordered_map<std::string, Filter> kFilters = [] {
    std::unordered_map<std::string, Filter> all;
    for (const FilterTable& table : {text_filters(), number_filters(), sequence_filters(), ordering_filters()}) {
      all.insert(table.begin(), table.end());
    }
    return all;
  }();
  const auto found = kFilters.find(name);
  return found == kFilters.end() ? nullptr : found->second;
}

Value look_up_path(Runtime& runtime, const Value& value, const Value& path, const Value& fallback) {
  const auto found = [&](Value item) { return item.is_undefined() && !fallback.is_none() ? fallback : item; };
  if (path.is_none()) return value;
  if (!path.is_text()) return found(get_item(runtime, value, path));
  Value result = value;
  for (const std::string& part : split(path.text(), ".", -1, false)) {
    runtime.budget.step();
    int64_t index = 0;
    const bool is_index =
        !part.empty() && std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
    const auto read = std::from_chars(part.data(), part.data() + part.size(), index);
    result = found(get_item(runtime, result, is_index && read.ec == std::errc() ? Value(index) : Value(part)));
  }
  return result;
}

}  // namespace lorica::jinja
