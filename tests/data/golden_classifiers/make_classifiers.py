"""Tiny random models whose classifier's head is trained beside a LoRA adapter, with numbers by Transformers and PEFT.
Run: make_classifiers.py   (writes the folders beside itself)
The head is in PEFT's modules_to_save, as task_type SEQ_CLS puts it there. Products in float64; norms and rope in float32,
as Transformers has them. Layout as golden/, with one label a row and a right-padded batch."""
import json
import pathlib
import shutil

import torch
import transformers as T
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).parent
V = 61
ADAMW = dict(lr=1e-2, betas=[0.9, 0.999], eps=1e-8, weight_decay=0.1, max_grad_norm=1.0, steps=10)
LLAMA = dict(vocab_size=V, hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=3,
             num_key_value_heads=1, max_position_embeddings=64, bos_token_id=1, eos_token_id=2, pad_token_id=0)
GEMMA = LLAMA | dict(head_dim=8, sliding_window=16, query_pre_attn_scalar=12, final_logit_softcapping=0.5)
GPT2 = dict(vocab_size=V, n_embd=24, n_layer=2, n_head=3, n_positions=32, n_inner=40, resid_pdrop=0.0, embd_pdrop=0.0,
            attn_pdrop=0.0, bos_token_id=1, eos_token_id=2, pad_token_id=0)
ALL = "q_proj k_proj v_proj o_proj gate_proj up_proj down_proj".split()
CASES = {
    "llama_3": (T.LlamaConfig, LLAMA, ALL, ["negative", "neutral", "positive"]),
    "llama_5": (T.LlamaConfig, LLAMA, ["q_proj", "v_proj"], ["anger", "fear", "joy", "neutral", "sadness"]),
    "gemma2_2": (T.Gemma2Config, GEMMA, ALL, ["no", "yes"]),
    "gpt2_3": (T.GPT2Config, GPT2, ["c_attn", "c_proj", "c_fc"], ["a", "b", "c"]),
}


def named(model):
    """Trained parameters by the keys of PEFT's file."""
    return {n.replace(".modules_to_save.default", "").replace(".default", ""): p
            for n, p in model.named_parameters() if p.requires_grad}


def one(name, config_class, settings, targets, labels, seed):
    torch.manual_seed(seed)
    out = HERE / name
    shutil.rmtree(out, ignore_errors=True)
    config = config_class(**settings, id2label=dict(enumerate(labels)), label2id={l: i for i, l in enumerate(labels)})
    model = T.AutoModelForSequenceClassification.from_config(config, attn_implementation="eager")
    with torch.no_grad():
        for n, p in model.named_parameters():
            if ("norm" in n or "ln_" in n) and n.endswith("weight"):
                p.copy_((0.0 if "gemma" in name else 1.0) + 0.2 * torch.randn_like(p))
            else:
                p.copy_((0.4 if "embed" in n or "wte" in n else 0.2) * torch.randn_like(p))
    model.eval()
    model.save_pretrained(out)
    model.double()
    lengths = [9, 4, 12, 1, 7]
    x, mask = torch.zeros(len(lengths), max(lengths), dtype=torch.int64), torch.zeros(len(lengths), max(lengths), dtype=torch.int64)
    for i, n in enumerate(lengths):
        x[i, :n], mask[i, :n] = torch.randint(3, V, (n,)), 1
    y = torch.randint(0, len(labels), (len(lengths),))
    golden = {"input_ids": x, "attention_mask": mask, "labels": y}

    def loss_of(m):
        logits = m(input_ids=x, attention_mask=mask, use_cache=False).logits
        return logits, torch.nn.functional.cross_entropy(logits, y)

    golden["logits"], loss = loss_of(model)
    loss.backward()
    golden["loss"] = loss.reshape(1)
    golden |= {"grad." + n: p.grad for n, p in model.named_parameters()}
    model.zero_grad(set_to_none=True)

    adapted = get_peft_model(model, LoraConfig(r=3, lora_alpha=6, target_modules=targets, task_type="SEQ_CLS",
                                               fan_in_fan_out=name.startswith("gpt2")))
    with torch.no_grad():
        for p in named(adapted).values():
            p.copy_(0.2 * torch.randn_like(p).float().to(p.dtype))
    adapted.float().save_pretrained(out / "adapter")
    adapted.double()
    golden["lora.logits"], loss = loss_of(adapted)
    loss.backward()
    golden["lora.loss"] = loss.reshape(1)
    golden |= {"lora.grad." + n: p.grad.clone() for n, p in named(adapted).items()}
    adapted.zero_grad(set_to_none=True)
    trained = list(named(adapted).values())
    optimizer = torch.optim.AdamW(trained, lr=ADAMW["lr"], betas=ADAMW["betas"], eps=ADAMW["eps"],
                                  weight_decay=ADAMW["weight_decay"])
    losses, norms = [], []
    for _ in range(ADAMW["steps"]):
        loss = loss_of(adapted)[1]
        loss.backward()
        losses.append(loss.item())
        norms.append(torch.nn.utils.clip_grad_norm_(trained, ADAMW["max_grad_norm"]).item())
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    golden["lora.train.losses"], golden["lora.train.grad_norms"] = torch.tensor(losses), torch.tensor(norms)
    golden |= {"lora.train.final." + n: p for n, p in named(adapted).items()}
    save_file({k: (v if v.dtype == torch.int64 else v.float()).detach().contiguous() for k, v in golden.items()},
              out / "golden.safetensors", metadata={"format": "pt"})
    (out / "about.json").write_text(json.dumps({"adamw": ADAMW, "transformers": T.__version__}, indent=1))
    (out / "adapter" / "README.md").unlink(missing_ok=True)
    print(name, float(golden["loss"]), losses[0], losses[-1])


for i, (name, case) in enumerate(CASES.items()):
    one(name, *case, 500 + i)
