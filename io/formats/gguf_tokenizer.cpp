#include <nlohmann/json.hpp>
#include <unordered_map>
#include <unordered_set>

#include "io/formats/gguf_model.h"
#include "io/formats/gguf_pre_tokenizer.h"
#include "io/formats/printable.h"
#include "io/tokenizer/sentencepiece_merges.h"
#include "io/tokenizer/utf8.h"

namespace lorica {
namespace {

using nlohmann::ordered_json;

// values of tokenizer.ggml.token_type
enum TokenType : int64_t { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };

struct Vocabulary {
  const std::vector<std::string_view>& tokens;
  std::vector<int64_t> types;

  bool is_added(size_t id) const { return types[id] == kUnknown || types[id] == kControl || types[id] == kUserDefined; }
};

// Whether the vocabulary is SentencePiece's, pieces with scores; else it is byte-level.
bool is_sentencepiece(const GgufFile& file) {
  const std::string_view model = file.text("tokenizer.ggml.model");
  if (model != "gpt2" && model != "llama")
    throw Error(
        "{}: metadata 'tokenizer.ggml.model': '{}' cannot be converted, supported are gpt2 (byte-level BPE) and llama "
        "(SentencePiece BPE); take the tokenizer.json of the original model instead",
        file.origin(), printable(model));
  return model == "llama";
}

std::string_view pre_tokenizer_name(const GgufFile& file) {
  const std::string_view name = file.text("tokenizer.ggml.pre");
  if (!find_gguf_pre_tokenizer(name))
    throw Error("{}: metadata 'tokenizer.ggml.pre': '{}' is not known, supported are {}", file.origin(),
                printable(name), gguf_pre_tokenizer_names());
  return name;
}

Vocabulary read_vocabulary(const GgufFile& file) {
  const int64_t last_type = is_sentencepiece(file) ? kByte : kUnused;
  Vocabulary v{file.strings("tokenizer.ggml.tokens"), {}};
  const auto fail = [&](size_t id, const std::string& problem) {
    throw Error("{}: metadata 'tokenizer.ggml.tokens': token {} ('{}'): {}", file.origin(), id, printable(v.tokens[id]),
                problem);
  };
  v.types = file.contains("tokenizer.ggml.token_type") ? file.integers("tokenizer.ggml.token_type")
                                                       : std::vector<int64_t>(v.tokens.size(), kNormal);
  if (v.types.size() != v.tokens.size())
    throw Error("{}: metadata 'tokenizer.ggml.token_type': expected {} values, one a token, got {}", file.origin(),
                v.tokens.size(), v.types.size());
  std::unordered_map<std::string_view, size_t> seen;
  for (size_t id = 0; id < v.tokens.size(); ++id) {
    if (v.types[id] < kNormal || v.types[id] > last_type)
      fail(id, fmt::format("type {} does not occur in such a vocabulary", v.types[id]));
    if (!utf8::is_valid(v.tokens[id])) fail(id, "is not UTF-8");
    if (v.types[id] == kUnused) continue;
    const auto [first, inserted] = seen.emplace(v.tokens[id], id);
    if (!inserted) fail(id, fmt::format("is token {} too", first->second));
  }
  return v;
}

ordered_json merges_json(const GgufFile& file, const Vocabulary& vocabulary) {
  const std::unordered_set<std::string_view> known(vocabulary.tokens.begin(), vocabulary.tokens.end());
  ordered_json result = ordered_json::array();
  std::string joined;
  const auto& merges = file.strings("tokenizer.ggml.merges");
  for (size_t i = 0; i < merges.size(); ++i) {
    const size_t space = merges[i].find(' ', 1);
    const bool two = space != std::string_view::npos && space + 1 < merges[i].size() &&
                     merges[i].find(' ', space + 1) == std::string_view::npos;
    const std::string_view left = merges[i].substr(0, two ? space : 0), right = merges[i].substr(two ? space + 1 : 0);
    joined.assign(left).append(right);
    if (!two || !known.contains(left) || !known.contains(right) || !known.contains(joined))
      throw Error("{}: metadata 'tokenizer.ggml.merges': merge {} ('{}'): expected two tokens whose union is a token",
                  file.origin(), i, printable(merges[i]));
    result.push_back(merges[i]);
  }
  return result;
}

ordered_json added_token(std::string_view content, bool special) {
  return {{"content", content}, {"single_word", false}, {"lstrip", false},
          {"rstrip", false},    {"normalized", false},  {"special", special}};
}

/// What surrounds a sequence: <bos> ... <eos>, as the flags say; null where nothing is added.
ordered_json post_processor_json(const GgufFile& file, const Vocabulary& vocabulary, bool adds_bos) {
  const bool bos = file.flag("tokenizer.ggml.add_bos_token", adds_bos),
             eos = file.flag("tokenizer.ggml.add_eos_token", false);
  if (!bos && !eos) return nullptr;
  ordered_json special_tokens = ordered_json::object(), single = ordered_json::array(), pair = ordered_json::array();
  const auto add_token = [&](const char* key, ordered_json& to, int type) {
    const auto id = gguf_token_id(file, key);
    if (!id) throw Error("{}: metadata '{}': missing, and the tokenizer is to add this token", file.origin(), key);
    const std::string_view token = vocabulary.tokens[static_cast<size_t>(*id)];
    to.push_back({{"SpecialToken", {{"id", token}, {"type_id", type}}}});
    special_tokens[std::string(token)] = {
        {"id", token}, {"ids", ordered_json::array({*id})}, {"tokens", ordered_json::array({token})}};
  };
  const auto add_sequence = [&](ordered_json& to, const char* name, int type) {
    if (bos) add_token("tokenizer.ggml.bos_token_id", to, type);
    to.push_back({{"Sequence", {{"id", name}, {"type_id", type}}}});
    if (eos) add_token("tokenizer.ggml.eos_token_id", to, type);
  };
  add_sequence(single, "A", 0);
  add_sequence(pair, "A", 0);
  add_sequence(pair, "B", 1);
  return {{"type", "TemplateProcessing"}, {"single", single}, {"pair", pair}, {"special_tokens", special_tokens}};
}

// The parts of a tokenizer.json that the two kinds differ in; those of byte-level BPE:
void add_byte_level(const GgufFile& file, const Vocabulary& vocabulary, ordered_json& result) {
  const std::string_view pre_name = pre_tokenizer_name(file);
  const GgufPreTokenizer& traits = *find_gguf_pre_tokenizer(pre_name);
  result["normalizer"] = traits.nfc ? ordered_json{{"type", "NFC"}} : ordered_json(nullptr);
  result["pre_tokenizer"] = gguf_pre_tokenizer_json(pre_name);
  result["post_processor"] = post_processor_json(file, vocabulary, traits.adds_bos);
  result["decoder"] = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}};
  result["model"]["ignore_merges"] = traits.ignore_merges;
  result["model"]["merges"] = merges_json(file, vocabulary);
}

