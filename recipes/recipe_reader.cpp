#include <algorithm>
#include <map>
#include <optional>

#include "io/formats/file_bytes.h"
#include "kernels/error.h"
#include "recipes/schema.h"
#include "recipes/source_keys.h"

namespace lorica {
namespace {

using Node = std::shared_ptr<const YamlNode>;

/// A value as the user gave it.
struct Given {
  std::string place;  ///< "recipe.yaml:12", or "--set adapter.r"
  bool in_file;
  Node node;

  /// How a message about this value of `key` begins; an override names its key already.
  std::string head(const std::string& key) const { return in_file ? place + ": " + key : place; }
};

class Reader {
 public:
  explicit Reader(std::string name) : name_(std::move(name)) {}

  void read_file_text(std::string_view text);
  void read_override(const std::string& text);
  Recipe finish();
  std::string place_of(const std::string& key) const;

 private:
  std::string at(int line) const { return fmt::format("{}:{}", name_, line); }
  void read_section(const YamlNode::Entry& entry);
  [[noreturn]] void fail_unknown(const std::string& place, const std::string& key) const;
  void read_values();
  void check_conditions() const;
  void check_sources(const std::string& key, const std::vector<DataItem>& items) const;
  void check_required() const;
  void check_run_length() const;
  void check_rules() const;
  /// "16 (recipe.yaml:4)", "16 (its default)", "not given"
  std::string value_and_place(const std::string& key) const;

