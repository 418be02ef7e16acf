#include "io/data/dataset.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "io/data/conversation.h"
#include "io/data/labels.h"
#include "io/data/rows.h"
#include "kernels/error.h"

namespace lorica {
namespace {

/// 128 bits of a text, from two FNV-1a sums of different start: equal for equal texts, else different but for chance.
using Fingerprint = std::pair<uint64_t, uint64_t>;

Fingerprint fingerprint(std::string_view text) {
  constexpr uint64_t kPrime = 0x100000001B3;
  Fingerprint sums{0xCBF29CE484222325, 0x6C62272E07BB0142};
  for (const char c : text) {
    sums.first = (sums.first ^ static_cast<unsigned char>(c)) * kPrime;
    sums.second = (sums.second ^ static_cast<unsigned char>(c)) * kPrime;
    sums.second ^= sums.second >> 29;
  }
  return sums;
}

using Seen = std::map<Fingerprint, std::string>;  // the place where a text was first met

int64_t trained_count(const Example& example) {
  return example.label >= 0 ? 1 : std::count(example.trained.begin(), example.trained.end(), 1);
}

Example piece_of(const Example& row, size_t begin, size_t end, bool overlaps) {
  Example piece;
  const auto at = [](size_t i) { return static_cast<std::ptrdiff_t>(i); };
  piece.ids.assign(row.ids.begin() + at(begin), row.ids.begin() + at(end));
  piece.trained.assign(row.trained.begin() + at(begin), row.trained.begin() + at(end));
  if (overlaps) piece.trained.front() = 0;
  piece.file = row.file;
  piece.line = row.line;
  piece.slice = row.slice;
  return piece;
}

void keep(Dataset& data, Example example) {
  const auto tokens = static_cast<int64_t>(example.ids.size());
  data.report.examples += 1;
  data.report.tokens += tokens;
  data.report.trained_tokens += trained_count(example);
  data.report.longest = std::max(data.report.longest, tokens);
  data.examples.push_back(std::move(example));
}

/// Reads the files of one data set after the other into examples and findings.
class Reader {
 public:
  Reader(const DataOptions& options, const TextModel& model)
      : options_(options), tokenizer_(*model.tokenizer), encoder_(model), labels_(options.labels) {}

  void read(const std::vector<DataSource>& sources, Dataset& data, Findings& findings, const Seen* other_rows,
            const Seen* other_prompts) {
    rows_.clear();
    prompts_.clear();
    for (const DataSource& source : sources) {
      for (const auto& file : source.files) {
        read_rows(file, source, [&](Row&& row) { take(std::move(row), data, findings, other_rows, other_prompts); });
      }
    }
    if (!sources.empty() && data.examples.empty()) {
      findings.add(sources.front().files.front().string(), 0, {Check::kEmptyData, "no example is left to use"});
    }
  }

  Seen take_rows() { return std::move(rows_); }
  Seen take_prompts() { return std::move(prompts_); }

 private:
  void take(Row&& row, Dataset& data, Findings& findings, const Seen* other_rows, const Seen* other_prompts) {
    const bool is_row = row.line > 0 && std::none_of(row.notes.begin(), row.notes.end(),
                                                     [](const Note& note) { return spoils_file(note.check); });
    data.report.rows += is_row ? 1 : 0;
    EncodedConversation conversation;
    if (row.is_text) {
      take_text(row, data, other_prompts);
    } else if (row.messages) {
      conversation = encoder_.encode(*row.messages);
      std::move(conversation.notes.begin(), conversation.notes.end(), std::back_inserter(row.notes));
      compare(row, conversation, other_rows, other_prompts);
    }
    bool usable = row.messages != nullptr;
    for (const Note& note : row.notes) usable = usable && severity_of(note.check) == Severity::kWarning;
    if (usable) {
      std::string cut = add_example(
          data,
          {std::move(conversation.ids), std::move(conversation.trained), row.file, row.line, std::move(row.slice)},
          options_.max_tokens, options_.too_long);
      if (!cut.empty()) row.notes.push_back({Check::kTooLong, std::move(cut)});
    } else if (is_row && !row.is_text) {
      data.report.dropped_faulty += 1;
    }
    for (Note& note : row.notes) findings.add(row.file, row.line, std::move(note));
  }

  /// A text with the name of its class.
  void take_text(Row& row, Dataset& data, const Seen* other_texts) {
    DataReport& report = data.report;
    Example example{
        .file = row.file, .line = row.line, .slice = std::move(row.slice), .label = labels_.find(row.label)};
    if (example.label < 0) {
      report.dropped_faulty += 1;
      row.notes.push_back({Check::kUnknownLabel, labels_.complaint(row.label)});
      return;
    }
    compare_text(row, other_texts);
    int64_t tokens = 0;
    example.ids = encode_text(tokenizer_, row.text, options_.max_tokens, tokens);
    if (example.ids.empty()) {
      report.dropped_faulty += 1;
      row.notes.push_back({Check::kBadRow, "the text has no tokens"});
      return;
    }
    example.trained.assign(example.ids.size(), 0);
    report.longest_row = std::max(report.longest_row, tokens);
    if (tokens > options_.max_tokens) {
      report.truncated += 1;
      row.notes.push_back(
          {Check::kTooLong, fmt::format("{} tokens, max_tokens is {}: truncated", tokens, options_.max_tokens)});
    }
    keep(data, std::move(example));
  }