// SentencePiece's, as published tokenizer.json files of Llama 2 write it.
void add_sentencepiece(const GgufFile& file, const Vocabulary& vocabulary, ordered_json& result) {
  const std::vector<float> scores = file.floats("tokenizer.ggml.scores");
  if (scores.size() != vocabulary.tokens.size())
    throw Error("{}: metadata 'tokenizer.ggml.scores': expected {} values, one a token, got {}", file.origin(),
                vocabulary.tokens.size(), scores.size());
  if (file.flag("tokenizer.ggml.remove_extra_whitespaces", false))
    throw Error("{}: metadata 'tokenizer.ggml.remove_extra_whitespaces': true is not supported", file.origin());
  const bool prefix = file.flag("tokenizer.ggml.add_space_prefix", true);
  const auto may_merge = std::make_unique<bool[]>(scores.size());
  for (size_t id = 0; id < scores.size(); ++id) {
    may_merge[id] = vocabulary.types[id] == kNormal;
    if (vocabulary.types[id] == kUnknown) result["model"]["unk_token"] = vocabulary.tokens[id];
  }
  ordered_json normalizers = ordered_json::array(), decoders = ordered_json::array();
  if (prefix) normalizers.push_back({{"type", "Prepend"}, {"prepend", "▁"}});
  normalizers.push_back({{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "▁"}});
  decoders.push_back({{"type", "Replace"}, {"pattern", {{"String", "▁"}}}, {"content", " "}});
  decoders.push_back({{"type", "ByteFallback"}});
  decoders.push_back({{"type", "Fuse"}});
  if (prefix) decoders.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  result["normalizer"] = {{"type", "Sequence"}, {"normalizers", std::move(normalizers)}};
  result["pre_tokenizer"] = nullptr;
  result["post_processor"] = post_processor_json(file, vocabulary, /*adds_bos=*/true);
  result["decoder"] = {{"type", "Sequence"}, {"decoders", std::move(decoders)}};
  result["model"]["fuse_unk"] = true;
  result["model"]["byte_fallback"] = true;
  result["model"]["ignore_merges"] = false;
  result["model"]["merges"] = merges_by_score(vocabulary.tokens, scores, std::span(may_merge.get(), scores.size()));
}

}  // namespace