  std::string name_;
  const Schema& schema_ = recipe_schema();
  std::map<std::string, int> section_lines_;
  std::map<std::string, Given> given_;
  Recipe recipe_;
};

void Reader::fail_unknown(const std::string& place, const std::string& key) const {
  const Field* field = schema_.find(key);
  if (field) throw Error("{}: {}: write it as '{}' inside the section '{}'", place, key, field->name, field->section);
  throw Error("{}: {}: unknown key{}", place, shown(key), schema_.suggestion(key));
}

void Reader::read_section(const YamlNode::Entry& entry) {
  if (!schema_.has_section(entry.key)) fail_unknown(at(entry.line), entry.key);
  const auto [first, is_new] = section_lines_.emplace(entry.key, entry.line);
  if (!is_new) throw Error("{}: {}: given twice, first at {}", at(entry.line), entry.key, at(first->second));
  if (entry.value->kind == YamlNode::Kind::kNull) return;  // a section whose keys are all commented out
  if (entry.key == "model" && entry.value->kind == YamlNode::Kind::kScalar) {  // short for model.path
    given_.try_emplace("model.path", Given{at(entry.line), true, entry.value});
    return;
  }
  if (entry.value->kind != YamlNode::Kind::kMap)
    throw Error("{}: {}: expected a section of keys, got {}", at(entry.line), entry.key, shown(*entry.value));
  for (const YamlNode::Entry& key : entry.value->entries) {
    const std::string full_name = entry.key + "." + key.key;
    if (!schema_.find(full_name)) fail_unknown(at(key.line), full_name);
    const auto [earlier, inserted] = given_.try_emplace(full_name, Given{at(key.line), true, key.value});
    if (!inserted) throw Error("{}: {}: given twice, first at {}", at(key.line), full_name, earlier->second.place);
  }
}

void Reader::read_file_text(std::string_view text) {
  Node root;
  try {
    root = parse_yaml(text);
  } catch (const YamlProblem& problem) {
    if (problem.column == 0) throw Error("{}: {}", at(problem.line), problem.what());
    throw Error("{}:{}: {}", at(problem.line), problem.column, problem.what());
  }
  if (root->kind == YamlNode::Kind::kNull) throw Error("{}: the recipe is empty", name_);
  if (root->kind != YamlNode::Kind::kMap)
    throw Error("{}: expected sections of keys (model, data, ...), got {}", at(root->line), shown(*root));
  for (const YamlNode::Entry& entry : root->entries) read_section(entry);
}

void Reader::read_override(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) throw Error("--set {}: expected section.key=value", shown(text));
  const std::string key = text.substr(0, equals);
  const std::string place = "--set " + shown(key);
  if (schema_.has_section(key)) throw Error("{}: this is a section; name one of its keys, section.key=value", place);
  if (!schema_.find(key)) throw Error("{}: unknown key{}", place, schema_.suggestion(key));
  try {
    const Node node = parse_yaml(std::string_view(text).substr(equals + 1));
    if (node->kind == YamlNode::Kind::kNull)
      given_.erase(key);
    else
      given_.insert_or_assign(key, Given{place, false, node});
  } catch (const YamlProblem& problem) {
    throw Error("{}: the value is not YAML: {}", place, problem.what());
  }
}

void Reader::read_values() {
  for (const Field& field : schema_.fields()) {
    const auto found = given_.find(field.full_name());
    if (found == given_.end()) continue;
    const Given& given = found->second;
    const YamlNode* wrong = nullptr;
    try {
      wrong = field.read_value(*given.node, field.limits, recipe_);
    } catch (const YamlProblem& problem) {
      const std::string head = given.in_file ? fmt::format("{}: {}", at(problem.line), field.full_name()) : given.place;
      throw Error("{}: {}", head, problem.what());
    }
    if (!wrong) continue;
    const bool inner = given.in_file && wrong != given.node.get();  // an item of a list has a line of its own
    const std::string head =
        inner ? fmt::format("{}: {}", at(wrong->line), field.full_name()) : given.head(field.full_name());
    throw Error("{}: expected {}, got {}", head, field.expected(), shown(*wrong));
  }
}

std::string Reader::value_and_place(const std::string& key) const {
  const auto found = given_.find(key);
  if (found != given_.end())
    return fmt::format("{} ({})", shown(schema_.find(key)->print(recipe_)), found->second.place);
  const std::string value = schema_.find(key)->print(recipe_);
  return value.empty() || value == "\"\"" || value == "[]" ? "not given" : value + " (its default)";
}

void Reader::check_conditions() const {
  for (const Field& field : schema_.fields()) {
    const auto found = given_.find(field.full_name());
    if (found == given_.end()) continue;
    const std::string head = found->second.head(field.full_name());
    for (const Condition& condition : field.conditions) {
      if (condition.holds(recipe_)) continue;
      throw Error("{}: used only when {} {}, but that is {}", head, condition.other, condition.wanted,
                  value_and_place(condition.other));
    }
    for (const std::string& other : field.excluded) {
      const auto second = given_.find(other);
      if (second != given_.end()) throw Error("{}: cannot be given beside {} ({})", head, other, second->second.place);
    }
  }
}

void Reader::check_sources(const std::string& key, const std::vector<DataItem>& items) const {
  const auto found = given_.find(key);
  for (size_t i = 0; i < items.size(); ++i) {
    const DataSource settings = settings_of(recipe_.data, items[i]);
    for (const std::string& name : items[i].given) {
      const std::string wanted = missing_condition(settings, name);
      if (wanted.empty()) continue;
      const int line = line_of_source_key(*found->second.node, i, name);
      throw Error("{}: {}: used only when format {}, but that is {}",
                  found->second.in_file ? fmt::format("{}: {}", at(line), key) : found->second.place, name, wanted,
                  YamlValue<DataFormat>::print(settings.format));
    }
  }
}

void Reader::check_required() const {
  for (const Field& field : schema_.fields()) {
    if (field.example.empty() || given_.contains(field.full_name()) || !field.has_meaning(recipe_)) continue;
    const auto section = section_lines_.find(field.section);
    std::string reason;
    for (const Condition& condition : field.conditions)
      reason += fmt::format(" although {} is {}", condition.other, value_and_place(condition.other));
    throw Error("{}: {}: not given{}; write it under '{}:', for example '{}: {}'",
                section == section_lines_.end() ? name_ : at(section->second), field.full_name(), reason, field.section,
                field.name, field.example);
  }
}

void Reader::check_run_length() const {
  const TrainSection& train = recipe_.train;
  if (train.max_steps || train.num_train_epochs || train.time_budget) return;
  const auto section = section_lines_.find("train");
  throw Error(
      "{}: train: nothing ends the run; write max_steps, num_train_epochs or time_budget under 'train:', for example "
      "'num_train_epochs: 1'",
      section == section_lines_.end() ? name_ : at(section->second));
}

void Reader::check_rules() const {
  for (const Rule& rule : schema_.rules()) {
    if (!rule.broken(recipe_)) continue;
    // told at the key that the user wrote
    const auto key = given_.find(rule.key), other = given_.find(rule.other);
    const std::string head = key != given_.end()     ? key->second.head(rule.key)
                             : other != given_.end() ? fmt::format("{}: {}", other->second.place, rule.key)
                                                     : name_ + ": " + rule.key;
    const std::string beside =
        rule.other.empty() ? "" : fmt::format(" {}, {}", rule.other, value_and_place(rule.other));
    throw Error("{}: {} {}{}", head, shown(schema_.find(rule.key)->print(recipe_)), rule.problem, beside);
  }
}

Recipe Reader::finish() {
  read_values();
  check_conditions();
  check_sources("data.train", recipe_.data.train);
  check_sources("data.eval", recipe_.data.eval);
  check_required();
  check_run_length();
  check_rules();
  TrainSection& train = recipe_.train;
  if (!train.tokens_per_step && !train.gradient_accumulation_steps && !train.examples_per_step)
    train.examples_per_step = 8;
  return recipe_;
}

std::string Reader::place_of(const std::string& key) const {
  const auto found = given_.find(key);
  return found == given_.end() ? name_ + ": " + key : found->second.head(key);
}

}  // namespace

Recipe parse_recipe(std::string_view text, const std::string& name, const std::vector<std::string>& overrides) {
  Reader reader(name);
  reader.read_file_text(text);
  for (const std::string& text_of_one : overrides) reader.read_override(text_of_one);
  return reader.finish();
}

std::string place_of_key(const std::filesystem::path& path, const std::vector<std::string>& overrides,
                         const std::string& key) {
  Reader reader(path.string());
  reader.read_file_text(read_file(path));
  for (const std::string& text_of_one : overrides) reader.read_override(text_of_one);
  return reader.place_of(key);
}

Recipe load_recipe(const std::filesystem::path& path, const std::vector<std::string>& overrides) {
  return parse_recipe(read_file(path), path.string(), overrides);
}

}  // namespace lorica
