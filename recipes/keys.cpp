// Every key of a recipe, declared once. The type and the default of a key are those of its member in recipes/recipe.h.
#include <algorithm>
#include <set>

#include "recipes/schema.h"
#include "recipes/source_keys.h"

namespace lorica {
namespace {

constexpr double kMany = 1e9;  // steps, tokens: far above any run, far below an overflow

bool trains_adapter(const Recipe& recipe) { return recipe.adapter.type == AdapterType::kLora; }
bool is_new_adapter(const Recipe& recipe) { return recipe.adapter.path.empty(); }
bool is_classifier(const Recipe& recipe) { return recipe.model.task == Task::kSeqCls; }

/// A classifier reads format classification, which auto then means, and nothing else does.
bool fits_task(const Recipe& recipe, DataFormat format) {
  if (format == DataFormat::kAuto) return true;
  return is_classifier(recipe) == (format == DataFormat::kClassification);
}
bool fit_task(const Recipe& recipe, const std::vector<DataItem>& items) {
  return std::all_of(items.begin(), items.end(),
                     [&](const DataItem& item) { return fits_task(recipe, settings_of(recipe.data, item).format); });
}

bool has_eval_data(const Recipe& recipe) { return !recipe.data.eval.empty(); }

void declare_model(Schema& schema) {
  auto key = schema.section("model", &Recipe::model, "The pretrained model.");
  key("path", &ModelSection::path)
      .path()
      .required("models/smollm2-135m-instruct")
      .synonym_of({"model_name_or_path", "base_model"})
      .help(
          "folder with config.json, *.safetensors and the tokenizer, or OWNER/NAME on the hub (fetched into the cache "
          "that huggingface_hub uses); `model: PATH` alone means the same");
  key("task", &ModelSection::task)
      .synonym_of({"task_type"})
      .help(
          "causal_lm: a language model; seq_cls: a classifier of texts, from a ...ForSequenceClassification folder, or "
          "from a language model, which gets a new head `score`. The head is trained beside the adapter; see "
          "docs/classify.md");
  key("device", &ModelSection::device)
      .synonym_of({"device_map", "accelerator"})
      .help("where the model runs; auto takes the first visible GPU where this build and the machine have one");
  key("precision", &ModelSection::precision)
      .synonym_of({"dtype", "torch_dtype", "bf16", "fp16"})
      .help(
          "number format of the frozen weights and of the activations; auto takes bf16 where the device computes it "
          "fast, else f32");
  key("attention", &ModelSection::attention)
      .synonym_of({"attn_implementation", "attention_backend", "flash_attention"})
      .help(
          "which kernels do attention on a GPU: mma (this program's own, and what auto means) or cudnn (NVIDIA's "
          "library, which must be installed). On the CPU there is one kind, and anything but auto is an error");
}

/// The names that other trainers give to keys of a source.
std::vector<std::string> synonyms_of_source_key(std::string_view name) {
  if (name == "format") return {"type", "formatting"};
  if (name == "response_column") return {"completion_column"};
  if (name == "text_column") return {"dataset_text_field"};
  return {};
}

void declare_data(Schema& schema) {
  auto key =
      schema.section("data", &Recipe::data,
                     "What to train and to evaluate on: JSON, JSON lines, CSV, TSV, plain text, CoNLL or Parquet, "
                     "also packed with gzip or zstd. `train` and `eval` take a path, a list of paths, or a list "
                     "whose items may be mappings: `{path: FILE, key: value, ...}` with the keys from `format` to "
                     "`sample_by`. Those keys of the section are the defaults of every source.");
  key("train", &DataSection::train)
      .required("data/train.jsonl")
      .synonym_of({"train_file", "dataset", "path"})
      .help("what to train on: files, folders (all data files in them) and patterns such as data/*.jsonl");
  key("eval", &DataSection::eval)
      .synonym_of({"eval_file", "validation", "test", "valid"})
      .help("held-out data, likewise; without it the run reports no held-out loss");
  for_each_source_key([&key](const char* name, auto member, auto value, const SourceKeyInfo& info) {
    using Member = std::remove_reference_t<decltype(DataSource().*member)>;
    Field& field = key.as<decltype(value)>(name, static_cast<Member DataSection::*>(member));
    field.help(info.help).synonym_of(synonyms_of_source_key(name));
    field.limits = info.limits;
    if (info.path) field.path();
    if (info.formats.empty()) return;
    field.only_when("data.format", info.wanted(), [info](const Recipe& recipe) { return info.holds(recipe.data); });
  });
  key("labels", &DataSection::labels)
      .only_when("model.task", "is seq_cls", is_classifier)
      .synonym_of({"label_list", "classes", "id2label"})
      .default_shown("[] (the model's, or those of the training data)")
      .help(
          "names of the classes in their order; without it a new head has the distinct labels of the training data, "
          "sorted, by number where all are integers");
  key("max_tokens", &DataSection::max_tokens)
      .range(2, 1 << 20)
      .synonym_of({"max_length", "max_seq_length", "max_seq_len", "cutoff_len", "sequence_len"})
      .help("longest example, in tokens");
  key("too_long", &DataSection::too_long)
      .only_when("model.task", "is causal_lm", [](const Recipe& recipe) { return !is_classifier(recipe); })
      .help(
          "what becomes of an example over max_tokens: drop it, truncate it, or split it into several; auto splits "
          "plain text and drops the rest. Texts to classify are always truncated");
  key("shuffle", &DataSection::shuffle).help("new order of the examples in every epoch, fixed by train.seed");
  key("cache", &DataSection::cache)
      .help(
          "folder that keeps the tokens of the data for the next run, readable by you alone; auto: lorica/tokens in "
          "$XDG_CACHE_HOME or ~/.cache; none: nothing is kept");
}

void declare_adapter(Schema& schema) {
  auto key = schema.section("adapter", &Recipe::adapter,
                            "The LoRA adapter; names and meanings are those of PEFT's LoraConfig.");
  const auto lora = [&](Field& field) -> Field& { return field.only_when("adapter.type", "is lora", trains_adapter); };
  // what an adapter that is continued has already decided
  const auto shape = [&](Field& field) -> Field& {
    return lora(field).only_when("adapter.path", "is not given", is_new_adapter);
  };
  key("type", &AdapterSection::type).help("lora trains an adapter over frozen weights; none trains all weights");
  lora(key("path", &AdapterSection::path))
      .path()
      .help(
          "folder of a PEFT adapter to continue; its adapter_config.json then decides r, lora_alpha, use_rslora, "
          "target_modules and layers_to_transform");
  shape(key("r", &AdapterSection::r))
      .range(1, 4096)
      .synonym_of({"rank", "lora_r", "lora_rank"})
      .help("rank of the low-rank update");
  shape(key("lora_alpha", &AdapterSection::lora_alpha))
      .above(0)
      .synonym_of({"alpha"})
      .help("scale of the update: it is multiplied by lora_alpha / r");
  shape(key("use_rslora", &AdapterSection::use_rslora)).help("multiply by lora_alpha / sqrt(r) instead");
  shape(key("target_modules", &AdapterSection::target_modules))
      .synonym_of({"lora_target_modules", "modules"})
      .help("all-linear (every linear layer but the output head), or a list of module names such as q_proj, v_proj")
      .non_empty();
  shape(key("layers_to_transform", &AdapterSection::layers_to_transform))
      .synonym_of({"layers"})
      .default_shown("[] (all layers)")
      .help("layers that get an adapter, counted from 0; the fewer and the later they are, the faster a step is");
  lora(key("lora_dropout", &AdapterSection::lora_dropout))
      .at_least(0)
      .below(1)
      .synonym_of({"dropout"})
      .help("share of the adapter's inputs that is dropped while training");
}

void declare_step_size(Schema::Section<TrainSection>& key) {
  key("examples_per_step", &TrainSection::examples_per_step)
      .range(1, kMany)
      .excludes({"train.tokens_per_step", "train.gradient_accumulation_steps"})
      .default_shown("8, unless one of the next two is given")
      .synonym_of({"batch_size", "per_device_train_batch_size", "micro_batch_size"})
      .help("examples in an optimizer step");
  key("tokens_per_step", &TrainSection::tokens_per_step)
      .range(1, kMany)
      .excludes({"train.examples_per_step", "train.gradient_accumulation_steps"})
      .help("tokens in an optimizer step, as near as whole examples allow");
  key("gradient_accumulation_steps", &TrainSection::gradient_accumulation_steps)
      .range(1, kMany)
      .excludes({"train.examples_per_step", "train.tokens_per_step"})
      .help("micro-batches in an optimizer step");
  key("micro_batch_tokens", &TrainSection::micro_batch_tokens)
      .range(2, 1 << 24)
      .help("tokens that go through the model at once: sets the peak memory, not the result");
}

void declare_train(Schema& schema) {
  auto key = schema.section("train", &Recipe::train,
                            "The optimisation. At least one of max_steps, num_train_epochs and time_budget is needed; "
                            "whichever is reached first ends the run.");
  key("max_steps", &TrainSection::max_steps)
      .range(1, kMany)
      .synonym_of({"steps", "iters", "num_steps"})
      .help("optimizer steps");
  key("num_train_epochs", &TrainSection::num_train_epochs)
      .above(0)
      .synonym_of({"epochs", "num_epochs"})
      .help("passes over the training data; fractions are allowed");
  key.as<YamlOptional<double, YamlDuration>>("time_budget", &TrainSection::time_budget)
      .synonym_of({"max_time"})
      .help("wall-clock time of the training loop; the learning-rate schedule follows the clock");
  declare_step_size(key);
  key("learning_rate", &TrainSection::learning_rate).above(0).synonym_of({"lr"}).help("peak learning rate of AdamW");
  key("lr_scheduler_type", &TrainSection::lr_scheduler_type)
      .synonym_of({"lr_scheduler", "scheduler", "schedule"})
      .help("course of the learning rate after the warm-up: stays, or falls to 0 linearly or as half a cosine");
  key("warmup_ratio", &TrainSection::warmup_ratio)
      .at_least(0)
      .below(1)
      .excludes({"train.warmup_steps"})
      .help("share of the run in which the learning rate rises");
  key("warmup_steps", &TrainSection::warmup_steps)
      .range(0, kMany)
      .excludes({"train.warmup_ratio"})
      .help("steps in which the learning rate rises, in place of warmup_ratio");
  key("weight_decay", &TrainSection::weight_decay).at_least(0).help("decoupled weight decay of AdamW");
  key("adam_beta1", &TrainSection::adam_beta1).at_least(0).below(1).help("decay of the first moment");
  key("adam_beta2", &TrainSection::adam_beta2).at_least(0).below(1).help("decay of the second moment");
  key("adam_epsilon", &TrainSection::adam_epsilon).above(0).help("added to the root of the second moment");
  key("max_grad_norm", &TrainSection::max_grad_norm)
      .at_least(0)
      .synonym_of({"grad_clip", "clip_grad_norm"})
      .help("gradients are scaled down to this Euclidean norm; 0 does not clip");
  key("seed", &TrainSection::seed)
      .range(0, 4294967295.0)
      .help("seed of the initial adapter, the shuffling and the dropout");
  key("gradient_checkpointing", &TrainSection::gradient_checkpointing)
      .help("recompute activations in the backward pass: less memory, slower steps, the same result");
  key("cuda_graphs", &TrainSection::cuda_graphs)
      .help("on a GPU, record the work of a step once and replay it; false is for debugging, the result is the same");
  key("logging_steps", &TrainSection::logging_steps).range(1, kMany).help("a line of metrics every so many steps");
}

void declare_eval(Schema& schema) {
  auto key =
      schema.section("eval", &Recipe::eval, "Held-out loss and sample answers, before, during and after the run.");
  key("steps", &EvalSection::steps)
      .range(0, kMany)
      .only_when("data.eval", "is given", has_eval_data)
      .synonym_of({"eval_steps"})
      .help("held-out loss every so many steps; 0: only before and after the run");
  key("early_stopping_patience", &EvalSection::early_stopping_patience)
      .range(0, kMany)
      .only_when("eval.steps", "is above 0", [](const Recipe& recipe) { return recipe.eval.steps > 0; })
      .help("end the run after so many evaluations in a row without improvement; 0: never");
  key("early_stopping_threshold", &EvalSection::early_stopping_threshold)
      .at_least(0)
      .only_when("eval.early_stopping_patience", "is above 0",
                 [](const Recipe& recipe) { return recipe.eval.early_stopping_patience > 0; })
      .help("a held-out loss must fall by more than this to count as an improvement");
  key("load_best_model_at_end", &EvalSection::load_best_model_at_end)
      .only_when("data.eval", "is given", has_eval_data)
      .help("hand back the adapter with the lowest held-out loss, not the last one");
  key("prompts", &EvalSection::prompts)
      .default_shown("[] (none)")
      .help("prompts that the model answers before and after the run");
  key("max_new_tokens", &EvalSection::max_new_tokens)
      .range(1, 1 << 20)
      .only_when("eval.prompts", "is given", [](const Recipe& recipe) { return !recipe.eval.prompts.empty(); })
      .help("longest answer, in tokens");
}

void declare_save_and_output(Schema& schema) {
  auto save = schema.section("save", &Recipe::save, "Checkpoints, from which a run can be resumed.");
  save("steps", &SaveSection::steps)
      .range(0, kMany)
      .synonym_of({"save_steps"})
      .help("a checkpoint every so many steps; 0: only at the end");
  save("total_limit", &SaveSection::total_limit)
      .range(1, kMany)
      .synonym_of({"save_total_limit"})
      .help("checkpoints kept; older ones are removed");
  auto output = schema.section("output", &Recipe::output, "Where the results go.");
  output("dir", &OutputSection::dir)
      .path()
      .required("runs/support")
      .synonym_of({"output_dir", "path"})
      .help("folder for the adapter, the checkpoints and the logs; made if it does not exist");
}

}  // namespace

Schema::Schema() {
  declare_model(*this);
  declare_data(*this);
  declare_adapter(*this);
  declare_train(*this);
  declare_eval(*this);
  declare_save_and_output(*this);
  rules_.push_back({"train.micro_batch_tokens", "data.max_tokens", "cannot hold one example of",
                    [](const Recipe& recipe) { return recipe.train.micro_batch_tokens < recipe.data.max_tokens; }});
  rules_.push_back({"model.task", "data.format", "does not go with",
                    [](const Recipe& recipe) { return !fits_task(recipe, recipe.data.format); }});
  rules_.push_back({"model.task", "data.train", "does not go with the format of a source in",
                    [](const Recipe& recipe) { return !fit_task(recipe, recipe.data.train); }});
  rules_.push_back({"model.task", "data.eval", "does not go with the format of a source in",
                    [](const Recipe& recipe) { return !fit_task(recipe, recipe.data.eval); }});
  rules_.push_back({"data.labels", "", "holds a label twice, or only one", [](const Recipe& recipe) {
                      const auto& labels = recipe.data.labels;
                      return labels.size() == 1 || std::set(labels.begin(), labels.end()).size() != labels.size();
                    }});
  rules_.push_back({"eval.prompts", "model.task", "cannot be answered where a classifier is trained:",
                    [](const Recipe& recipe) { return is_classifier(recipe) && !recipe.eval.prompts.empty(); }});
  rules_.push_back({"adapter.target_modules", "", "names all-linear beside other modules", [](const Recipe& recipe) {
                      const auto& names = recipe.adapter.target_modules;
                      return names.size() > 1 && std::count(names.begin(), names.end(), "all-linear") > 0;
                    }});
}

}  // namespace lorica
