"""A tiny random llama as GGUF, and the weights that its Hugging Face folder must hold.
usage: pip install gguf==0.19.0 safetensors && python make_tiny.py
Writes tiny_llama.gguf (F32, F16 and Q8_0 tensors, a byte-level BPE, llama3 rope factors) and tiny_llama.safetensors."""
import math
import pathlib

import gguf
import numpy as np
from gguf.quants import dequantize, quantize
from safetensors.numpy import save_file

WIDTH, HEADS, KV_HEADS, FFN, CONTEXT, THETA = 32, 4, 2, 64, 131072, 500000.0
HEAD_DIM = WIDTH // HEADS
here = pathlib.Path(__file__).parent
rng = np.random.default_rng(21)

# GPT-2's printable stand-ins for the 256 bytes
printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
alphabet = [chr(c) for c in printable] + [chr(256 + i) for i in range(256 - len(printable))]
merges = ["h e", "l l", "he ll", "Ġ w"]
tokens = ["<|begin|>", "<|end|>", "<tool>", *alphabet, "he", "ll", "hell", "Ġw", "[PAD1]"]
types = [3, 3, 4, *[1] * (256 + 4), 5]

w = gguf.GGUFWriter(here / "tiny_llama.gguf", "llama")
w.add_block_count(1); w.add_context_length(CONTEXT); w.add_embedding_length(WIDTH); w.add_feed_forward_length(FFN)
w.add_head_count(HEADS); w.add_head_count_kv(KV_HEADS); w.add_rope_freq_base(THETA); w.add_layer_norm_rms_eps(1e-5)
w.add_rope_dimension_count(HEAD_DIM); w.add_vocab_size(len(tokens))
w.add_tokenizer_model("gpt2"); w.add_tokenizer_pre("llama-bpe"); w.add_token_list(tokens); w.add_token_types(types)
w.add_token_merges(merges); w.add_bos_token_id(0); w.add_eos_token_id(1)
w.add_chat_template("{% for m in messages %}{{ m['content'] }}{% endfor %}")

expected = {}


def permute(rows, heads):
    """Neighbouring pairs instead of halves, as llama.cpp stores llama's q and k."""
    return rows.reshape(heads, 2, rows.shape[0] // heads // 2, -1).swapaxes(1, 2).reshape(rows.shape)


def add(name, hf_name, shape, kind=gguf.GGMLQuantizationType.F32, heads=0):
    values = rng.normal(0, 0.1, shape).astype(np.float32)
    if kind == gguf.GGMLQuantizationType.F16:
        values = values.astype(np.float16).astype(np.float32)
    elif kind != gguf.GGMLQuantizationType.F32:
        values = dequantize(quantize(values, kind), kind)
    expected[hf_name] = values
    stored = permute(values, heads) if heads else values
    w.add_tensor(name, stored if kind == gguf.GGMLQuantizationType.F32 else quantize(stored, kind),
                 raw_dtype=None if kind in (0, 1) else kind)


T = gguf.GGMLQuantizationType
L = "model.layers.0."
add("token_embd.weight", "model.embed_tokens.weight", (len(tokens), WIDTH), T.Q8_0)
add("blk.0.attn_norm.weight", L + "input_layernorm.weight", (WIDTH,))
add("blk.0.attn_q.weight", L + "self_attn.q_proj.weight", (WIDTH, WIDTH), T.Q8_0, HEADS)
add("blk.0.attn_k.weight", L + "self_attn.k_proj.weight", (KV_HEADS * HEAD_DIM, WIDTH), T.F32, KV_HEADS)
add("blk.0.attn_v.weight", L + "self_attn.v_proj.weight", (KV_HEADS * HEAD_DIM, WIDTH), T.F16)
add("blk.0.attn_output.weight", L + "self_attn.o_proj.weight", (WIDTH, WIDTH), T.F16)
add("blk.0.ffn_norm.weight", L + "post_attention_layernorm.weight", (WIDTH,))
add("blk.0.ffn_gate.weight", L + "mlp.gate_proj.weight", (FFN, WIDTH), T.Q8_0)
add("blk.0.ffn_up.weight", L + "mlp.up_proj.weight", (FFN, WIDTH), T.Q4_1)
add("blk.0.ffn_down.weight", L + "mlp.down_proj.weight", (WIDTH, FFN), T.Q5_0)
add("output_norm.weight", "model.norm.weight", (WIDTH,))

# Llama 3.2's scaling: factor 32, low 1, high 4, old context 8192
factors = []
for i in range(0, HEAD_DIM, 2):
    freq = THETA ** (-i / HEAD_DIM)
    wavelength = 2 * math.pi / freq
    smooth = (8192 / wavelength - 1) / (4 - 1)
    factors.append(1.0 if wavelength < 8192 / 4 else 32.0 if wavelength > 8192 else 1 / ((1 - smooth) / 32 + smooth))
w.add_tensor("rope_freqs.weight", np.array(factors, dtype=np.float32))
w.write_header_to_file(); w.write_kv_data_to_file(); w.write_tensors_to_file(); w.close()
save_file(expected, here / "tiny_llama.safetensors")
print(factors)
