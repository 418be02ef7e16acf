#include "recipes/checkpoint.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "io/formats/file_bytes.h"
#include "io/formats/safetensors.h"
#include "io/formats/safetensors_write.h"

namespace lorica {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

constexpr const char* kTensors = "training.safetensors";
constexpr const char* kState = "trainer_state.json";
constexpr std::string_view kPrefix = "checkpoint-";
constexpr std::string_view kReplaced = ".old";  // a whole checkpoint that a newer one of the same step is replacing

/// Whole checkpoints by step. One that is being replaced counts unless its successor is there.
std::map<int64_t, fs::path> checkpoints(const fs::path& run_folder) {
  std::map<int64_t, fs::path> found;
  if (!fs::is_directory(run_folder)) return found;
  for (const auto& entry : fs::directory_iterator(run_folder)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kPrefix)) continue;
    int64_t step = -1;
    const char* end = name.data() + name.size();
    const auto [rest, failure] = std::from_chars(name.data() + kPrefix.size(), end, step);
    const std::string_view suffix(rest, static_cast<size_t>(end - rest));
    if (failure != std::errc() || (!suffix.empty() && suffix != kReplaced)) continue;
    if (suffix.empty() || !found.contains(step)) found[step] = entry.path();
  }
  return found;
}

ordered_json state_json(const RunState& state) {
  ordered_json json;
  json["epoch"] = state.epoch;
  json["global_step"] = state.step;
  json["best_metric"] = state.best_loss ? ordered_json(*state.best_loss) : ordered_json();
  json["best_global_step"] = state.best_step;
  json["log_history"] = state.log_history;
  json["lorica"] = {
      {"cursor_epoch", state.cursor.epoch},       {"cursor_index", state.cursor.index},
      {"elapsed_seconds", state.elapsed_seconds}, {"tokens", state.tokens},
      {"trained_tokens", state.trained_tokens},   {"evaluations_without_gain", state.evaluations_without_gain},
      {"answers_before", state.answers_before},   {"data_hash", state.data_hash}};
  return json;
}

RunState parse_state(const fs::path& path) {
  try {
    const ordered_json json = ordered_json::parse(read_file(path));
    const ordered_json& own = json.at("lorica");
    RunState state;
    state.epoch = json.at("epoch");
    state.step = json.at("global_step");
    if (!json.at("best_metric").is_null()) state.best_loss = json.at("best_metric").get<double>();
    state.best_step = json.at("best_global_step");
    state.log_history = json.at("log_history");
    state.cursor = {own.at("cursor_epoch"), own.at("cursor_index")};
    state.elapsed_seconds = own.at("elapsed_seconds");
    state.tokens = own.at("tokens");
    state.trained_tokens = own.at("trained_tokens");
    state.evaluations_without_gain = own.at("evaluations_without_gain");
    state.answers_before = own.at("answers_before").get<std::vector<std::string>>();
    state.data_hash = own.at("data_hash");
    return state;
  } catch (const ordered_json::exception& error) {
    throw Error("{}: not the state of a run: {}", path.string(), error.what());
  }
}

void restore(const SafetensorsFile& file, const std::string& name, const Tensor& to) {
  const In from = file.tensor(name);
  if (!(from.shape == to.shape()) || from.dtype != to.dtype())
    throw Error("{}: tensor '{}' does not fit the model: {} here, {} there", file.origin(), name, to.shape().text(),
                from.shape.text());
  to.copy_in(from.data);
}

}  // namespace

void save_checkpoint(const fs::path& run_folder, const RunState& state, const AdamWOptimizer& optimizer,
                     const BestValues& best, int64_t keep, const std::function<void(const fs::path&)>& extra) {
  const fs::path target = run_folder / fmt::format("{}{}", kPrefix, state.step);
  const fs::path aside = target.string() + ".part";
  std::error_code failure;
  fs::remove_all(aside, failure);
  if (!fs::create_directories(aside, failure) || failure)
    throw RunError("{}: cannot create the folder: {}", aside.string(), failure.message());
  try {
    std::vector<TensorToWrite> tensors;
    const auto& states = optimizer.states();
    for (size_t i = 0; i < states.size(); ++i) {
      const std::string& name = states[i].parameter->name;
      tensors.push_back(tensor_to_write("value." + name, states[i].parameter->value));
      tensors.push_back(tensor_to_write("m." + name, states[i].m));
      tensors.push_back(tensor_to_write("v." + name, states[i].v));
      if (!best.empty()) tensors.push_back(tensor_to_write("best." + name, best[i]));
    }
    write_safetensors(aside / kTensors, std::move(tensors));
    extra(aside);
    write_file_atomically(aside / kState, state_json(state).dump(2));
  } catch (...) {
    fs::remove_all(aside, failure);  // a full disk gets its space back
    throw;
  }
  const fs::path replaced = target.string() + std::string(kReplaced);
  if (fs::exists(target)) rename_durably(target, replaced);
  rename_durably(aside, target);
  fs::remove_all(replaced, failure);
  std::map<int64_t, fs::path> all = checkpoints(run_folder);
  while (static_cast<int64_t>(all.size()) > std::max<int64_t>(keep, 1)) {
    fs::remove_all(all.begin()->second, failure);
    all.erase(all.begin());
  }
}

std::optional<fs::path> newest_checkpoint(const fs::path& run_folder) {
  const auto all = checkpoints(run_folder);
  if (all.empty()) return std::nullopt;
  return all.rbegin()->second;
}

RunState load_checkpoint(const fs::path& checkpoint, Arena& arena, AdamWOptimizer& optimizer, BestValues& best) {
  RunState state = parse_state(checkpoint / kState);
  const SafetensorsFile file(checkpoint / kTensors);
  best.clear();
  for (const AdamWOptimizer::State& s : optimizer.states()) {
    const std::string& name = s.parameter->name;
    restore(file, "value." + name, s.parameter->value);
    restore(file, "m." + name, s.m);
    restore(file, "v." + name, s.v);
    if (!state.best_loss) continue;
    best.emplace_back(arena, s.parameter->value.shape(), Dtype::f32);
    restore(file, "best." + name, best.back());
  }
  optimizer.set_steps(state.step);
  return state;
}

}  // namespace lorica
