"""LoRA training of the same batches by PyTorch + PEFT and by lorica, in turns.

usage: compare_torch.py [--model DIR] [--lorica PROGRAM] [--precision f32|bf16] [--rounds N] [--steps N] [--case NAME]

Cases:  synthetic      2 sequences of 512 tokens of real text, every token but the first labelled
        conversations  8 support chats a step, only the replies labelled; PyTorch pads them, lorica packs them
Rank 16 on all seven projections, AdamW, two threads, both from one adapter, both reading one JSONL file. Every run is a
process of its own, so peak memory (ru_maxrss) is its own. Tokens are real ones, padding is not counted; the first step of a
run warms up and is not timed. Losses must agree, or the comparison is refused."""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
THREADS = 2
RATE = 2e-4
FLOPS_A_TOKEN = 0.62e9  # of the synthetic case: 4 per weight, 6 per factor of the adapter, 6 L d T of attention
EPSILON = {"f32": 1e-3, "bf16": 2e-2}  # largest relative difference of the losses


# Child processes: they import PyTorch, the parent never does, as its size would count as theirs.

def child_prepare(spec):
    """The start adapter by PEFT, B not zero, and the rows of each case."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer
    work = pathlib.Path(spec["work"])
    torch.manual_seed(0)
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(spec["model"], dtype=torch.float32), LoraConfig(
        r=16, lora_alpha=32, task_type="CAUSAL_LM",
        target_modules="q_proj k_proj v_proj o_proj gate_proj up_proj down_proj".split()))
    for name, value in model.named_parameters():
        if "lora_B" in name:
            value.data.normal_(std=0.01)
    model.save_pretrained(work / "adapter")

    source = [json.loads(line) for line in open(ROOT / "recipes/data/bitext/train.jsonl", encoding="utf-8")]
    with open(work / "conversations.jsonl", "w", encoding="utf-8") as out:
        for row in source[: 8 * spec["steps"]]:
            out.write(json.dumps({"messages": row["messages"]}, ensure_ascii=False) + "\n")
    tokenizer = AutoTokenizer.from_pretrained(spec["model"])
    words = " ".join(row["messages"][1]["content"].replace("\r", "") for row in source).split(" ")
    with open(work / "synthetic.jsonl", "w", encoding="utf-8") as out:
        at = 0
        for _ in range(2 * spec["steps"]):
            length, text = 510, ""  # and the prompt, one token, and the end token: 512 or a little less
            while len(tokenizer(text + " " + words[at]).input_ids) <= length:
                text += " " + words[at]
                at += 1
            out.write(json.dumps({"prompt": "The", "response": text}, ensure_ascii=False) + "\n")
    return {}


def token_rows(spec):
    """Ids and labels of every row: what lorica makes of the file, by Transformers' tokenizer and chat template."""
    from transformers import AutoTokenizer
    tokenizer = AutoTokenizer.from_pretrained(spec["model"])
    rows = []
    for line in open(spec["data"], encoding="utf-8"):
        row = json.loads(line)
        if "messages" in row:
            text = tokenizer.apply_chat_template(row["messages"], tokenize=False)
            head = tokenizer.apply_chat_template(row["messages"][:1], tokenize=False, add_generation_prompt=True)
            assert text.startswith(head)
            tail = text[len(head):]
        else:
            head, tail = row["prompt"], row["response"] + tokenizer.eos_token
        prompt = tokenizer(head, add_special_tokens=False).input_ids
        reply = tokenizer(tail, add_special_tokens=False).input_ids
        end = max(i for i, token in enumerate(reply) if token == tokenizer.eos_token_id) + 1
        rows.append((prompt + reply, [-100] * len(prompt) + reply[:end] + [-100] * (len(reply) - end)))
    return rows


