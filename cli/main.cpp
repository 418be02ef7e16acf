#include <cstdio>
#include <exception>
#include <string>

#include "cli/verbs.h"
#include "kernels/error.h"

namespace {

constexpr int kRunFailed = 1;
constexpr int kBadInput = 2;

int fail(const char* message, int code) {
  std::fflush(stdout);
  std::fprintf(stderr, "lorica: %s\n", message);
  return code;
}

/// What is wrong with the first argument, which must be a verb or an option; empty when nothing is. CLI11's own message
/// does not name the word.
std::string wrong_verb(const CLI::App& app, int argc, char** argv) {
  if (argc < 2) return "no verb given; lorica --help lists them";
  const std::string word = argv[1];
  const auto named = [&](const CLI::App* verb) { return verb->get_name() == word; };
  if (word.starts_with('-') || !app.get_subcommands(named).empty()) return {};
  return "unknown verb '" + word + "'; lorica --help lists them";
}

}  // namespace

int main(int argc, char** argv) {
  using namespace lorica::cli;
  CLI::App app{"Fine-tunes transformers: LoRA adapters or all weights, by a recipe.", "lorica"};
  app.require_subcommand(1);
  app.set_version_flag("--version", "lorica " LORICA_VERSION);
  add_train(app);
  add_eval(app);
  add_generate(app);
  add_chat(app);
  add_classify(app);
  add_data(app);
  add_parity(app);
  add_recipe(app);
  add_recipe_docs(app);
  add_convert(app);
  add_download(app);
  add_info(app);
  add_init(app);
  add_tokenize(app);
  add_detokenize(app);
  add_render(app);
  if (const std::string wrong = wrong_verb(app, argc, argv); !wrong.empty()) return fail(wrong.c_str(), kBadInput);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {  // --help and --version
    return app.exit(success);
  } catch (const CLI::RuntimeError& failed) {  // a verb that has said what there is to say
    return failed.get_exit_code();
  } catch (const CLI::ParseError& error) {
    return fail(error.what(), kBadInput);
  } catch (const lorica::RunError& error) {
    return fail(error.what(), kRunFailed);
  } catch (const lorica::Error& error) {
    return fail(error.what(), kBadInput);
  } catch (const std::bad_alloc&) {
    return fail("out of memory", kRunFailed);
  } catch (const std::exception& error) {
    return fail(error.what(), kRunFailed);
  }
  return 0;
}
