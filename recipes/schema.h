#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "recipes/recipe.h"
#include "recipes/value_types.h"

namespace lorica {

/// When a key has a meaning: "used only when OTHER WANTED". A key that is given although it has none is an error.
struct Condition {
  std::string other;   ///< full name of the key that decides
  std::string wanted;  ///< "is lora", "is given"
  std::function<bool(const Recipe&)> holds;
};

/// One key of a recipe: all that reading, printing, the reference and error messages know about it.
struct Field {
  std::string section, name;
  std::string type_name;
  std::string help_text;
  std::string default_text;  ///< as the reference shows it; empty: not given
  std::string example;       ///< not empty: the key is required where it has a meaning
  Limits limits;
  std::vector<Condition> conditions;
  std::vector<std::string> excluded;  ///< full names of keys that cannot be given beside this one
  std::vector<std::string> synonyms;  ///< names from other trainers that are answered with this one

  std::function<std::string(const Limits&)> expected_text;
  std::function<const YamlNode*(const YamlNode&, const Limits&, Recipe&)> read_value;
  std::function<std::string(const Recipe&)> print;  ///< empty: the value is left out

  std::string full_name() const { return section + "." + name; }
  std::string expected() const { return expected_text(limits); }
  bool has_meaning(const Recipe& recipe) const;

  Field& help(std::string text);
  Field& range(double low, double high);  ///< both allowed
  Field& at_least(double low);
  Field& above(double low);
  Field& below(double high);
  Field& non_empty();
  Field& required(std::string example_value);
  Field& path();  ///< a text or list of texts that names files
  Field& default_shown(std::string text);
  Field& only_when(std::string other, std::string wanted, std::function<bool(const Recipe&)> holds);
  Field& excludes(std::vector<std::string> others);
  Field& synonym_of(std::vector<std::string> names);
};

/// Values that do not go together although each is fine alone.
struct Rule {
  std::string key, other;  ///< other may be empty
  std::string problem;     ///< the message is "KEY: VALUE PROBLEM OTHER, VALUE"
  std::function<bool(const Recipe&)> broken;
};

/// The table of all sections and keys.
class Schema {
 public:
  struct SectionInfo {
    std::string name, help;
  };

  /// Declares the keys of one section: `key("r", &AdapterSection::r).range(1, 4096).help("...")`.
  template <class S>
  class Section {
   public:
    Section(Schema& schema, std::string name, S Recipe::*section)
        : schema_(schema), name_(std::move(name)), section_(section) {}

    template <class T>
    Field& operator()(const char* key, T S::*member) {
      return as<YamlValue<T>>(key, member);
    }
    /// A key whose YAML form is not the usual one of its C++ type.
    template <class Value, class T>
    Field& as(const char* key, T S::*member) {
      Field& field = schema_.fields_.emplace_back();
      field.section = name_;
      field.name = key;
      field.type_name = Value::type();
      field.default_text = Value::print((Recipe().*section_).*member);
      field.expected_text = [](const Limits& limits) { return Value::expected(limits); };
      field.read_value = [section = section_, member](const YamlNode& node, const Limits& limits, Recipe& recipe) {
        return Value::read(node, limits, (recipe.*section).*member);
      };
      field.print = [section = section_, member](const Recipe& recipe) {
        return Value::print((recipe.*section).*member);
      };
      return field;
    }

   private:
    Schema& schema_;
    std::string name_;
    S Recipe::*section_;
  };

  Schema();
  template <class S>
  Section<S> section(std::string name, S Recipe::*member, std::string help) {
    sections_.push_back({name, std::move(help)});
    return Section<S>(*this, std::move(name), member);
  }

  const std::vector<SectionInfo>& sections() const { return sections_; }
  const std::vector<Field>& fields() const { return fields_; }
  const std::vector<Rule>& rules() const { return rules_; }
  bool has_section(std::string_view name) const;
  const Field* find(std::string_view full_name) const;  ///< null where there is none
  /// "; did you mean 'adapter.r'?" for a name that is no key, by edit distance to full and last-part names and by
  /// synonyms; empty where nothing is near.
  std::string suggestion(std::string_view full_name) const;

 private:
  std::vector<SectionInfo> sections_;
  std::vector<Field> fields_;
  std::vector<Rule> rules_;
};

const Schema& recipe_schema();

}  // namespace lorica
