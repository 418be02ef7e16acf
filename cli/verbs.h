#pragma once
#include <CLI/CLI.hpp>

namespace lorica::cli {

// Each verb lives in cli/verbs/NAME.cpp: it adds a subcommand with its options, help text and examples (footer), and a
// callback that does the work, writes results to stdout and lets Error travel to main().
void add_render(CLI::App& app);

}  // namespace lorica::cli
