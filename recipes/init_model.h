#pragma once
#include <cstdint>
#include <filesystem>

#include "kernels/dtype.h"

namespace lorica {

struct InitOptions {
  std::filesystem::path config;  ///< config.json of a supported family
  std::filesystem::path to;      ///< the model folder to write
  uint64_t seed = 0;
  Dtype dtype = Dtype::bf16;
  bool overwrite = false;
  int64_t shard_bytes = int64_t{5} << 30;  ///< a file of weights gets no larger, unless a single tensor is
};

struct InitResult {
  int64_t tensors = 0, parameters = 0;
  size_t files = 0;  ///< of weights
};

/// Writes a model folder with random weights, without a tokenizer: for measuring, and to train from nothing. Matrices
/// are normal with the configuration's initializer_range (GPT-2's c_proj divided by sqrt(2 layers)), biases zero, norms
/// one, as Transformers initialises them. Each value is a function of seed, tensor and place. Memory is a few
/// megabytes, whatever the size of the model. Throws Error for a configuration that cannot be used and a folder that is
/// not empty.
InitResult init_model(const InitOptions& options);

}  // namespace lorica