def child_torch(spec):
    import time
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM
    torch.set_num_threads(THREADS)
    bf16 = spec["precision"] == "bf16"
    model = AutoModelForCausalLM.from_pretrained(spec["model"], dtype=torch.bfloat16 if bf16 else torch.float32)
    model = PeftModel.from_pretrained(model, spec["adapter"], is_trainable=True).train()
    weights = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=RATE, weight_decay=0.0)
    rows, size, steps = token_rows(spec), spec["batch"], []
    for first in range(0, len(rows), size):
        batch = rows[first:first + size]
        start, width = time.perf_counter(), max(len(ids) for ids, _ in batch)
        def padded(lists, value):
            return torch.tensor([entries + [value] * (width - len(entries)) for entries in lists])
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            loss = model(input_ids=padded([ids for ids, _ in batch], 2), labels=padded([l for _, l in batch], -100),
                         attention_mask=padded([[1] * len(ids) for ids, _ in batch], 0), use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        steps.append({"seconds": time.perf_counter() - start, "loss": float(loss.detach()),
                      "tokens": sum(len(ids) for ids, _ in batch),
                      "trained_tokens": sum(label != -100 for _, labels in batch for label in labels[1:])})
    return {"steps": steps}


def child_peak(spec):
    """What a large matrix product reaches through PyTorch's oneDNN, FLOP/s, on random data."""
    import time
    import torch
    torch.set_num_threads(THREADS)
    n, best = 2048, {}
    for name, dtype in (("f32", torch.float32), ("bf16", torch.bfloat16)):
        a, b = torch.randn(n, n).to(dtype), torch.randn(n, n).to(dtype)
        times = []
        for _ in range(12):
            start = time.perf_counter()
            torch.mm(a, b)
            times.append(time.perf_counter() - start)
        best[name] = 2 * n ** 3 / min(times)
    return best


CHILDREN = {"prepare": child_prepare, "torch": child_torch, "peak": child_peak}


def run(command, log):
    """Runs a command and returns its own peak memory in bytes."""
    environment = dict(os.environ, OMP_NUM_THREADS=str(THREADS), HF_HUB_OFFLINE="1")
    with open(log, "w") as output:
        process = subprocess.Popen([str(part) for part in command], stdout=output, stderr=subprocess.STDOUT, cwd=ROOT,
                                   env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{command[0]} failed:\n{open(log).read()}")
    return usage.ru_maxrss * 1024


def run_child(name, spec, work):
    spec_file, result_file = work / f"{name}.json", work / f"{name}.result.json"
    spec_file.write_text(json.dumps(spec))
    memory = run([sys.executable, __file__, "--child", name, spec_file, result_file], work / f"{name}.log")
    return json.loads(result_file.read_text()) | {"memory": memory}


def run_lorica(program, spec, work):
    (work / "recipe.yaml").write_text(f"""
model: {{path: {spec['model']}, precision: {spec['precision']}}}
data: {{train: {spec['data']}, format: {spec['format']}, shuffle: false}}
adapter: {{path: {spec['adapter']}}}
train: {{max_steps: {spec['steps']}, examples_per_step: {spec['batch']}, micro_batch_tokens: 8192,
        learning_rate: {RATE}, lr_scheduler_type: constant, warmup_ratio: 0}}
output: {{dir: {work / 'run'}}}
""".replace("format: prompt_response", "format: prompt_response, prompt_column: prompt, response_column: response"))
    memory = run([program, "train", work / "recipe.yaml", "--overwrite"], work / "lorica.log")
    entries = [json.loads(line) for line in open(work / "run/metrics.jsonl")]
    return {"memory": memory, "steps": [e | {"seconds": e["tokens"] / e["tokens_per_second"]} for e in entries]}


def without_template(model, folder):
    """The model without its chat template: lorica then trains on prompt + response + end token."""
    shutil.copytree(model, folder, symlinks=False, ignore=shutil.ignore_patterns("*.safetensors", "*.jinja"))
    for file in model.glob("*.safetensors"):
        (folder / file.name).symlink_to(file)
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text())
    config.pop("chat_template", None)
    path.write_text(json.dumps(config))
    return folder


def speed(result):
    steps = result["steps"][1:]
    return sum(step["tokens"] for step in steps) / sum(step["seconds"] for step in steps)


def check_same(torch_run, lorica_run, precision):
    for step, (a, b) in enumerate(zip(torch_run["steps"], lorica_run["steps"], strict=True), 1):
        for key in ("tokens", "trained_tokens"):
            if a[key] != b[key]:
                sys.exit(f"step {step}: {key}: {a[key]} in PyTorch, {b[key]} in lorica")
        if not abs(a["loss"] - b["loss"]) <= EPSILON[precision] * a["loss"]:
            sys.exit(f"step {step}: loss {a['loss']:.6f} in PyTorch, {b['loss']:.6f} in lorica")


def compare(case, arguments, spec, work):
    runs = {"torch": [], "lorica": []}
    for number in range(arguments.rounds):
        runs["torch"].append(run_child("torch", spec, work))
        runs["lorica"].append(run_lorica(arguments.lorica, spec, work))
        check_same(runs["torch"][-1], runs["lorica"][-1], spec["precision"])
        print(f"{case} {spec['precision']} round {number + 1}: " + ", ".join(
            f"{name} {speed(results[-1]):.1f} tokens/s {results[-1]['memory'] / 1e9:.2f} GB"
            for name, results in runs.items()), flush=True)
    last = {name: results[-1]["steps"] for name, results in runs.items()}
    print("losses, PyTorch:", " ".join(f"{step['loss']:.5f}" for step in last["torch"]))
    print("losses, lorica: ", " ".join(f"{step['loss']:.5f}" for step in last["lorica"]))
    median = {name: statistics.median(map(speed, results)) for name, results in runs.items()}
    memory = {name: max(result["memory"] for result in results) for name, results in runs.items()}
    print(f"{case} {spec['precision']}: PyTorch {median['torch']:.1f} tokens/s, lorica {median['lorica']:.1f}: "
          f"{median['lorica'] / median['torch']:.2f} times as fast; {memory['torch'] / 1e9:.2f} GB and "
          f"{memory['lorica'] / 1e9:.2f} GB: {memory['lorica'] / memory['torch']:.2f} of the memory", flush=True)
    return median["lorica"]


def main():
    if sys.argv[1:2] == ["--child"]:
        name, spec_file, result_file = sys.argv[2:]
        pathlib.Path(result_file).write_text(json.dumps(CHILDREN[name](json.loads(pathlib.Path(spec_file).read_text()))))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, default=ROOT / "models/smollm2-135m-instruct")
    parser.add_argument("--lorica", type=pathlib.Path, default=ROOT / "build/release/cli/lorica")
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=4, help="of each run; the first is not timed")
    parser.add_argument("--case", choices=["synthetic", "conversations", "both"], default="both")
    arguments = parser.parse_args()
    if arguments.steps < 2 or arguments.rounds < 1:
        parser.error("at least one round of two steps is needed")
    model = arguments.model.resolve()
    arguments.lorica = arguments.lorica.resolve()
    with tempfile.TemporaryDirectory() as temporary:
        work = pathlib.Path(temporary)
        run_child("prepare", {"model": str(model), "work": str(work), "steps": arguments.steps}, work)
        plain = without_template(model, work / "plain")
        peak = run_child("peak", {}, work)
        print(f"peak of a 2048-cubed product: f32 {peak['f32'] / 1e9:.0f} GFLOP/s, bf16 {peak['bf16'] / 1e9:.0f} GFLOP/s")
        common = {"adapter": str(work / "adapter"), "precision": arguments.precision, "steps": arguments.steps}
        if arguments.case != "conversations":
            tokens = compare("synthetic", arguments, common | {
                "model": str(plain), "data": str(work / "synthetic.jsonl"), "format": "prompt_response", "batch": 2}, work)
            print(f"lorica's share of that peak at {FLOPS_A_TOKEN / 1e9} GFLOP a token: "
                  f"{tokens * FLOPS_A_TOKEN / peak[arguments.precision]:.0%}")
        if arguments.case != "synthetic":
            compare("conversations", arguments, common | {
                "model": str(model), "data": str(work / "conversations.jsonl"), "format": "chat", "batch": 8}, work)


main()
