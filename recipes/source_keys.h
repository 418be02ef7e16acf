#pragma once
#include <algorithm>
#include <string>
#include <vector>

#include "io/data/options.h"
#include "recipes/value_types.h"

namespace lorica {

/// A text that is not written out where it is empty.
struct YamlOptionalText : YamlValue<std::string> {
  static std::string print(const std::string& value) { return value.empty() ? std::string() : yaml_quoted(value); }
};

/// What the recipe knows of a key that a data source has, beside its type.
struct SourceKeyInfo {
  const char* help;
  std::vector<DataFormat> formats = {};  ///< beside which it has a meaning; empty: all
  Limits limits = {};
  bool path = false;

  bool holds(const DataSource& source) const {
    return formats.empty() || std::find(formats.begin(), formats.end(), source.format) != formats.end();
  }
  /// "is auto, text or classification"
  std::string wanted() const;
};

/// The line of a key of the item `index` of a list of sources, or of the single one.
int line_of_source_key(const YamlNode& sources, size_t index, const std::string& name);

/// What would have to hold for `name`, a key of a source that is given, to have a meaning: "is chat"; empty: it has
/// one.
std::string missing_condition(const DataSource& source, const std::string& name);

/// Calls visit(name, member of DataSource, its Yaml value, info) for every key that a data source has. The data
/// section has the same keys: they are the defaults of its sources.
template <class Visit>
void for_each_source_key(Visit&& visit) {
  using F = DataFormat;
  using S = DataSource;
  using Text = YamlOptionalText;
  Limits positive;
  positive.low = 0;
  positive.low_excluded = true;
  visit("format", &S::format, YamlValue<DataFormat>(),
        SourceKeyInfo{"what a row holds; auto takes the format that the columns of a file's first row tell, and "
                      "classification where model.task is seq_cls. docs/data.md shows each"});
  visit("field", &S::field, Text(),
        SourceKeyInfo{"in a JSON file that is one object: the key whose list holds the rows"});
  visit("messages_column", &S::messages_column, Text(),
        SourceKeyInfo{"column that holds the list of messages; not given: messages or conversations",
                      {F::kAuto, F::kChat, F::kShareGpt, F::kPreference}});
  visit("prompt_column", &S::prompt_column, Text(),
        SourceKeyInfo{"column that holds the prompt; not given: prompt, question, query or instruction",
                      {F::kAuto, F::kPromptResponse, F::kAlpaca, F::kPreference}});
  visit("response_column", &S::response_column, Text(),
        SourceKeyInfo{"column that holds the answer, which is what is trained; not given: response, completion, answer "
                      "or output, and chosen of preference",
                      {F::kAuto, F::kPromptResponse, F::kAlpaca, F::kPreference}});
  visit("text_column", &S::text_column, Text(),
        SourceKeyInfo{
            "column that holds the text; not given: text, and of classification sentence where there is no text",
            {F::kAuto, F::kText, F::kClassification}});
  visit("label_column", &S::label_column, Text(),
        SourceKeyInfo{"column that holds the name of the class (not given: label, category or intent), or whether a "
                      "reply is wanted (label)",
                      {F::kAuto, F::kClassification, F::kPreference}});
  visit("system_column", &S::system_column, Text(),
        SourceKeyInfo{"column that holds the system message of the row; not given: system or system_prompt, where the "
                      "row has one"});
  visit(
      "tools_column", &S::tools_column, Text(),
      SourceKeyInfo{"column that holds the tools that the model may call, a list or its JSON text; not given: tools"});
  visit("slice_column", &S::slice_column, Text(),
        SourceKeyInfo{"column whose value names a group of rows; evaluation then reports the loss of each group too"});
  visit("prompt_template", &S::prompt_template, Text(),
        SourceKeyInfo{"text that stands for the prompt: {column} is replaced by the row's value, {{ and }} are braces",
                      {F::kAuto, F::kPromptResponse, F::kClassification}});
  visit("response_template", &S::response_template, Text(),
        SourceKeyInfo{"text that stands for the response, likewise", {F::kAuto, F::kPromptResponse}});
  visit("system_prompt", &S::system_prompt, YamlValue<std::string>(),
        SourceKeyInfo{"system message put before every conversation that has none"});
  visit("chat_template", &S::chat_template, YamlValue<std::string>(),
        SourceKeyInfo{"file with a .jinja chat template that replaces the model's own", {}, {}, true});
  visit("weight", &S::weight, YamlValue<double>(),
        SourceKeyInfo{"how often each row is seen in an epoch, on average", {}, positive});
  visit(
      "sample_by", &S::sample_by, YamlValue<SampleBy>(),
      SourceKeyInfo{"what a row of a .txt or .md file is: the document, a paragraph (up to a blank line), or a line"});
}

}  // namespace lorica
