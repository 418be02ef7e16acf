#include "recipes/classify.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "cli/verbs/model_options.h"
#include "cli/verbs/text_io.h"
#include "io/data/labels.h"
#include "io/data/loaded_text.h"

namespace lorica::cli {
namespace {

using nlohmann::ordered_json;

struct Arguments {
  ModelArguments model;
  std::string text, file, text_column = "text";
  bool jsonl = false, json_output = false;
  int64_t top = 1, max_tokens = 1024, micro_batch_tokens = 2048;
};

struct Texts {
  std::vector<ordered_json> rows;  ///< of --jsonl, for the output
  std::vector<std::vector<int32_t>> ids;
  int64_t truncated = 0;
};

class TextReader {
 public:
  TextReader(const Session& session, const Arguments& arguments)
      : arguments_(arguments),
        tokenizer_(text_tokenizer(session.text().tokenizer)),
        limit_(std::min(arguments.max_tokens, session.positions())) {}

  Texts read() {
    if (!arguments_.text.empty()) {
      add(arguments_.text);
      return std::move(texts_);
    }
    const std::string input = read_input(arguments_.file);
    each_line(input, arguments_.file, [&](std::string_view line) {
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (!arguments_.jsonl) return add(line);
      if (line.empty()) return;
      ordered_json row = ordered_json::parse(line, nullptr, false);
      if (!row.is_object()) throw Error("not a JSON object");
      const auto text = row.find(arguments_.text_column);
      if (text == row.end() || !text->is_string()) throw Error("{}: expected a text", arguments_.text_column);
      add(text->get_ref<const std::string&>());
      texts_.rows.push_back(std::move(row));
    });
    return std::move(texts_);
  }

 private:
  void add(std::string_view text) {
    int64_t whole = 0;
    texts_.ids.push_back(encode_input(*tokenizer_, text, limit_, whole));
    if (texts_.ids.back().empty()) throw Error("the text is empty");
    texts_.truncated += whole > limit_ ? 1 : 0;
  }

  const Arguments& arguments_;
  const std::unique_ptr<const TextTokenizer> tokenizer_;
  const int64_t limit_;
  Texts texts_;
};

/// The classes from the likeliest on; of equal ones the first.
std::vector<size_t> ranked(const std::vector<double>& shares) {
  std::vector<size_t> order(shares.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return shares[a] > shares[b]; });
  return order;
}

std::string result_line(const Arguments& arguments, const std::vector<std::string>& labels,
                        const std::vector<double>& shares, ordered_json row) {
  const std::vector<size_t> order = ranked(shares);
  if (arguments.json_output) {
    row["label"] = labels[order[0]];
    ordered_json scores = ordered_json::object();
    for (const size_t i : order) scores[labels[i]] = shares[i];
    row["scores"] = std::move(scores);
    return row.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
  }
  std::string line;
  for (size_t i = 0; i < std::min(order.size(), static_cast<size_t>(arguments.top)); ++i)
    line += fmt::format("{}{}\t{:.4f}", i > 0 ? "\t" : "", labels[order[i]], shares[order[i]]);
  return line + "\n";
}

void classify_texts(const Arguments& arguments) {
  Session session(arguments.model.model, arguments.model.session_options());
  const Texts texts = TextReader(session, arguments).read();
  const auto shares = classify(session, texts.ids, arguments.micro_batch_tokens);
  std::string out;
  for (size_t i = 0; i < shares.size(); ++i)
    out += result_line(arguments, session.model().config().labels, shares[i],
                       texts.rows.empty() ? ordered_json::object() : texts.rows[i]);
  print(out);
  if (texts.truncated > 0) fmt::print(stderr, "{} of {} texts truncated\n", texts.truncated, texts.ids.size());
}

}  // namespace

void add_classify(CLI::App& app) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* verb = app.add_subcommand("classify", "Say which class each text belongs to, by a sequence classifier");
  verb->add_option("--model", arguments->model.model, "model folder")->required();
  verb->add_option("--adapter", arguments->model.adapter, "PEFT adapter folder");
  auto* file = verb->add_option("FILE", arguments->file, "a text a line; - is standard input");
  verb->add_option("--text", arguments->text, "one text, in place of a file")->excludes(file);
  auto* jsonl = verb->add_flag("--jsonl", arguments->jsonl, "the lines are JSON objects with a text in one column");
  jsonl->needs(file);
  verb->add_option("--text-column", arguments->text_column, "that column")->needs(jsonl)->capture_default_str();
  verb->add_option("-k", arguments->top, "labels to print for each text, the likeliest first")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  verb->add_flag("--json", arguments->json_output, "a JSON object for each text, with the probability of every label");
  verb->add_option("--max-tokens", arguments->max_tokens, "longer texts are truncated")
      ->check(CLI::Range(2, 1 << 20))
      ->capture_default_str();
  verb->add_option("--micro-batch-tokens", arguments->micro_batch_tokens, "tokens run at once")
      ->check(CLI::Range(1, 1 << 24))
      ->capture_default_str();
  add_device_option(verb, arguments->model.device);
  add_attention_option(verb, arguments->model.attention);
  add_precision_option(verb, arguments->model.precision);
  verb->footer(
      "Examples:\n"
      "  lorica classify --model models/smollm2-135m-instruct --adapter runs/intents/adapter --text \"Where is my "
      "card?\"\n"
      "  lorica classify --model models/smollm2-135m-instruct --adapter runs/intents/adapter texts.txt --json");
  verb->callback([arguments] {
    if (arguments->text.empty() && arguments->file.empty()) throw Error("classify: give a FILE or --text");
    classify_texts(*arguments);
  });
}

}  // namespace lorica::cli
