#include <cmath>
#include <cstring>
#include <unordered_set>

#include "io/formats/gguf_dequant.h"
#include "io/formats/gguf_model.h"
#include "io/formats/printable.h"

namespace lorica {
namespace {

struct Weight {
  std::string gguf_name, name;
  Shape shape;
  int64_t permuted_heads = 0;  // rows of that many heads are interleaved and must be put back
};

std::vector<Weight> expected_weights(const GgufModel& m) {
  const int64_t q_rows = m.heads * m.head_dim, kv_rows = m.kv_heads * m.head_dim;
  // llama.cpp rotates neighbouring pairs in llama models, so its converter interleaves the halves of each head
  const bool permuted = m.architecture == "llama";
  const int64_t q_heads = permuted ? m.heads : 0, k_heads = permuted ? m.kv_heads : 0;
  std::vector<Weight> list{{"token_embd.weight", "model.embed_tokens.weight", {m.vocab, m.width}}};
  for (int64_t i = 0; i < m.layers; ++i) {
    const std::string from = fmt::format("blk.{}.", i), to = fmt::format("model.layers.{}.", i);
    const auto add = [&](const char* gguf_name, const char* name, Shape shape, int64_t heads = 0) {
      list.push_back({from + gguf_name, to + name, shape, heads});
    };
    add("attn_norm.weight", "input_layernorm.weight", {m.width});
    add("attn_q.weight", "self_attn.q_proj.weight", {q_rows, m.width}, q_heads);
    add("attn_k.weight", "self_attn.k_proj.weight", {kv_rows, m.width}, k_heads);
    add("attn_v.weight", "self_attn.v_proj.weight", {kv_rows, m.width});
    add("attn_output.weight", "self_attn.o_proj.weight", {m.width, q_rows});
    if (m.architecture == "qwen2" || m.attention_bias) {
      add("attn_q.bias", "self_attn.q_proj.bias", {q_rows}, q_heads);
      add("attn_k.bias", "self_attn.k_proj.bias", {kv_rows}, k_heads);
      add("attn_v.bias", "self_attn.v_proj.bias", {kv_rows});
      if (m.architecture != "qwen2") add("attn_output.bias", "self_attn.o_proj.bias", {m.width});
    }
    if (m.architecture == "qwen3") {
      add("attn_q_norm.weight", "self_attn.q_norm.weight", {m.head_dim});
      add("attn_k_norm.weight", "self_attn.k_norm.weight", {m.head_dim});
    }
    add("ffn_norm.weight", "post_attention_layernorm.weight", {m.width});
    add("ffn_gate.weight", "mlp.gate_proj.weight", {m.ffn_width, m.width});
    add("ffn_up.weight", "mlp.up_proj.weight", {m.ffn_width, m.width});
    add("ffn_down.weight", "mlp.down_proj.weight", {m.width, m.ffn_width});
  }
  list.push_back({"output_norm.weight", "model.norm.weight", {m.width}});
  if (!m.tied_embeddings) list.push_back({"output.weight", "lm_head.weight", {m.vocab, m.width}});
  return list;
}

/// The row of the file that holds row `row` of the model: within a head, half t and pair j lie at 2 j + t.
int64_t source_row(int64_t row, int64_t rows, int64_t heads) {
  if (heads == 0) return row;
  const int64_t head_dim = rows / heads, head = row / head_dim, half = row % head_dim / (head_dim / 2);
  return head * head_dim + row % (head_dim / 2) * 2 + half;
}

/// Rounds a row to `dtype` at `to`. Throws when a finite value becomes infinite.
void store(const std::vector<float>& row, Dtype dtype, void* to, const std::string& origin, const std::string& name) {
  if (dtype == Dtype::f32) {
    std::memcpy(to, row.data(), row.size() * sizeof(float));
    return;
  }
  const auto convert = [&]<class T>() {
    for (size_t i = 0; i < row.size(); ++i) {
      const T rounded(row[i]);
      if (std::isfinite(row[i]) && !std::isfinite(static_cast<float>(rounded)))
        throw Error("{}: tensor '{}': {} does not fit {}, choose another dtype", origin, name, row[i], name_of(dtype));
      static_cast<T*>(to)[i] = rounded;
    }
  };
  if (dtype == Dtype::bf16)
    convert.template operator()<bf16>();
  else
    convert.template operator()<f16>();
}

TensorToWrite to_write(const GgufFile& file, const GgufTensor& tensor, const Weight& weight, Dtype dtype) {
  const int64_t rows = weight.shape[0], columns = weight.shape.elements() / rows;
  const int64_t row_bytes = static_cast<int64_t>(tensor.bytes.size()) / rows;
  const int64_t heads = weight.permuted_heads;
  auto fill = [=, &file, &tensor](int64_t first, int64_t count, void* to) {
    std::vector<float> row(static_cast<size_t>(columns));
    auto* at = static_cast<char*>(to);
    for (int64_t r = first; r < first + count; ++r, at += row.size() * size_of(dtype)) {
      const char* from = tensor.bytes.data() + source_row(r, rows, heads) * row_bytes;
      dequantize(tensor.block->type, from, columns, row.data());
      store(row, dtype, at, file.origin(), tensor.name);
    }
  };
  return {weight.name, In(nullptr, weight.shape, dtype), fill};
}

}  // namespace

std::vector<TensorToWrite> gguf_weights(const GgufFile& file, const GgufModel& model, Dtype dtype) {
  std::vector<TensorToWrite> result;
  std::unordered_set<std::string_view> used{"rope_freqs.weight"};
  for (const Weight& weight : expected_weights(model)) {
    const GgufTensor* tensor = file.find_tensor(weight.gguf_name);
    if (!tensor) throw Error("{}: tensor '{}': missing", file.origin(), weight.gguf_name);
    if (!(tensor->shape == weight.shape))
      throw Error("{}: tensor '{}': expected {}, got {}", file.origin(), weight.gguf_name, weight.shape.text(),
                  tensor->shape.text());
    if (!can_dequantize(tensor->block->type))
      throw Error("{}: tensor '{}': type {} cannot be converted, supported are {}", file.origin(), weight.gguf_name,
                  tensor->block->name, dequantizable_types());
    if (tensor->shape.rank() == 1 && tensor->block->elements != 1)
      throw Error("{}: tensor '{}': a vector of type {}, expected F32, F16 or BF16", file.origin(), weight.gguf_name,
                  tensor->block->name);
    used.insert(tensor->name);
    result.push_back(to_write(file, *tensor, weight, dtype));
  }
  for (const GgufTensor& tensor : file.tensors())
    if (!used.contains(tensor.name))
      throw Error("{}: tensor '{}': not part of a {} model, and it may change the maths", file.origin(),
                  printable(tensor.name), model.architecture);
  return result;
}

Dtype gguf_natural_dtype(const GgufFile& file) {
  std::optional<GgmlType> common;
  for (const GgufTensor& tensor : file.tensors()) {
    if (tensor.shape.rank() < 2) continue;
    if (common && *common != tensor.block->type) return Dtype::f32;
    common = tensor.block->type;
  }
  if (common == GgmlType::F16) return Dtype::f16;
  if (common == GgmlType::BF16) return Dtype::bf16;
  return Dtype::f32;
}

}  // namespace lorica
