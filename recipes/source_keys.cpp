#include "recipes/source_keys.h"

#include <fmt/format.h>

#include "recipes/schema.h"

namespace lorica {
namespace {

using Kind = YamlNode::Kind;

const YamlNode::Entry* find_entry(const YamlNode& map, std::string_view key) {
  const auto found = std::find_if(map.entries.begin(), map.entries.end(),
                                  [&](const YamlNode::Entry& entry) { return entry.key == key; });
  return found == map.entries.end() ? nullptr : &*found;
}

void check_keys(const YamlNode& map) {
  for (const YamlNode::Entry& entry : map.entries) {
    bool known = entry.key == "path";
    for_each_source_key(
        [&](const char* name, auto, auto, const SourceKeyInfo&) { known = known || entry.key == name; });
    if (!known) {
      throw YamlProblem(entry.line, 0,
                        fmt::format("{}: unknown key of a source{}", shown(entry.key),
                                    recipe_schema().suggestion("data." + entry.key)));
    }
    if (const auto* first = find_entry(map, entry.key); first != &entry) {
      throw YamlProblem(entry.line, 0, fmt::format("{}: given twice, first in line {}", entry.key, first->line));
    }
  }
}

template <class Value, class T>
void read_key(const YamlNode::Entry& entry, const Limits& limits, T& value) {
  const YamlNode* wrong = Value::read(*entry.value, limits, value);
  if (!wrong) return;
  throw YamlProblem(entry.line, 0,
                    fmt::format("{}: expected {}, got {}", entry.key, Value::expected(limits), shown(*wrong)));
}

DataItem read_item(const YamlNode& map) {
  check_keys(map);
  DataItem item;
  Limits non_empty;
  non_empty.non_empty = true;
  const auto* path = find_entry(map, "path");
  if (!path) throw YamlProblem(map.line, 0, "a source without a path; write {path: data/a.jsonl, ...}");
  read_key<YamlValue<std::string>>(*path, non_empty, item.path);
  for_each_source_key([&](const char* name, auto member, auto value, const SourceKeyInfo& info) {
    const auto* entry = find_entry(map, name);
    if (!entry) return;
    read_key<decltype(value)>(*entry, info.limits, item.own.*member);
    item.given.emplace_back(name);
  });
  return item;
}

bool is_given(const DataItem& item, const char* name) {
  return std::find(item.given.begin(), item.given.end(), name) != item.given.end();
}

}  // namespace

std::string SourceKeyInfo::wanted() const {
  std::string text = "is ";
  for (size_t i = 0; i < formats.size(); ++i) {
    if (i > 0) text += i + 1 < formats.size() ? ", " : " or ";
    text += YamlValue<DataFormat>::print(formats[i]);
  }
  return text;
}

const YamlNode* YamlValue<std::vector<DataItem>>::read(const YamlNode& node, const Limits& limits,
                                                       std::vector<DataItem>& value) {
  value.clear();
  const auto add = [&](const YamlNode& item) {
    if (item.kind == Kind::kScalar && !item.text.empty()) {
      value.push_back({item.text, {}, {}});
    } else if (item.kind == Kind::kMap) {
      value.push_back(read_item(item));
    } else {
      return false;
    }
    return true;
  };
  if (node.kind != Kind::kList) return add(node) ? nullptr : &node;
  if (limits.non_empty && node.items.empty()) return &node;
  for (const auto& item : node.items) {
    if (!add(*item)) return item.get();
  }
  return nullptr;
}

std::string YamlValue<std::vector<DataItem>>::print(const std::vector<DataItem>& value) {
  std::string text;
  for (const DataItem& item : value) {
    std::string printed = yaml_quoted(item.path);
    if (!item.given.empty()) {
      printed = "{path: " + printed;
      for_each_source_key([&](const char* name, auto member, auto written, const SourceKeyInfo&) {
        if (!is_given(item, name)) return;
        const std::string one = decltype(written)::print(item.own.*member);
        printed += fmt::format(", {}: {}", name, one.empty() ? "\"\"" : one);
      });
      printed += "}";
    }
    if (value.size() == 1) return printed;
    text += (text.empty() ? "" : ", ") + printed;
  }
  return "[" + text + "]";
}

DataSource settings_of(const DataSection& section, const DataItem& item) {
  DataSource settings = section;
  for_each_source_key([&](const char* name, auto member, auto, const SourceKeyInfo&) {
    if (is_given(item, name)) settings.*member = item.own.*member;
  });
  return settings;
}

int line_of_source_key(const YamlNode& sources, size_t index, const std::string& name) {
  const YamlNode& item = sources.kind == Kind::kList ? *sources.items.at(index) : sources;
  const auto* entry = find_entry(item, name);
  return entry ? entry->line : item.line;
}

std::string missing_condition(const DataSource& source, const std::string& name) {
  std::string wanted;
  for_each_source_key([&](const char* key, auto, auto, const SourceKeyInfo& info) {
    if (name == key && !info.holds(source)) wanted = info.wanted();
  });
  return wanted;
}

}  // namespace lorica
