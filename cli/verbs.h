#pragma once
#include <CLI/CLI.hpp>

namespace lorica::cli {

// Each verb lives in cli/verbs/NAME.cpp: it adds a subcommand with its options, help text and examples (footer), and a
// callback that does the work, writes results to stdout and lets Error travel to main().
void add_chat(CLI::App& app);
void add_classify(CLI::App& app);
void add_convert(CLI::App& app);
void add_data(CLI::App& app);
void add_download(CLI::App& app);
void add_eval(CLI::App& app);
void add_generate(CLI::App& app);
void add_parity(CLI::App& app);
void add_train(CLI::App& app);
void add_recipe(CLI::App& app);
void add_recipe_docs(CLI::App& app);
void add_info(CLI::App& app);
void add_init(CLI::App& app);
void add_tokenize(CLI::App& app);
void add_detokenize(CLI::App& app);
void add_render(CLI::App& app);

}  // namespace lorica::cli
