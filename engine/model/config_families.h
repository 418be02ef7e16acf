#pragma once
#include "engine/model/config.h"
#include "engine/model/config_reader.h"

// What config.json means in each family; config.cpp chooses by model_type.
namespace lorica {

/// The whole of a config's rope keys in either naming style. `layer_type` picks one of several sets of parameters
/// ("full_attention", "sliding_attention"); empty: there is one set. `head_dim` is what factors are counted against.
RopeConfig read_rope(ConfigReader& config, int64_t max_positions, int64_t head_dim, const char* layer_type = "");

ModelConfig read_llama(ConfigReader&);  ///< llama, mistral, qwen2, qwen3
ModelConfig read_gemma(ConfigReader&);  ///< gemma2, gemma3_text
ModelConfig read_phi3(ConfigReader&);
ModelConfig read_granite(ConfigReader&);
ModelConfig read_olmo2(ConfigReader&);
ModelConfig read_smollm3(ConfigReader&);
ModelConfig read_gpt2(ConfigReader&);

}  // namespace lorica
