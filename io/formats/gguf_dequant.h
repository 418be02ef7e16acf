#pragma once
#include <cstdint>
#include <string>

#include "io/formats/gguf.h"

namespace lorica {

/// Whether dequantize() takes this type: F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K.
bool can_dequantize(GgmlType type);
/// The list above for messages: "F32, F16, ...".
std::string dequantizable_types();

/// Blocks as they lie in a GGUF file -> elements / block size whole blocks of f32, with the products and sums of
/// llama.cpp's reference in the same order: the results agree bit for bit. `elements` is a multiple of the block size,
/// and `blocks` need not be aligned. Reference: the Python package gguf, gguf/quants.py.
void dequantize(GgmlType type, const void* blocks, int64_t elements, float* to);

}  // namespace lorica
