"""Inverse frequencies by Transformers for several rotary settings, with the config.json keys of both styles.
Run: make_frequencies.py > frequencies.json"""
import json
from transformers import LlamaConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

LLAMA3 = dict(rope_type="llama3", rope_theta=500000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
              original_max_position_embeddings=8192)
CASES = [
    (64, dict(rope_type="default", rope_theta=10000.0)),
    (128, dict(rope_type="default", rope_theta=1000000.0)),
    (128, LLAMA3),
    (64, LLAMA3 | dict(factor=32.0)),
    (16, LLAMA3 | dict(original_max_position_embeddings=32)),
    (64, dict(rope_type="linear", rope_theta=10000.0, factor=4.0)),
]
out = []
for head_dim, rope in CASES:
    config = LlamaConfig(hidden_size=4 * head_dim, num_attention_heads=4, head_dim=head_dim, rope_parameters=dict(rope),
                         max_position_embeddings=131072)
    frequencies = LlamaRotaryEmbedding(config).inv_freq.double().tolist()
    out.append(dict(head_dim=head_dim, rope_parameters=rope, frequencies=frequencies))
print(json.dumps(out, indent=0))
