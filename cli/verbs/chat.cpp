#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/verbs/model_options.h"
#include "recipes/stop_signal.h"

namespace lorica::cli {
namespace {

using nlohmann::ordered_json;

struct Arguments {
  ModelArguments model;
  GenerateOptions options;
};

ordered_json fresh_history(const std::string& system_prompt) {
  ordered_json messages = ordered_json::array();
  if (!system_prompt.empty()) messages.push_back({{"role", "system"}, {"content", system_prompt}});
  return messages;
}

constexpr const char* kHelp = "/reset forgets the conversation, /history shows it, /exit ends\n";

void print_history(const ordered_json& messages) {
  for (const auto& message : messages)
    fmt::print("{}: {}\n", message["role"].get<std::string>(), message["content"].get<std::string>());
}

/// Streams the answer; Ctrl-C ends the answer, not the program.
std::string answer(Session& session, Conversation& conversation, const ordered_json& messages) {
  const StopSignal signals;
  const auto ids = session.tokenizer().encode(render_messages(session.chat_template(), messages));
  const Completion completion = conversation.answer(ids, [](size_t, const std::string& piece) {
    std::fputs(piece.c_str(), stdout);
    std::fflush(stdout);
    return StopSignal::received() == 0;
  });
  std::fputc('\n', stdout);
  return completion.text;
}

void chat(const Arguments& arguments) {
  Session session(arguments.model.model, arguments.model.session_options());
  Conversation conversation(session, arguments.options);
  ordered_json messages = fresh_history(arguments.model.system_prompt);
  const bool terminal = ::isatty(STDIN_FILENO) == 1;
  if (terminal) fmt::print("{}", kHelp);
  std::string line;
  for (;;) {
    if (terminal) fmt::print("> ");
    std::fflush(stdout);
    if (!std::getline(std::cin, line) || line == "/exit") break;
    if (line.empty()) continue;
    if (line == "/reset") {
      messages = fresh_history(arguments.model.system_prompt);
    } else if (line == "/history") {
      print_history(messages);
    } else if (line[0] == '/') {
      fmt::print("{}", kHelp);
    } else {
      messages.push_back({{"role", "user"}, {"content", line}});
      try {
        messages.push_back({{"role", "assistant"}, {"content", answer(session, conversation, messages)}});
      } catch (const Error& error) {  // a turn that the template or the model's positions refuse ends the turn only
        messages.erase(messages.size() - 1);
        fmt::print(stderr, "lorica: {}\n", error.what());
      }
    }
  }
}

}  // namespace

void add_chat(CLI::App& app) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* verb = app.add_subcommand("chat", "Talk with a model");
  add_model_options(verb, arguments->model);
  add_sampling_options(verb, arguments->options);
  verb->footer("Example:\n  lorica chat --model models/smollm2-135m-instruct --adapter runs/quickstart/adapter");
  verb->callback([arguments] { chat(*arguments); });
}

}  // namespace lorica::cli
