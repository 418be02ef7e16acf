#!/usr/bin/env python3
"""LoRA training of the same batches by PyTorch + PEFT and by lorica, in turns, on a GPU.

usage: compare_torch_gpu.py MODEL_DIR --throughput PROGRAM [--modes eager,compile] [--rounds N] [--warmup N] [--steps N]
                            [--documents N] [--length N] [--accumulation N] [--rank N] [--peak TFLOPS] [--out FILE.md]

PROGRAM is bench_train_throughput; it writes the token ids and the start adapter that both train from. PyTorch runs bf16
with SDPA: autocast over a bf16 base and f32 adapters, fused AdamW, eager and under torch.compile. Documents are of one
length, so PyTorch pads nothing. Every run is a process of its own. Warm-up steps are not timed. Memory is what the device
lost to the process beyond its CUDA context; on the CPU it is the largest resident size. The table goes to stdout and to
FILE.md. Exit 1 when a run fails or losses disagree."""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

EPSILON = 0.02  # largest relative difference of the losses in bf16
SHOWN = 20  # losses


def child(spec):
    """One PyTorch run; only this process imports PyTorch."""
    import resource
    import time
    import torch
    from peft import PeftModel
    from safetensors.torch import load_file
    from transformers import AutoModelForCausalLM
    device = torch.device(spec["device"])
    on_gpu = device.type == "cuda"
    if on_gpu:
        torch.zeros(1, device=device)  # the context is not counted
        free_before = torch.cuda.mem_get_info()[0]
    model = AutoModelForCausalLM.from_pretrained(spec["model"], dtype=torch.bfloat16, attn_implementation="sdpa")
    model = PeftModel.from_pretrained(model.to(device), spec["adapter"], is_trainable=True).train()
    weights = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=spec["learning_rate"], weight_decay=0.0, fused=on_gpu)
    forward = torch.compile(model) if spec["mode"] == "compile" else model
    ids = load_file(spec["batches"])["ids"].long().to(device).reshape(-1, spec["documents"], spec["length"])
    accumulation, seconds, losses = spec["accumulation"], [], []
    for first in range(0, len(ids), accumulation):
        start, total = time.perf_counter(), torch.zeros((), device=device)
        for batch in ids[first:first + accumulation]:
            with torch.autocast(device.type, torch.bfloat16):
                loss = forward(input_ids=batch, labels=batch, use_cache=False).loss / accumulation
            loss.backward()
            total += loss.detach()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(float(total))  # waits for the device, as lorica's own loop does
        seconds.append(time.perf_counter() - start)
    memory = (free_before - torch.cuda.mem_get_info()[0] if on_gpu
              else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
    return {"seconds": seconds, "losses": losses, "peak_memory_bytes": memory, "torch": torch.__version__}


def run(command, log):
    with open(log, "w", encoding="utf-8") as output:
        code = subprocess.run([str(part) for part in command], stdout=output, stderr=subprocess.STDOUT,
                              env=dict(os.environ, HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")).returncode
    if code == 0:
        return None
    lines = pathlib.Path(log).read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return f"exit {code}: {lines[-1] if lines else 'no output'}"


def run_lorica(options, work):
    command = [options.throughput, options.model, "--device", options.device, "--precision", "bf16",
               "--lengths", ",".join([str(options.length)] * options.documents),
               "--accumulation", options.accumulation, "--rank", options.rank, "--warmup", options.warmup,
               "--steps", options.steps, "--learning-rate", options.learning_rate,
               "--write-batches", work / "batches.safetensors", "--write-adapter", work / "adapter",
               "--json", work / "lorica.json"]
    failed = run(command, work / "lorica.log")
    return failed or json.loads((work / "lorica.json").read_text())


def run_torch(options, work, mode):
    spec = {key: getattr(options, key) for key in ("device", "documents", "length", "accumulation", "learning_rate")}
    spec |= {"model": str(options.model), "mode": mode, "adapter": str(work / "adapter"),
             "batches": str(work / "batches.safetensors")}
    (work / "spec.json").write_text(json.dumps(spec))
    failed = run([sys.executable, __file__, "--child", work / "spec.json", work / "torch.json"], work / "torch.log")
    return failed or json.loads((work / "torch.json").read_text())


def speed(result, options):
    tokens = options.documents * options.length * options.accumulation
    timed = result["seconds"][options.warmup:]
    return tokens * len(timed) / sum(timed)


def worst_difference(ours, theirs):
    return max(abs(a - b) / abs(b) for a, b in zip(ours, theirs, strict=True))


def compare(options, work, say):
    """Rounds of all programs in turns; returns whether everything ran and agreed."""
    names = ["lorica"] + options.modes
    runs, failures = {name: [] for name in names}, {}
    for number in range(options.rounds):
        for name in names:
            if name in failures:
                continue
            result = run_lorica(options, work) if name == "lorica" else run_torch(options, work, name)
            if isinstance(result, str):
                failures[name] = result
                if name == "lorica":
                    say(f"lorica failed: {result}")
                    return False
                continue
            runs[name].append(result)
            print(f"round {number + 1}: {name} {speed(result, options):.0f} tokens/s", file=sys.stderr, flush=True)
    ours = runs["lorica"]
    flops = ours[0]["flops_a_token"]
    say(f"{options.model.name}: {options.documents} x {options.length} tokens, accumulation {options.accumulation}, "
        f"rank {options.rank}, bf16, {options.steps} steps timed after {options.warmup}, {options.rounds} rounds in turns; "
        f"{flops * 1e-9:.3f} GFLOP a token; a large product reaches {ours[0]['gemm_flops_per_second'] * 1e-12:.0f} TFLOP/s\n")
    say(f"| program | tokens/s (every round) | median | peak memory GB | share of {options.peak:g} TFLOP/s | lorica / it |")
    say("|---|---|---|---|---|---|")
    median = {name: statistics.median(speed(r, options) for r in results) for name, results in runs.items() if results}
    for name, results in runs.items():
        label = "lorica" if name == "lorica" else f"PyTorch + PEFT, {name}"
        if not results:
            say(f"| {label} | failed: {failures[name]} | | | | |")
            continue
        speeds = ", ".join(f"{speed(r, options):.0f}" for r in results)
        memory = max(r["peak_memory_bytes"] for r in results) * 1e-9
        say(f"| {label} | {speeds} | {median[name]:.0f} | {memory:.2f} | "
            f"{median[name] * flops / (options.peak * 1e12):.1%} | {median['lorica'] / median[name]:.2f} |")
    agree = report_losses(runs, options, say)
    return agree and not failures


def report_losses(runs, options, say):
    columns = {name: results[0]["losses"] for name, results in runs.items() if results}
    say("\n| step | " + " | ".join(columns) + " |\n|---|" + "---|" * len(columns))
    for step in range(min(SHOWN, options.warmup + options.steps)):
        say(f"| {step + 1} | " + " | ".join(f"{losses[step]:.5f}" for losses in columns.values()) + " |")
    agree = True
    for name, losses in columns.items():
        if name == "lorica":
            continue
        worst = worst_difference(columns["lorica"], losses)
        agree &= worst <= EPSILON
        say(f"\nLargest relative difference of a loss to {name}: {worst:.2e}" + ("" if worst <= EPSILON else ", TOO LARGE"))
    same = all(result["losses"] == runs["lorica"][0]["losses"] for result in runs["lorica"])
    say(f"\nlorica's losses in all {len(runs['lorica'])} rounds: {'the same bits' if same else 'NOT the same bits'}")
    return agree and same


def main():
    if sys.argv[1:2] == ["--child"]:
        spec_file, result_file = map(pathlib.Path, sys.argv[2:])
        result_file.write_text(json.dumps(child(json.loads(spec_file.read_text()))))
        return 0
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("--throughput", type=pathlib.Path, required=True, help="the program bench_train_throughput")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--modes", type=lambda text: [m for m in text.split(",") if m], default=["eager", "compile"])
    for name, value in {"rounds": 2, "warmup": 5, "steps": 20, "documents": 2, "length": 2048, "accumulation": 4,
                        "rank": 16}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--learning-rate", type=float, default=2e-4)
    parser.add_argument("--peak", type=float, default=989, help="TFLOP/s of the data sheet")
    parser.add_argument("--out", type=pathlib.Path, help="file for the tables; appended to")
    options = parser.parse_args()
    if unknown := set(options.modes) - {"eager", "compile"}:
        parser.error(f"--modes: expected eager or compile, got '{unknown.pop()}'")
    if min(options.rounds, options.steps, options.documents, options.accumulation) < 1 or options.length < 2:
        parser.error("at least one round, step, document and micro-batch, and two tokens, are needed")
    options.throughput, options.model = options.throughput.resolve(), options.model.resolve()

    def say(text):
        print(text, flush=True)
        if options.out:
            with open(options.out, "a", encoding="utf-8") as file:
                file.write(text + "\n")
    with tempfile.TemporaryDirectory() as work:
        return 0 if compare(options, pathlib.Path(work), say) else 1


if __name__ == "__main__":
    sys.exit(main())
