#include <sstream>

#include "io/data/loaded_text.h"
#include "io/data/preview.h"
#include "io/formats/file_bytes.h"
#include "recipes/classes.h"
#include "recipes/memory.h"
#include "recipes/setup.h"
#include "recipes/text_side.h"
#include "recipes/trainer.h"
#include "recipes/version.h"

namespace lorica {
namespace {

namespace fs = std::filesystem;

void make_folder(const fs::path& folder) {
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure) throw RunError("{}: cannot create the run folder: {}", folder.string(), failure.message());
}

/// A resumed run must be the run that was started: the recipe in the folder decides.
void check_same_recipe(const fs::path& saved, const std::string& resolved) {
  std::istringstream before(read_file(saved)), after(resolved);
  std::string old_line, new_line;
  for (int number = 1;; ++number) {
    const bool has_old = static_cast<bool>(std::getline(before, old_line));
    const bool has_new = static_cast<bool>(std::getline(after, new_line));
    if (!has_old && !has_new) return;
    const auto shown = [](bool there, const std::string& line) {
      const size_t begin = line.find_first_not_of(' ');
      return there ? "'" + (begin == std::string::npos ? "" : line.substr(begin)) + "'" : "nothing";
    };
    if (has_old != has_new || old_line != new_line)
      throw Error("{}:{}: the run was started with {}, the recipe now says {}", saved.string(), number,
                  shown(has_old, old_line), shown(has_new, new_line));
  }
}

/// The checkpoint to go on from, if there is one. Nothing is written yet: a mistake in the recipe, the model or the
/// data must neither leave a new run folder nor take an old one away.
std::optional<fs::path> check_folder(const Recipe& recipe, const TrainOptions& options) {
  const fs::path folder = recipe.output.dir;
  const fs::path saved = folder / "recipe.yaml";
  if (options.resume) {
    const auto checkpoint = newest_checkpoint(folder);
    if (checkpoint) check_same_recipe(saved, resolved_yaml(recipe));
    return checkpoint;
  }
  if (!options.overwrite && fs::exists(saved))
    throw Error("{}: holds a run already: --resume continues it, --overwrite starts anew", folder.string());
  return std::nullopt;
}

/// Removes what a run writes, and nothing else that lies in its folder.
void remove_old_run(const fs::path& folder) {
  std::vector<fs::path> own;
  for (const char* name : {"adapter", "model", "metrics.jsonl", "report.txt", "versions.txt", "recipe.yaml"})
    own.push_back(folder / name);
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().filename().string().starts_with("checkpoint-")) own.push_back(entry.path());
  for (const fs::path& path : own) {
    std::error_code failure;
    fs::remove_all(path, failure);
    if (failure) throw RunError("{}: cannot remove: {}", path.string(), failure.message());
  }
}

void create_folder(const Recipe& recipe, Context& context) {
  const fs::path folder = recipe.output.dir;
  make_folder(folder);
  if (fs::exists(folder / "recipe.yaml")) remove_old_run(folder);
  write_file_atomically(folder / "recipe.yaml", resolved_yaml(recipe));
  write_file_atomically(folder / "versions.txt", version_text() + describe(context));
}

/// "cpu: AMD EPYC ...": the first line of describe(), whose first word is "device:".
std::string device_text(Context& context) {
  const std::string text = describe(context);
  const size_t begin = text.find(' ') + 1;
  return text.substr(begin, text.find('\n') - begin);
}

/// What the run prints at its end; the run folder keeps it as report.txt.
std::string report_text(Session& session, const Recipe& recipe, const TrainSummary& summary) {
  const RunState& state = summary.state;
  std::string text;
  const auto line = [&text](const char* what, const std::string& value) {
    text += fmt::format("{:<15} {}\n", what, value);
  };
  for (size_t i = 0; i < summary.answers_after.size() && i < state.answers_before.size(); ++i)
    text += fmt::format("\n> {}\n\n{}", recipe.eval.prompts[i],
                        side_by_side("before", state.answers_before[i], "after", summary.answers_after[i], 56));
  text += '\n';
  line("steps", fmt::format("{} ({:.2f} epochs), {} tokens, {} of them trained; {}", state.step, state.epoch,
                            state.tokens, state.trained_tokens, summary.stop_reason));
  const std::pair<const char*, const char*> metrics[] = {
      {"eval_loss", "held-out loss"}, {"eval_accuracy", "accuracy"}, {"eval_macro_f1", "macro F1"}};
  for (const auto& [key, name] : metrics)
    if (summary.before.contains(key) && summary.after.contains(key))
      line(name, fmt::format("{:.4f} before, {:.4f} after", summary.before[key].get<double>(),
                             summary.after[key].get<double>()));
  line("speed",
       fmt::format("{:.0f} tokens/s over {} ({}, {})", summary.tokens_per_second, duration_text(summary.seconds),
                   name_of(session.model().dtype()), device_text(session.context())));
  line("peak memory", bytes_text(peak_resident_bytes()));
  if (session.context().device != Device::kCpu)
    line("GPU memory", bytes_text(static_cast<int64_t>(session.bytes_held())));
  const bool lora = recipe.adapter.type == AdapterType::kLora;
  line(lora ? "adapter" : "model", summary.output.string());
  const std::string model = lora ? fmt::format("--model {} --adapter {}", recipe.model.path, summary.output.string())
                                 : fmt::format("--model {}", summary.output.string());
  if (recipe.model.task == Task::kSeqCls)
    line("ask it", fmt::format("lorica classify {} --text \"...\"", model));
  else
    line("chat with it", fmt::format("lorica chat {}", model));
  return text;
}

}  // namespace

void train(const Recipe& recipe, const TrainOptions& options) {
  const std::optional<fs::path> checkpoint = check_folder(recipe, options);
  const fs::path folder = existing_model_folder(recipe.model.path);
  const RunClasses classes = find_classes(recipe, folder);
  Session session(folder, {.on = {.device = recipe.model.device,
                                  .attention = recipe.model.attention,
                                  .device_place = options.device_place,
                                  .attention_place = options.attention_place},
                           .precision = recipe.model.precision,
                           .train_base = recipe.adapter.type == AdapterType::kNone,
                           .adapter = recipe.adapter.path,
                           .chat_template = recipe.data.chat_template,
                           .train_head = recipe.model.task == Task::kSeqCls,
                           .labels = classes.labels,
                           .new_head = classes.new_head,
                           .seed = static_cast<uint64_t>(recipe.train.seed)});
  if (recipe.adapter.type == AdapterType::kLora && recipe.adapter.path.empty())
    attach_lora(session.model(), lora_options(recipe));
  const LoadedText text(session.text().tokenizer, session.chat_template());
  const LoadedData data = load_data(data_options(recipe, classes), text.model());
  for (const Finding& finding : data.findings.list()) fmt::print(stderr, "{}\n", finding.text());
  fmt::print(stderr, "{}", summary_text(data));

  if (!checkpoint) create_folder(recipe, session.context());
  Trainer trainer(session, recipe, data, options.trainer);
  if (checkpoint) trainer.resume(*checkpoint);
  const std::string report = report_text(session, recipe, trainer.run());
  write_file_atomically(fs::path(recipe.output.dir) / "report.txt", report);
  std::fputs(report.c_str(), stdout);
}

}  // namespace lorica
