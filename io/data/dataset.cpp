#include "io/data/dataset.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "io/data/conversation.h"
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

/// Reads the files of one data set after the other into examples and findings.
class Reader {
 public:
  Reader(const DataOptions& options, const TextModel& model) : options_(options), encoder_(model) {}

  Dataset read(const std::vector<DataSource>& sources, Findings& findings, const Seen* other_rows,
               const Seen* other_prompts) {
    rows_.clear();
    prompts_.clear();
    DatasetBuilder data(options_.max_tokens);
    for (size_t i = 0; i < sources.size(); ++i) {
      for (const auto& file : sources[i].files) {
        read_rows(file, sources[i], [&](Row&& row) {
          take(std::move(row), static_cast<int32_t>(i), data, findings, other_rows, other_prompts);
        });
      }
    }
    if (!sources.empty() && data.report().examples == 0) {
      findings.add(sources.front().files.front().string(), 0, {Check::kEmptyData, "no example is left to use"});
    }
    return data.finish();
  }

  Seen take_rows() { return std::move(rows_); }
  Seen take_prompts() { return std::move(prompts_); }

 private:
  void take(Row&& row, int32_t source, DatasetBuilder& data, Findings& findings, const Seen* other_rows,
            const Seen* other_prompts) {
    const bool is_row = row.line > 0 && std::none_of(row.notes.begin(), row.notes.end(),
                                                     [](const Note& note) { return spoils_file(note.check); });
    data.report().rows += is_row ? 1 : 0;
    EncodedConversation conversation;
    if (row.messages) {
      conversation = encoder_.encode(*row.messages);
      std::move(conversation.notes.begin(), conversation.notes.end(), std::back_inserter(row.notes));
      compare(row, conversation, other_rows, other_prompts);
    }
    bool usable = row.messages != nullptr;
    for (const Note& note : row.notes) usable = usable && severity_of(note.check) == Severity::kWarning;
    if (usable) {
      std::string cut = data.add({.ids = std::move(conversation.ids),
                                  .trained = std::move(conversation.trained),
                                  .file = row.file,
                                  .line = row.line,
                                  .slice = std::move(row.slice),
                                  .source = source},
                                 options_.too_long);
      if (!cut.empty()) row.notes.push_back({Check::kTooLong, std::move(cut)});
    } else if (is_row) {
      data.report().dropped_faulty += 1;
    }
    for (Note& note : row.notes) findings.add(row.file, row.line, std::move(note));
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
  const ConversationEncoder encoder_;
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

LoadedData inspect_data(const DataOptions& options, const TextModel& model) {
  check_options(options, model);
  LoadedData loaded;
  Reader reader(options, model);
  loaded.train = reader.read(options.train, loaded.findings, nullptr, nullptr);
  const Seen rows = reader.take_rows();
  const Seen prompts = reader.take_prompts();
  loaded.eval = reader.read(options.eval, loaded.findings, &rows, &prompts);
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
