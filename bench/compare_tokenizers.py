#!/usr/bin/env python3
"""Tokenizer speed of lorica and of the Python package tokenizers, on one core, turn by turn on the same text.

usage: compare_tokenizers.py BENCH_TOKENIZER [--megabytes N] [--rounds N] [TOKENIZER...]    run with the Python that has the package

Tiny Shakespeare and WikiText-2 (validation and test), each repeated to N megabytes, once as one string and once a line
a call; the package through its fastest call, encode_batch_fast, which keeps no offsets. TOKENIZER: folders with a
tokenizer.json; by default published ones. Another program on the machine slows both: read the ratio of the medians.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

os.environ.update(TOKENIZERS_PARALLELISM="false", RAYON_NUM_THREADS="1")
from tokenizers import Tokenizer, __version__  # noqa: E402: the threads are set first

ROOT = pathlib.Path(__file__).resolve().parents[1]
SHARED = pathlib.Path(os.environ.get("LORICA_SHARED", ROOT / ".." / "shared"))
WIKITEXT = SHARED / "data/wikitext2_valid_test/word_language_model/data/wikitext-2"
TEXTS = {"Tiny Shakespeare": [SHARED / "data/tinyshakespeare/data/tinyshakespeare/input.txt"], "WikiText-2": [WIKITEXT / "valid.txt", WIKITEXT / "test.txt"]}
TOKENIZERS = [SHARED / "tokenizers" / name for name in ("gpt2", "qwen3", "llama2", "bert_base_cased", "unigram_shakespeare")]
TOKENIZERS.insert(2, ROOT / "models/smollm2-135m-instruct")
BATCH = 1000


def peer_speed(tokenizer, strings, size):
    start = time.process_time()
    for at in range(0, len(strings), BATCH):
        tokenizer.encode_batch_fast(strings[at:at + BATCH], add_special_tokens=False)
    return size / (time.process_time() - start) / 1e6


def lorica_speed(program, case, text, folder):
    report = subprocess.run([program, text, folder, f"--benchmark_filter=^{case}/{folder.name}$", "--benchmark_format=json", "--benchmark_min_time=0.1"],
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
    return json.loads(report)["benchmarks"][0]["bytes_per_second"] / 1e6


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bench_tokenizer", type=pathlib.Path)
    parser.add_argument("tokenizers", type=pathlib.Path, nargs="*", metavar="TOKENIZER")
    parser.add_argument("--megabytes", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    program = arguments.bench_tokenizer.resolve()
    print(f"| tokenizer | text | calls | tokenizers {__version__}, MB/s | lorica, MB/s | ratio |\n|---|---|---|---|---|---|")
    for folder in arguments.tokenizers or [folder for folder in TOKENIZERS if folder.exists()]:
        peer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        for name, parts in TEXTS.items():
            text = "".join(part.read_text(encoding="utf-8") for part in parts)
            text *= -(-arguments.megabytes * 1_000_000 // len(text.encode()))
            size = len(text.encode())
            with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".txt") as file:
                file.write(text)
                file.flush()
                for case, calls, strings in (("encode", "one", [text]), ("encode_lines", "a line", text.split("\n"))):
                    rounds = [(peer_speed(peer, strings, size), lorica_speed(program, case, file.name, folder)) for _ in range(arguments.rounds)]
                    theirs, ours = (statistics.median(column) for column in zip(*rounds))
                    print(f"| {folder.name} | {name} | {calls} | {theirs:.2f} | {ours:.1f} | {ours / theirs:.1f} |", flush=True)


main()
