#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/data/options.h"
#include "kernels/attention_kernel.h"
#include "optim/schedule.h"

namespace lorica {

// A recipe as a run reads it: plain values, one struct a section of the YAML file. Types and defaults are those of the
// members here; ranges, help and the rules between keys stand in recipes/schema.cpp. Paths are relative to the current
// directory. An empty text or list means "not given".

enum class Precision : uint8_t { kAuto, kF32, kBf16 };
enum class DeviceChoice : uint8_t { kAuto, kCpu, kCuda };
enum class Task : uint8_t { kCausalLm, kSeqCls };
enum class AdapterType : uint8_t { kLora, kNone };

struct ModelSection {
  std::string path;
  Task task = Task::kCausalLm;
  DeviceChoice device = DeviceChoice::kAuto;
  Precision precision = Precision::kAuto;
  AttentionKernel attention = AttentionKernel::kAuto;
  bool operator==(const ModelSection&) const = default;
};

/// A file, a folder or a pattern, and the settings in which its rows differ from those of the section.
struct DataItem {
  std::string path;
  DataSource own;                  ///< the keys that are not in `given` have their defaults
  std::vector<std::string> given;  ///< names of keys, in the order of for_each_source_key
  bool operator==(const DataItem&) const = default;
};

/// The settings are the defaults of every source; `files` is empty in both.
struct DataSection : DataSource {
  std::vector<DataItem> train;
  std::vector<DataItem> eval;
  std::vector<std::string> labels;  ///< of a classifier; empty: those of the model or of the data
  int64_t max_tokens = 1024;
  TooLong too_long = TooLong::kAuto;
  bool shuffle = true;
  std::string cache = "auto";  ///< folder; auto: the user's own; none: no cache
  bool operator==(const DataSection&) const = default;
};

/// What is in force for the item: its own settings, and the section's for the rest.
DataSource settings_of(const DataSection& section, const DataItem& item);

struct AdapterSection {
  AdapterType type = AdapterType::kLora;
  std::string path;  ///< where not empty, the adapter in that folder decides r ... layers_to_transform, not this struct
  int64_t r = 16;
  double lora_alpha = 32;
  bool use_rslora = false;
  std::vector<std::string> target_modules = {"all-linear"};
  std::vector<int> layers_to_transform;  ///< rising, each once; empty: every layer
  double lora_dropout = 0;
  bool operator==(const AdapterSection&) const = default;
};

struct TrainSection {
  // At least one is given; the first to be reached ends the run.
  std::optional<int64_t> max_steps;
  std::optional<double> num_train_epochs;
  std::optional<double> time_budget;  ///< seconds

  // Exactly one is given after loading: examples_per_step = 8 where a recipe names none.
  std::optional<int64_t> examples_per_step;
  std::optional<int64_t> tokens_per_step;
  std::optional<int64_t> gradient_accumulation_steps;

  int64_t micro_batch_tokens = 2048;  ///< never below data.max_tokens
  double learning_rate = 2e-4;
  ScheduleKind lr_scheduler_type = ScheduleKind::kLinear;
  double warmup_ratio = 0.03;  ///< in force unless warmup_steps is given
  std::optional<int64_t> warmup_steps;
  double weight_decay = 0;
  double adam_beta1 = 0.9;
  double adam_beta2 = 0.999;
  double adam_epsilon = 1e-8;
  double max_grad_norm = 1;  ///< 0: no clipping
  int64_t seed = 0;
  bool gradient_checkpointing = false;
  bool cuda_graphs = true;
  int64_t logging_steps = 1;
  bool operator==(const TrainSection&) const = default;
};

struct EvalSection {
  int64_t steps = 0;                    ///< 0: only before and after the run
  int64_t early_stopping_patience = 0;  ///< evaluations without improvement; 0: never stop early
  double early_stopping_threshold = 0;
  bool load_best_model_at_end = true;  ///< without data.eval there is nothing to choose by, and the last state is kept
  std::vector<std::string> prompts;
  int64_t max_new_tokens = 64;
  bool operator==(const EvalSection&) const = default;
};

struct SaveSection {
  int64_t steps = 0;  ///< 0: only at the end
  int64_t total_limit = 2;
  bool operator==(const SaveSection&) const = default;
};

struct OutputSection {
  std::string dir;
  bool operator==(const OutputSection&) const = default;
};

struct Recipe {
  ModelSection model;
  DataSection data;
  AdapterSection adapter;
  TrainSection train;
  EvalSection eval;
  SaveSection save;
  OutputSection output;
  bool operator==(const Recipe&) const = default;
};

/// Reads and checks a recipe. `overrides` are "section.key=value" texts as --set gives them, applied in order; the
/// value is YAML, and an empty one or null takes the key out. No file that the recipe names is opened.
/// Throws Error, one line, that begins with the place: "recipe.yaml:12: adapter.rnk: unknown key; did you mean
/// 'adapter.r'?", or "--set adapter.r: expected an integer from 1 to 4096, got '0'".
Recipe load_recipe(const std::filesystem::path& path, const std::vector<std::string>& overrides = {});

/// load_recipe on a text; `name` stands for the file in messages.
Recipe parse_recipe(std::string_view text, const std::string& name, const std::vector<std::string>& overrides = {});

/// How a message about a key of the recipe begins: "recipe.yaml:12: model.device" where the file gives it, "--set
/// model.device" where an override does, and "recipe.yaml: model.device" where nothing does.
std::string place_of_key(const std::filesystem::path& path, const std::vector<std::string>& overrides,
                         const std::string& key);

/// YAML with the value of every key that has a meaning in this recipe, defaults included; loads to an equal Recipe.
std::string resolved_yaml(const Recipe& recipe);

/// docs/recipes.md: every section and key with type, default, allowed values and meaning.
std::string recipe_reference_markdown();

}  // namespace lorica
