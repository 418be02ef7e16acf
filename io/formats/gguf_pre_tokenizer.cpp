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
constexpr const char* kGpt4o =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
    R"(\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
// The letters of Kimi K2 leave Chinese characters to the first alternative.
constexpr const char* kKimiK2 = R"(\p{Han}+|[^\r\n\p{L}\p{N}]?(?:(?!\p{Han})[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])*)"
                                R"((?:(?!\p{Han})[\p{Ll}\p{Lm}\p{Lo}\p{M}])+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
                                R"([^\r\n\p{L}\p{N}]?(?:(?!\p{Han})[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])+)"
                                R"((?:(?!\p{Han})[\p{Ll}\p{Lm}\p{Lo}\p{M}])*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
                                R"(\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kBailing =
    R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)";
constexpr const char* kSeedCoder =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kBloom = " ?[^(\\s|.,!?…。，、।۔،)]+";
constexpr const char* kOneNumber = R"(\p{N})";
constexpr const char* kUpToThreeNumbers = R"(\p{N}{1,3})";
constexpr const char* kCjkOfDeepSeek3 = "[一-龥\u3040-\u309f\u30a0-\u30ff]+";
constexpr const char* kDeepSeek3 =
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|)"
    R"( ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kLineEnd = R"([\r\n])";
constexpr const char* kSpacedLetters = R"(\s?\p{L}+)";
constexpr const char* kSpacedPunctuation = R"(\s?\p{P}+)";
constexpr const char* kCjkOfDeepSeek = "[一-龥\u0800-一가-퟿]+";
constexpr const char* kFalconPunctuation = R"([\p{P}\$\+<=>\^~\|`]+)";
constexpr const char* kPunctuation = R"([\p{P}\$\+<=>\^~\|]+)";
constexpr const char* kThousands = R"((?=(\d{3})+(?!\d)))";
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
      {"mpt", {}, false, {}},
      {"olmo", {}, false, {}},
      {"jais", {}, false, {}},
      {"trillion", {}, false, {}},
      {"granite-docling", {}, false, {}},
      {"jina-es", {}, false, {}},
      {"jina-de", {}, false, {}},
      {"jina-v2-es", {}, false, {}},
      {"jina-v2-de", {}, false, {}},
      {"gigachat", {}, false, {}},
      {"a.x-4.0", {}, false, {}},
      {"mellum", {}, false, {}},
      {"exaone4", {}, false, {}},
      {"smollm", {}, true, {}},
      {"starcoder", {}, true, {}},
      {"refact", {}, true, {}},
      {"command-r", {}, true, {}},
      {"codeshell", {}, true, {}},
      {"exaone", {}, true, {}},
      {"minerva-7b", {}, true, {}},
      {"llama-bpe", {.ignore_merges = true, .adds_bos = true}, false, {kLlama3}},
      {"llama3", {.ignore_merges = true, .adds_bos = true}, false, {kLlama3}},
      {"llama-v3", {.ignore_merges = true, .adds_bos = true}, false, {kLlama3}},
      {"falcon3", {.ignore_merges = true, .adds_bos = true}, false, {kLlama3}},
      {"falcon-h1", {.ignore_merges = true, .adds_bos = true}, false, {kLlama3}},
      {"pixtral", {.ignore_merges = true, .adds_bos = true}, false, {kLlama3}},
      {"midm-2.0", {.ignore_merges = true, .adds_bos = true}, false, {kLlama3}},
      {"lfm2", {.ignore_merges = true, .adds_bos = true}, false, {kLlama3}},
      {"dbrx", {}, false, {kLlama3}},
      {"smaug-bpe", {}, false, {kLlama3}},
      {"glm4", {}, false, {kLlama3}},
      {"chatglm-bpe", {}, false, {kLlama3}},
      {"tekken", {.ignore_merges = true, .adds_bos = true}, false, {kTekken}},
      {"qwen2", {.nfc = true}, false, {kQwen2}},
      {"deepseek-r1-qwen", {.nfc = true}, false, {kQwen2}},
      {"megrez", {.nfc = true}, false, {kQwen2}},
      {"kormo", {.nfc = true}, false, {kQwen2}},
      {"stablelm2", {}, false, {kQwen2}},
      {"hunyuan", {}, false, {kQwen2}},
      {"grok-2", {}, false, {kQwen2}},
      {"gpt-4o", {}, false, {kGpt4o}},
      {"llama4", {}, false, {kGpt4o}},
      {"minimax-m2", {}, false, {kGpt4o}},
      {"kimi-k2", {}, false, {kKimiK2}},
      {"deepseek-v3", {}, false, {kUpToThreeNumbers, kCjkOfDeepSeek3, kDeepSeek3}},
      {"hunyuan-dense", {}, false, {kUpToThreeNumbers, kCjkOfDeepSeek3, kDeepSeek3}},
      {"deepseek-coder", {}, false, {kLineEnd, kSpacedLetters, kSpacedPunctuation, kCjkOfDeepSeek, kOneNumber}},
      {"falcon", {}, false, {kFalconPunctuation, kGpt2, kThreeDigits}},
      {"bloom", {}, false, {kBloom}},
      {"poro-chat", {}, false, {kBloom}},
      {"gpt3-finnish", {}, false, {kBloom}},
      {"viking", {}, false, {kBloom, kOneNumber}},
      {"bailingmoe", {}, false, {kBailing}},
      {"bailingmoe2", {}, false, {kBailing}},
      {"llada-moe", {}, false, {kBailing}},
      {"seed-coder", {}, false, {kSeedCoder}},
      {"superbpe", {}, false, {kNumbers, kThousands}},
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
