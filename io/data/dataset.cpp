#include "io/data/dataset.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "io/data/labels.h"
#include "io/data/ordered_work.h"
#include "io/data/row_encoder.h"
#include "io/data/row_index.h"
#include "io/data/rows.h"
#include "io/data/token_cache.h"
#include "kernels/error.h"

namespace lorica {
namespace {

std::vector<std::string> file_names(const std::vector<DataSource>& sources) {
  std::vector<std::string> names;
  for (const DataSource& source : sources) {
    for (const auto& file : source.files) names.push_back(file.string());
  }
  return names;
}

/// The texts of a data set, for finding them again.
struct Met {
  std::vector<std::string> files;
  RowIndex rows, prompts;

  std::string text(RowPlace place) const {
    return fmt::format("{}:{}", files.at(static_cast<size_t>(place.file)), place.line);
  }
};

TooLong policy_for(TooLong asked, const EncodedRow& row) {
  if (asked != TooLong::kAuto) return asked;
  // A long document of plain text is as good in pieces: all of it is trained. A piece of a conversation lacks its
  // start.
  return row.is_text ? TooLong::kSplit : TooLong::kDrop;
}

/// Reads the files of one data set after the other into examples and findings.
class SetReader {
 public:
  /// `trained_on`: the other set, which must not hold the same rows; may be null. `file` gets what a later run needs.
  SetReader(const DataOptions& options, const Met* trained_on, TokenFileWriter& file)
      : options_(options),
        trained_on_(trained_on),
        file_(file),
        data_(options.max_tokens, ExampleSetBuilder(file.columns())),
        labels_(options.classes) {}

  void read(const std::vector<DataSource>& sources, const TextModel& model) {
    met_.files = file_names(sources);
    const RowEncoder encoder(sources, model, options_.max_tokens);
    const size_t threads =
        options_.threads > 0 ? options_.threads : std::max<size_t>(std::thread::hardware_concurrency(), 1);
    int64_t file_number = 0;
    struct Item {
      Row row;
      size_t source;
      int64_t file;
    };
    using Result = std::pair<EncodedRow, int64_t>;
    OrderedWork<Item, Result> work(
        threads, [&](Item&& item) { return Result(encoder.encode(std::move(item.row), item.source), item.file); },
        [&](Result&& result) { take(std::move(result.first), result.second); });
    for (size_t source = 0; source < sources.size(); ++source) {
      for (const auto& file : sources[source].files) {
        read_rows(file, sources[source], [&](Row&& row) {
          const size_t bytes = bytes_of(row);
          work.add({std::move(row), source, file_number}, bytes);
        });
        ++file_number;
      }
    }
    work.finish();
    if (!sources.empty() && data_.report().examples == 0) {
      set_.findings.add(met_.files.front(), 0, {Check::kEmptyData, "no example is left to use"});
    }
    set_.data.report = data_.report();
  }

  /// Everything but the examples, and these.
  ReadSet& set() { return set_; }
  ExampleSetBuilder& examples() { return data_.examples(); }
  Met& met() { return met_; }

 private:
  void take(EncodedRow&& row, int64_t file) {
    DataReport& report = data_.report();
    report.rows += row.is_row ? 1 : 0;
    if (row.usable && !row.label.empty()) {
      row.example.label = labels_.find(row.label);
      if (row.example.label < 0) row.notes.push_back({Check::kUnknownLabel, labels_.complaint(row.label)});
    }
    if (row.whole_hash != 0) compare(row, {file, row.example.line});
    const bool faulty = std::any_of(row.notes.begin(), row.notes.end(),
                                    [](const Note& note) { return severity_of(note.check) == Severity::kError; });
    if (row.usable && !faulty) {
      std::string cut = row.label.empty() ? data_.add(row.example, policy_for(options_.too_long, row))
                                          : data_.add_input(row.example, row.whole_tokens);
      if (!cut.empty()) row.notes.push_back({Check::kTooLong, std::move(cut)});
    } else if (row.is_row) {
      (faulty ? report.dropped_faulty : report.left_out) += 1;
    }
    for (Note& note : row.notes) set_.findings.add(row.example.file, row.example.line, std::move(note));
  }