  /// Short texts are met again by chance, so that a held-out one that is trained on is only worth a look.
  void compare_text(Row& row, const Seen* other_texts) {
    const Fingerprint text = fingerprint(row.text);
    const std::string place = fmt::format("{}:{}", row.file, row.line);
    const auto [first, added] = prompts_.emplace(text, place);
    if (!added) row.notes.push_back({Check::kDuplicate, fmt::format("the same text as {}", first->second)});
    if (other_texts == nullptr) return;
    if (const auto same = other_texts->find(text); same != other_texts->end())
      row.notes.push_back(
          {Check::kPromptInBoth, fmt::format("the held-out text is also trained on: {}", same->second)});
  }

  /// Notes rows that were met before, here or in the other data set.
  void compare(Row& row, const EncodedConversation& conversation, const Seen* other_rows, const Seen* other_prompts) {
    if (conversation.text.empty()) return;
    const Fingerprint whole = fingerprint(conversation.text);
    const Fingerprint prompt = fingerprint(std::string_view(conversation.text).substr(0, conversation.prompt_end));
    const std::string place = fmt::format("{}:{}", row.file, row.line);
    if (const auto [first, added] = rows_.emplace(whole, place); !added) {
      row.notes.push_back({Check::kDuplicate, fmt::format("the same conversation as {}", first->second)});
    }
    prompts_.emplace(prompt, place);
    if (other_rows == nullptr) return;
    if (const auto same = other_rows->find(whole); same != other_rows->end()) {
      row.notes.push_back(
          {Check::kInBoth, fmt::format("the held-out conversation is also trained on: {}", same->second)});
    } else if (const auto asked = other_prompts->find(prompt); asked != other_prompts->end()) {
      row.notes.push_back({Check::kPromptInBoth, fmt::format("the held-out prompt is also trained on, with another "
                                                             "reply: {}",
                                                             asked->second)});
    }
  }

  const DataOptions& options_;
  const TextTokenizer& tokenizer_;
  const ConversationEncoder encoder_;
  const LabelIndex labels_;
  Seen rows_;
  Seen prompts_;
};

void check_options(const DataOptions& options, const TextModel& model) {
  if (options.max_tokens < 2) throw Error("max_tokens: expected at least 2, got {}", options.max_tokens);
  if (options.train.empty() && options.eval.empty()) throw Error("data: no file is named");
  for (const auto* sources : {&options.train, &options.eval}) {
    for (const DataSource& source : *sources) {
      if (source.files.empty()) throw Error("data: a source names no file");
      if (source.format == DataFormat::kChat && model.chat == nullptr) {
        throw Error("format chat: the model has no chat template; name one, or use format prompt_response");
      }
    }
  }
}

}  // namespace

std::string add_example(Dataset& data, Example row, int64_t max_tokens, TooLong policy) {
  DataReport& report = data.report;
  const auto tokens = static_cast<int64_t>(row.ids.size());
  report.longest_row = std::max(report.longest_row, tokens);
  if (tokens <= max_tokens) {
    keep(data, std::move(row));
    return {};
  }
  const int64_t trained = trained_count(row);
  const int64_t trained_before = report.trained_tokens;
  const int64_t examples_before = report.examples;
  const auto limit = static_cast<size_t>(max_tokens);
  if (policy != TooLong::kDrop) {
    for (size_t begin = 0; begin + 1 < row.ids.size(); begin += limit - 1) {
      Example piece = piece_of(row, begin, std::min(begin + limit, row.ids.size()), begin > 0);
      if (trained_count(piece) > 0) keep(data, std::move(piece));
      if (policy == TooLong::kTruncate) break;
    }
  }
  const int64_t made = report.examples - examples_before;
  const int64_t lost = trained - (report.trained_tokens - trained_before);
  report.trained_tokens_lost += lost;
  std::string fate;
  if (made == 0) {
    report.dropped_long += 1;
    fate = policy == TooLong::kDrop ? "dropped" : "dropped, nothing is trained within them";
  } else if (policy == TooLong::kTruncate) {
    report.truncated += 1;
    fate = fmt::format("truncated, {} trained tokens lost", lost);
  } else {
    report.split += 1;
    fate = made == 1 ? "one piece with all trained tokens kept" : fmt::format("split into {} examples", made);
  }
  return fmt::format("{} tokens, max_tokens is {}: {}", tokens, max_tokens, fate);
}

LoadedData inspect_data(const DataOptions& options, const TextModel& model) {
  check_options(options, model);
  LoadedData loaded;
  Reader reader(options, model);
  reader.read(options.train, loaded.train, loaded.findings, nullptr, nullptr);
  const Seen rows = reader.take_rows();
  const Seen prompts = reader.take_prompts();
  reader.read(options.eval, loaded.eval, loaded.findings, &rows, &prompts);
  return loaded;
}

LoadedData load_data(const DataOptions& options, const TextModel& model) {
  LoadedData loaded = inspect_data(options, model);
  const auto& list = loaded.findings.list();
  const auto refuses = [&](const Finding& finding) {
    return finding.severity() == Severity::kError &&
           (options.bad_rows == BadRows::kRefuse || spoils_file(finding.check));
  };
  const auto first = std::find_if(list.begin(), list.end(), refuses);
  if (first == list.end()) return loaded;
  const std::string place = first->line > 0 ? fmt::format("{}:{}", first->file, first->line) : first->file;
  const int64_t others = loaded.findings.errors() - 1;
  throw Error("{}: {}{}", place, first->message,
              others > 0 ? fmt::format(" (and {} more: see lorica data lint)", others) : std::string());
}

}  // namespace lorica
