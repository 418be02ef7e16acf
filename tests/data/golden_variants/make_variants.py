"""Tiny random models of families and options beyond golden/, with numbers by Transformers and PEFT.
Run: make_variants.py   (writes the folders beside itself)
Products in float64; norms and rope in float32, as Transformers has them. Layout as golden/ without training."""
import json
import pathlib
import shutil

import torch
import transformers as T
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).parent
V = 61
ALL = "q_proj k_proj v_proj o_proj gate_proj up_proj down_proj".split()


def base(**changes):
    return dict(vocab_size=V, hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=3,
                num_key_value_heads=1, max_position_embeddings=64, bos_token_id=1, eos_token_id=2, pad_token_id=0,
                tie_word_embeddings=False) | changes


def rope(kind, **parameters):
    return dict(rope_type=kind, rope_theta=10000.0) | parameters


CASES = {
    "granite": (T.GraniteConfig, base(embedding_multiplier=3.0, residual_multiplier=0.4, logits_scaling=2.5,
                                      attention_multiplier=0.2, mlp_bias=True, attention_bias=True), ALL),
    "olmo2": (T.Olmo2Config, base(num_key_value_heads=3), ALL),
    "smollm3": (T.SmolLM3Config, base(num_hidden_layers=4, tie_word_embeddings=True), ALL),
    "llama_biases_linear": (T.LlamaConfig, base(attention_bias=True, mlp_bias=True, hidden_act="gelu",
                                                rope_parameters=rope("linear", factor=4.0)), ALL),
    "llama_yarn": (T.LlamaConfig, base(head_dim=16, rope_parameters=rope(
        "yarn", factor=4.0, original_max_position_embeddings=16, beta_fast=4.0)), ALL),
    "llama_dynamic": (T.LlamaConfig, base(max_position_embeddings=8, rope_parameters=rope("dynamic", factor=3.0)), ALL),
    "phi3_longrope": (T.Phi3Config, base(
        original_max_position_embeddings=8, head_dim=8, sliding_window=6, num_key_value_heads=3,
        rope_parameters=rope("longrope", partial_rotary_factor=0.75, short_factor=[1.0, 1.1, 1.3],
                             long_factor=[1.5, 2.5, 4.0])), ["qkv_proj", "o_proj", "gate_up_proj", "down_proj"]),
    "qwen3_window": (T.Qwen3Config, base(head_dim=8, use_sliding_window=True, sliding_window=4, max_window_layers=1), ALL),
    "gemma3_scaled": (T.Gemma3TextConfig, base(
        head_dim=8, sliding_window=5, num_hidden_layers=3, query_pre_attn_scalar=12, tie_word_embeddings=True,
        layer_types=["sliding_attention", "full_attention", "sliding_attention"],
        rope_parameters={"full_attention": dict(rope_type="linear", factor=8.0, rope_theta=1000000.0),
                         "sliding_attention": dict(rope_type="default", rope_theta=10000.0)}), ALL),
    "gpt2_options": (T.GPT2Config, dict(
        vocab_size=V, n_embd=24, n_layer=2, n_head=3, n_positions=32, n_inner=40, activation_function="gelu",
        scale_attn_by_inverse_layer_idx=True, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=1,
        eos_token_id=2), ["c_attn", "c_proj", "c_fc"]),
}


def loss_of(model, x, y):
    logits = model(input_ids=x, use_cache=False).logits
    return logits, torch.nn.functional.cross_entropy(logits[:, :-1].reshape(-1, V), y[:, 1:].reshape(-1), ignore_index=-100)


def one(name, config_class, settings, targets, seed):
    torch.manual_seed(seed)
    out = HERE / name
    shutil.rmtree(out, ignore_errors=True)
    config = config_class(**settings)
    model = T.AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    with torch.no_grad():
        for n, p in model.named_parameters():
            if ("norm" in n or "ln_" in n) and n.endswith("weight"):
                p.copy_((0.0 if "gemma" in name else 1.0) + 0.2 * torch.randn_like(p))
            else:
                p.copy_((0.4 if "embed" in n or "wte" in n else 0.2) * torch.randn_like(p))
    model.eval()
    model.save_pretrained(out)
    model = model.double()
    x = torch.randint(3, V, (2, 13))
    y = x.clone()
    y[:, :4] = -100
    y[1, 10:] = -100
    golden = {"input_ids": x, "labels": y}
    golden["logits"], loss = loss_of(model, x, y)
    loss.backward()
    golden["loss"] = loss.reshape(1)
    golden |= {"grad." + n: p.grad for n, p in model.named_parameters() if p.grad is not None}
    model.zero_grad(set_to_none=True)
    adapted = get_peft_model(model, LoraConfig(r=3, lora_alpha=6, target_modules=targets, task_type="CAUSAL_LM",
                                               fan_in_fan_out=name.startswith("gpt2")))
    with torch.no_grad():
        for n, p in adapted.named_parameters():
            if "lora_" in n:
                p.copy_(0.2 * torch.randn_like(p).float().to(p.dtype))
    adapted.float().save_pretrained(out / "adapter")
    adapted.double()
    golden["lora.logits"], loss = loss_of(adapted, x, y)
    loss.backward()
    golden["lora.loss"] = loss.reshape(1)
    golden |= {"lora.grad." + n.replace(".default", ""): p.grad for n, p in adapted.named_parameters() if p.requires_grad}
    save_file({k: (v if v.dtype == torch.int64 else v.float()).detach().contiguous() for k, v in golden.items()},
              out / "golden.safetensors", metadata={"format": "pt"})
    (out / "adapter" / "README.md").unlink(missing_ok=True)
    print(name, float(golden["loss"]), float(golden["lora.loss"]))


for i, (name, (config_class, settings, targets)) in enumerate(CASES.items()):
    one(name, config_class, settings, targets, 300 + i)
