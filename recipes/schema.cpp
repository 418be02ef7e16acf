#include "recipes/schema.h"

#include <algorithm>

#include "io/formats/edit_distance.h"

namespace lorica {
namespace {

constexpr size_t kLongestName = 64;  // longer names resemble no key, and the distance is quadratic

}  // namespace

bool Field::has_meaning(const Recipe& recipe) const {
  return std::all_of(conditions.begin(), conditions.end(), [&](const Condition& c) { return c.holds(recipe); });
}

Field& Field::help(std::string text) {
  help_text = std::move(text);
  return *this;
}
Field& Field::range(double low, double high) {
  limits.low = low;
  limits.high = high;
  return *this;
}
Field& Field::at_least(double low) {
  limits.low = low;
  return *this;
}
Field& Field::above(double low) {
  limits.low = low;
  limits.low_excluded = true;
  return *this;
}
Field& Field::below(double high) {
  limits.high = high;
  limits.high_excluded = true;
  return *this;
}
Field& Field::non_empty() {
  limits.non_empty = true;
  return *this;
}
Field& Field::required(std::string example_value) {
  example = std::move(example_value);
  return non_empty();
}
Field& Field::path() {
  type_name = type_name == "text" ? "path" : "path or list";
  return *this;
}
Field& Field::default_shown(std::string text) {
  default_text = std::move(text);
  return *this;
}
Field& Field::only_when(std::string other, std::string wanted, std::function<bool(const Recipe&)> holds) {
  conditions.push_back({std::move(other), std::move(wanted), std::move(holds)});
  return *this;
}
Field& Field::excludes(std::vector<std::string> others) {
  excluded = std::move(others);
  return *this;
}
Field& Field::synonym_of(std::vector<std::string> names) {
  synonyms = std::move(names);
  return *this;
}

bool Schema::has_section(std::string_view name) const {
  return std::any_of(sections_.begin(), sections_.end(), [&](const SectionInfo& s) { return s.name == name; });
}

const Field* Schema::find(std::string_view full_name) const {
  const auto found =
      std::find_if(fields_.begin(), fields_.end(), [&](const Field& f) { return f.full_name() == full_name; });
  return found == fields_.end() ? nullptr : &*found;
}

std::string Schema::suggestion(std::string_view full_name) const {
  if (full_name.size() > kLongestName) return "";
  const size_t dot = full_name.rfind('.');
  const std::string_view last = dot == std::string_view::npos ? full_name : full_name.substr(dot + 1);
  size_t best = std::max<size_t>(2, last.size() / 3) + 1;
  std::string nearest;
  const auto offer = [&](size_t distance, const std::string& name) {
    if (distance < best) {
      best = distance;
      nearest = name;
    }
  };
  for (const Field& field : fields_) {
    const bool same_section = dot != std::string_view::npos && full_name.substr(0, dot) == field.section;
    const auto offer_last = [&](const std::string& name) {  // a key of another section must resemble more
      offer(2 * edit_distance(last, name) + (same_section ? 0 : 1), field.full_name());
    };
    offer(edit_distance(full_name, field.full_name()), field.full_name());
    offer_last(field.name);
    for (const std::string& synonym : field.synonyms) offer_last(synonym);
  }
  if (dot == std::string_view::npos)
    for (const SectionInfo& section : sections_) offer(edit_distance(full_name, section.name), section.name);
  return nearest.empty() ? "" : "; did you mean '" + nearest + "'?";
}

const Schema& recipe_schema() {
  static const Schema schema;
  return schema;
}

}  // namespace lorica
