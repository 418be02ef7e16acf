"""A random Llama with a tokenizer of its own, for tests of the whole program.

usage: make_model.py CHAT_ROWS.jsonl      writes the model folder and train.jsonl, heldout.jsonl beside this script

CHAT_ROWS.jsonl is recipes/data/bitext/train.jsonl: its first short rows become the data, and the byte-pair merges are
learnt from their texts. Written with PyTorch 2.15, Transformers 5.23, tokenizers 0.23.3.
"""
import json
import pathlib
import sys

import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM

HERE = pathlib.Path(__file__).parent
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TEMPLATE = ("{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' "
            "+ '\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}\n")


def short_rows(path, count):
    """Rows of at most 330 characters, no two with the same prompt."""
    rows, prompts = [], set()
    for line in open(path, encoding="utf-8"):
        row = json.loads(line)
        size = sum(len(m["content"]) for m in row["messages"])
        prompt = row["messages"][0]["content"]
        if size <= 330 and prompt not in prompts:
            rows.append(row)
            prompts.add(prompt)
        if len(rows) == count:
            return rows


def make_tokenizer(texts):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=400, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=[AddedToken(t, special=True, normalized=False) for t in SPECIAL]))
    return tokenizer


def main():
    rows = short_rows(sys.argv[1], 56)
    for name, part in (("train.jsonl", rows[:40]), ("heldout.jsonl", rows[40:])):
        with open(HERE / name, "w", encoding="utf-8") as out:
            for row in part:
                out.write(json.dumps(row, ensure_ascii=False) + "\n")

    tokenizer = make_tokenizer([m["content"] for row in rows for m in row["messages"]])
    spec = json.loads(tokenizer.to_str())
    (HERE / "tokenizer.json").write_text(json.dumps(spec, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>",
                "model_max_length": 1024}
    (HERE / "tokenizer_config.json").write_text(json.dumps(settings, indent=1) + "\n")
    (HERE / "chat_template.jinja").write_text(TEMPLATE)

    torch.manual_seed(20250301)
    config = LlamaConfig(vocab_size=tokenizer.get_vocab_size(), hidden_size=48, intermediate_size=96, num_hidden_layers=2,
                         num_attention_heads=3, num_key_value_heads=1, max_position_embeddings=1024, head_dim=16,
                         bos_token_id=0, eos_token_id=2, pad_token_id=0, tie_word_embeddings=False, initializer_range=0.15,
                         dtype="float32")
    model = LlamaForCausalLM(config)
    config.architectures = ["LlamaForCausalLM"]
    config.to_json_file(HERE / "config.json", use_diff=True)
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, HERE / "model.safetensors",
              metadata={"format": "pt"})


main()
