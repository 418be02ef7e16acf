#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace lorica {

/// How a byte-level BPE cuts text before merging, as the tokenizer.json of the models behind the name says it.
struct GgufPreTokenizer {
  bool nfc = false;            // the text is normalised first
  bool ignore_merges = false;  // a piece that is a token as a whole is not merged
  bool adds_bos = false;       // what llama.cpp does where tokenizer.ggml.add_bos_token is absent
};

/// The row of tokenizer.ggml.pre `name`, or nullptr.
const GgufPreTokenizer* find_gguf_pre_tokenizer(std::string_view name);
/// The "pre_tokenizer" object for a known name.
nlohmann::ordered_json gguf_pre_tokenizer_json(std::string_view name);
/// "default, gpt-2, ...", for messages.
std::string gguf_pre_tokenizer_names();

}  // namespace lorica
