#include "io/formats/gguf_pre_tokenizer.h"

#include <nlohmann/json.hpp>
#include <vector>

namespace lorica {
namespace {

// Patterns as the models' own tokenizer.json files give them.
constexpr const char* kGpt2 = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S))";
constexpr const char* kLlama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kQwen2 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kTekken = R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|)"
                                R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|)"
                                R"(\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kPunctuation = R"([\p{P}\$\+<=>\^~\|]+)";
constexpr const char* kNumbers = R"(\p{N}+)";
constexpr const char* kThreeDigits = "[0-9][0-9][0-9]";

struct Row {
  std::string_view name;
  GgufPreTokenizer traits;
  bool single_digits;               // a Digits step first
  std::vector<const char*> splits;  // one Split after another; empty: the regex built into ByteLevel (GPT-2's)
};

const std::vector<Row>& rows() {
  static const std::vector<Row> kRows = {
      // llama.cpp's own cut for models that named none
      {"default", {}, false, {kPunctuation, kGpt2, kNumbers, kThreeDigits}},
      {"gpt-2", {}, false, {}},
      {"phi-2", {}, false, {}},
      {"smollm", {}, true, {}},
      {"starcoder", {}, true, {}},
      {"refact", {}, true, {}},
      {"llama-bpe", {.ignore_merges = true, .adds_bos = true}, false, {kLlama3}},
      {"llama3", {.ignore_merges = true, .adds_bos = true}, false, {kLlama3}},
      {"llama-v3", {.ignore_merges = true, .adds_bos = true}, false, {kLlama3}},
      {"tekken", {.ignore_merges = true, .adds_bos = true}, false, {kTekken}},
      {"qwen2", {.nfc = true}, false, {kQwen2}},
      {"deepseek-r1-qwen", {.nfc = true}, false, {kQwen2}},
  };
  return kRows;
}

const Row* find_row(std::string_view name) {
  for (const Row& row : rows())
    if (row.name == name) return &row;
  return nullptr;
}

}  // namespace

const GgufPreTokenizer* find_gguf_pre_tokenizer(std::string_view name) {
  const Row* row = find_row(name);
  return row ? &row->traits : nullptr;
}

std::string gguf_pre_tokenizer_names() {
  std::string list;
  for (const Row& row : rows()) list.append(list.empty() ? "" : ", ").append(row.name);
  return list;
}

nlohmann::ordered_json gguf_pre_tokenizer_json(std::string_view name) {
  using nlohmann::ordered_json;
  const Row& row = *find_row(name);
  ordered_json steps = ordered_json::array();
  if (row.single_digits) steps.push_back({{"type", "Digits"}, {"individual_digits", true}});
  for (const char* pattern : row.splits) {
    const ordered_json regex = {{"Regex", pattern}};
    steps.push_back({{"type", "Split"}, {"pattern", regex}, {"behavior", "Isolated"}, {"invert", false}});
  }
  steps.push_back({{"type", "ByteLevel"},
                   {"add_prefix_space", false},
                   {"trim_offsets", row.splits.empty()},
                   {"use_regex", row.splits.empty()}});
  if (steps.size() == 1) return steps[0];
  return {{"type", "Sequence"}, {"pretokenizers", steps}};
}

}  // namespace lorica