ordered_json gguf_tokenizer_json(const GgufFile& file) {
  const Vocabulary vocabulary = read_vocabulary(file);
  ordered_json added = ordered_json::array();
  ordered_json::object_t vocab;  // filled as the vector that it is: its operator[] searches from the front
  for (size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    if (vocabulary.types[id] == kUnused) continue;
    vocab.push_back({std::string(vocabulary.tokens[id]), id});
    if (!vocabulary.is_added(id)) continue;
    ordered_json token = {{"id", id}};
    token.update(added_token(vocabulary.tokens[id], vocabulary.types[id] != kUserDefined));
    added.push_back(std::move(token));
  }
  ordered_json result;
  result["version"] = "1.0";
  result["truncation"] = nullptr;
  result["padding"] = nullptr;
  result["added_tokens"] = std::move(added);
  for (const char* part : {"normalizer", "pre_tokenizer", "post_processor", "decoder"}) result[part] = nullptr;
  result["model"] = {{"type", "BPE"},
                     {"dropout", nullptr},
                     {"unk_token", nullptr},
                     {"continuing_subword_prefix", nullptr},
                     {"end_of_word_suffix", nullptr},
                     {"fuse_unk", false},
                     {"byte_fallback", false}};
  result["model"]["vocab"] = std::move(vocab);
  if (is_sentencepiece(file))
    add_sentencepiece(file, vocabulary, result);
  else
    add_byte_level(file, vocabulary, result);
  return result;
}

std::optional<std::string_view> gguf_chat_template(const GgufFile& file) {
  if (!file.contains("tokenizer.chat_template")) return std::nullopt;
  const std::string_view text = file.text("tokenizer.chat_template");
  if (!utf8::is_valid(text)) throw Error("{}: metadata 'tokenizer.chat_template': is not UTF-8", file.origin());
  return text;
}

ordered_json gguf_tokenizer_config_json(const GgufFile& file, const GgufModel& model) {
  const Vocabulary vocabulary = read_vocabulary(file);
  ordered_json decoder = ordered_json::object();
  for (size_t id = 0; id < vocabulary.tokens.size(); ++id)
    if (vocabulary.is_added(id))
      decoder[std::to_string(id)] = added_token(vocabulary.tokens[id], vocabulary.types[id] != kUserDefined);
  ordered_json result;
  result["add_prefix_space"] = false;
  result["added_tokens_decoder"] = std::move(decoder);
  result["clean_up_tokenization_spaces"] = false;
  result["model_max_length"] = model.context;
  const std::pair<const char*, const char*> kTokens[] = {{"bos_token", "tokenizer.ggml.bos_token_id"},
                                                         {"eos_token", "tokenizer.ggml.eos_token_id"},
                                                         {"pad_token", "tokenizer.ggml.padding_token_id"},
                                                         {"unk_token", "tokenizer.ggml.unknown_token_id"}};
  for (const auto& [name, key] : kTokens)
    if (const auto id = gguf_token_id(file, key)) result[name] = vocabulary.tokens[static_cast<size_t>(*id)];
  // the class that takes tokenizer.json as it is; those named after a model build their own pre-tokenizer
  result["tokenizer_class"] = "PreTrainedTokenizerFast";
  if (const auto text = gguf_chat_template(file)) result["chat_template"] = *text;
  return result;
}

}  // namespace lorica
