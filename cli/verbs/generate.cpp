#include <cstdio>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/verbs/model_options.h"

namespace lorica::cli {
namespace {

using nlohmann::ordered_json;

struct Arguments {
  ModelArguments model;
  GenerateOptions options;
  std::string prompt, input, output;
  bool raw = false;
};

std::string prompt_text(const Session& session, const Arguments& arguments, const std::string& prompt) {
  return arguments.raw ? prompt : render_prompt(session.chat_template(), arguments.model.system_prompt, prompt);
}

void generate_one(Session& session, const Arguments& arguments) {
  const auto ids = session.tokenizer().encode(prompt_text(session, arguments, arguments.prompt), arguments.raw);
  generate(session, {ids}, arguments.options, [](size_t, const std::string& piece) {
    std::fputs(piece.c_str(), stdout);
    std::fflush(stdout);
    return true;
  });
  std::fputc('\n', stdout);
}

/// {"prompt": "..."} or {"messages": [...]} to the text that the model continues.
std::string text_of_row(const Session& session, const Arguments& arguments, const ordered_json& row) {
  if (row.is_object() && row.contains("messages") && !arguments.raw && !row["messages"].is_array())
    throw Error("expected a list of messages, got {}", row["messages"].dump().substr(0, 60));
  if (row.is_object() && row.contains("messages") && !arguments.raw)
    return render_messages(session.chat_template(), row["messages"]);
  if (!row.is_object() || !row.contains("prompt") || !row["prompt"].is_string())
    throw Error("expected an object with \"prompt\" (a text) or \"messages\"");
  return prompt_text(session, arguments, row["prompt"]);
}

/// Checks the row before anything is generated, so that a mistake in the last line costs no work.
std::vector<int32_t> ids_of_row(const Session& session, const Arguments& arguments, const ordered_json& row,
                                const std::string& place) {
  std::string text;
  std::vector<int32_t> ids;
  try {
    text = text_of_row(session, arguments, row);
    ids = session.tokenizer().encode(text, arguments.raw);
  } catch (const RunError&) {
    throw;
  } catch (const Error& error) {
    throw Error("{}: {}", place, error.what());
  }
  const int64_t positions = session.positions();
  if (ids.empty()) throw Error("{}: the prompt is empty", place);
  if (static_cast<int64_t>(ids.size()) >= positions)
    throw Error("{}: {} tokens leave no room for an answer in the model's {} positions", place, ids.size(), positions);
  return ids;
}

void generate_file(Session& session, const Arguments& arguments) {
  std::ifstream in(arguments.input);
  if (!in) throw Error("{}: cannot open", arguments.input);
  std::vector<ordered_json> rows;
  std::vector<std::vector<int32_t>> prompts;
  std::string line;
  for (int64_t number = 1; std::getline(in, line); ++number) {
    if (line.empty()) continue;
    const std::string place = fmt::format("{}:{}", arguments.input, number);
    rows.push_back(ordered_json::parse(line, nullptr, false));
    if (rows.back().is_discarded()) throw Error("{}: not JSON", place);
    prompts.push_back(ids_of_row(session, arguments, rows.back(), place));
  }
  const std::vector<Completion> completions = generate(session, prompts, arguments.options);
  std::ofstream file;
  if (!arguments.output.empty()) {
    file.open(arguments.output);
    if (!file) throw RunError("{}: cannot create", arguments.output);
  }
  std::ostream& out = arguments.output.empty() ? std::cout : file;
  for (size_t i = 0; i < rows.size(); ++i) {
    rows[i]["completion"] = completions[i].text;
    rows[i]["finish_reason"] = completions[i].finish_reason;
    out << rows[i].dump(-1, ' ', false, ordered_json::error_handler_t::replace) << '\n';
  }
  if (!out.flush()) throw RunError("{}: cannot write", arguments.output.empty() ? "stdout" : arguments.output);
}

}  // namespace

void add_generate(CLI::App& app) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* verb = app.add_subcommand("generate", "Answer one prompt, or a file of them");
  add_model_options(verb, arguments->model);
  auto* prompt = verb->add_option("--prompt", arguments->prompt, "what the user says");
  auto* input = verb->add_option("--input", arguments->input, "JSONL with \"prompt\" or \"messages\" in each line");
  prompt->excludes(input);
  verb->add_option("--output", arguments->output, "JSONL with the answers added (default: stdout)")->needs(input);
  verb->add_flag("--raw", arguments->raw, "continue the text as it is, without the chat template");
  verb->add_option("--batch-size", arguments->options.batch_size, "prompts at once")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  add_sampling_options(verb, arguments->options);
  verb->footer(
      "Examples:\n"
      "  lorica generate --model models/smollm2-135m-instruct --prompt \"Where is my order?\"\n"
      "  lorica generate --model models/smollm2-135m-instruct --adapter runs/quickstart/adapter \\\n"
      "      --input questions.jsonl --output answers.jsonl --temperature 0.7 --top-p 0.9 --seed 1");
  verb->callback([arguments] {
    if (arguments->prompt.empty() && arguments->input.empty()) throw Error("generate: give --prompt or --input");
    Session session(arguments->model.model, arguments->model.session_options());
    if (arguments->input.empty())
      generate_one(session, *arguments);
    else
      generate_file(session, *arguments);
  });
}

}  // namespace lorica::cli
