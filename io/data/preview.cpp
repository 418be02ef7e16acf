#include "io/data/preview.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace lorica {
namespace {

constexpr std::string_view kGreen = "\x1b[32m";
constexpr std::string_view kPlain = "\x1b[0m";

std::string printable(std::string_view text) {
  std::string shown;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7F) {
      shown += fmt::format("\\x{:02x}", byte);
    } else {
      shown += c;
    }
  }
  return shown;
}

/// The text of ids[begin, end) as it stands in the whole: decoded alone, a run may lose the blank before its first
/// word.
std::string run_text(const TextTokenizer& tokenizer, std::span<const int32_t> ids, size_t begin, size_t end) {
  const std::string before = tokenizer.decode(ids.first(begin));
  const std::string through = tokenizer.decode(ids.first(end));
  if (through.starts_with(before)) return through.substr(before.size());
  return tokenizer.decode(ids.subspan(begin, end - begin));
}

/// The head, then the text with what is trained marked.
std::string preview_example(const ExampleView& example, const std::vector<std::string>& classes,
                            const TextTokenizer& tokenizer, bool colour) {
  std::string text = head_of(example, classes) + "\n";
  for (size_t begin = 0; begin < example.ids.size();) {
    size_t end = begin + 1;
    while (end < example.ids.size() && example.trained[end] == example.trained[begin]) ++end;
    const std::string run = printable(run_text(tokenizer, example.ids, begin, end));
    if (example.trained[begin] == 0) {
      text += run;
    } else if (colour) {
      text += fmt::format("{}{}{}", kGreen, run, kPlain);
    } else {
      text += fmt::format("⟦{}⟧", run);
    }
    begin = end;
  }
  if (text.back() != '\n') text += '\n';
  return text;
}

std::string class_counts(const Dataset& data, const std::vector<std::string>& classes) {
  std::vector<int64_t> counts(classes.size());
  for (size_t i = 0; i < data.examples.size(); ++i) {
    const int32_t label = data.examples.label(i);
    if (label >= 0) ++counts.at(static_cast<size_t>(label));
  }
  std::string text;
  for (size_t i = 0; i < counts.size(); ++i) text += fmt::format("{:>8} {}\n", counts[i], printable(classes[i]));
  return text;
}

std::string line_of(std::string_view name, const DataReport& report) {
  std::string line = fmt::format("{}: {} rows, {} examples, {} tokens, {} trained, longest {}", name, report.rows,
                                 report.examples, report.tokens, report.trained_tokens, report.longest);
  const auto add = [&](int64_t count, std::string_view what) {
    if (count > 0) line += fmt::format(", {} {}", count, what);
  };
  add(report.left_out, "rows left out by their own word");
  add(report.dropped_faulty, "rows dropped for errors");
  add(report.dropped_long, "rows dropped for length");
  add(report.truncated, "rows truncated");
  add(report.split, "rows split");
  add(report.trained_tokens_lost, "trained tokens lost to length");
  return line + "\n";
}

}  // namespace

std::string summary_text(const LoadedData& loaded) {
  std::string text;
  const auto add = [&](std::string_view name, const Dataset& data) {
    if (data.report.rows > 0) text += line_of(name, data.report) + class_counts(data, loaded.classes);
  };
  add("train", loaded.train);
  add("held out", loaded.eval);
  return text;
}

const ExampleSet& shown_examples(const LoadedData& loaded) {
  return loaded.train.examples.empty() ? loaded.eval.examples : loaded.train.examples;
}

std::string head_of(const ExampleView& example, const std::vector<std::string>& classes) {
  std::string text = fmt::format("{}:{}  {} tokens, {} trained", printable(example.file), example.line,
                                 example.ids.size(), std::count(example.trained.begin(), example.trained.end(), 1));
  if (example.label >= 0) text += fmt::format(", class {}", printable(classes.at(static_cast<size_t>(example.label))));
  if (!example.slice.empty()) text += fmt::format(", slice {}", printable(example.slice));
  return text;
}

std::string preview_data(const DataOptions& options, const TextModel& model, const PreviewOptions& preview) {
  const LoadedData loaded = inspect_data(options, model);
  const ExampleSet& examples = shown_examples(loaded);
  std::string text;
  const auto count = std::min(static_cast<size_t>(std::max<int64_t>(preview.count, 0)), examples.size());
  for (size_t i = 0; i < count; ++i) {
    text += preview_example(examples[i], loaded.classes, *model.tokenizer, preview.colour) + "\n";
  }
  return text + summary_text(loaded);
}

}  // namespace lorica