  /// Notes rows that were met before, here or in the other data set.
  void compare(EncodedRow& row, RowPlace place) {
    const char* const what = row.is_text ? "text" : "conversation";
    file_.add({row.whole_hash, row.prompt_hash, place});
    if (const auto first = met_.rows.insert(row.whole_hash, place)) {
      row.notes.push_back({Check::kDuplicate, fmt::format("the same {} as {}", what, met_.text(*first))});
    }
    if (trained_on_ == nullptr) {
      if (!options_.eval.empty() && row.prompt_hash != 0) met_.prompts.insert(row.prompt_hash, place);
      return;
    }
    if (const auto same = trained_on_->rows.find(row.whole_hash)) {
      // Short texts to classify are met again by chance.
      row.notes.push_back({row.label.empty() ? Check::kInBoth : Check::kPromptInBoth,
                           fmt::format("the held-out {} is also trained on: {}", what, trained_on_->text(*same))});
    } else if (const auto asked = trained_on_->prompts.find(row.prompt_hash); asked && row.prompt_hash != 0) {
      row.notes.push_back({Check::kPromptInBoth, fmt::format("the held-out prompt is also trained on, with another "
                                                             "reply: {}",
                                                             trained_on_->text(*asked))});
    }
  }

  const DataOptions& options_;
  const Met* const trained_on_;
  TokenFileWriter& file_;
  DatasetBuilder data_;
  const LabelIndex labels_;
  ReadSet set_;
  Met met_;
};

/// Both data sets, from the cache where they are there.
class Inspection {
 public:
  Inspection(const DataOptions& options, const TextModel& model)
      : options_(options), model_(model), cache_(options.cache_dir) {}

  LoadedData run() {
    const auto train_key = cache_.key_of(options_, options_.train, model_, "");
    ReadSet train = find(train_key);
    if (!train.owner && !options_.train.empty()) train = read(train_key, options_.train, nullptr);
    // What is found in the held-out data depends on the training data too.
    const bool keyed = train_key || options_.train.empty();
    const auto eval_key = keyed ? cache_.key_of(options_, options_.eval, model_, train_key.value_or("")) : std::nullopt;
    ReadSet eval = find(eval_key);
    if (!eval.owner && !options_.eval.empty()) {
      meet(train.prints);
      eval = read(eval_key, options_.eval, &met_);
    }
    LoadedData loaded{.train = std::move(train.data),
                      .eval = std::move(eval.data),
                      .findings = std::move(train.findings),
                      .classes = options_.classes};
    loaded.findings.append(eval.findings);
    return loaded;
  }

 private:
  /// What the cache has; without an owner where it has nothing.
  ReadSet find(const std::optional<std::string>& key) const {
    if (key) {
      if (auto found = cache_.find(*key)) return std::move(*found);
    }
    return {};
  }

  ReadSet read(const std::optional<std::string>& key, const std::vector<DataSource>& sources, const Met* trained_on) {
    const std::filesystem::path path = key && writable_ ? cache_.path_for(*key) : std::filesystem::path();
    TokenFileWriter file(path);
    SetReader reader(options_, trained_on, file);
    reader.read(sources, model_);
    if (trained_on == nullptr) met_ = std::move(reader.met());
    // What was read while a file changed must not be found again.
    if (!path.empty() && cache_.unchanged() && file.commit(*key, reader.examples(), reader.set())) {
      cache_.prune();
      ReadSet found = find(key);
      found.prints = {};  // all of them are met already
      if (found.owner) return found;
    }
    if (key) writable_ = !path.empty() && !file.failed();  // one warning is enough
    ReadSet set = std::move(reader.set());
    set.data.examples = reader.examples().finish();
    return set;
  }

  /// The training rows of an earlier run.
  void meet(std::span<const RowPrint> prints) {
    if (prints.empty()) return;
    met_.files = file_names(options_.train);
    for (const RowPrint& print : prints) {
      met_.rows.insert(print.whole, print.place);
      if (print.prompt != 0) met_.prompts.insert(print.prompt, print.place);
    }
  }

  const DataOptions& options_;
  const TextModel& model_;
  TokenCache cache_;
  bool writable_ = true;
  Met met_;
};

void check_options(const DataOptions& options) {
  if (options.max_tokens < 2) throw Error("max_tokens: expected at least 2, got {}", options.max_tokens);
  if (options.train.empty() && options.eval.empty()) throw Error("data: no file is named");
  for (const auto* sources : {&options.train, &options.eval}) {
    for (const DataSource& source : *sources) {
      if (source.files.empty()) throw Error("data: a source names no file");
    }
  }
}

}  // namespace

LoadedData inspect_data(const DataOptions& options, const TextModel& model) {
  check_options(options);
  return Inspection(options, model).run();
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
