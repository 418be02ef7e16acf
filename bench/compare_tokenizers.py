#!/usr/bin/env python3
"""Tokenizer speed of lorica and of the Python package tokenizers, on one core, turn by turn on the same text.

usage: compare_tokenizers.py BENCH_TOKENIZER [--rounds N]      run with the Python that has the package

Both take Tiny Shakespeare paragraph by paragraph, one call each, as a data set is read; each figure is a round's median
of three. Another program on the machine slows both: read the ratio.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import time

os.environ.update(TOKENIZERS_PARALLELISM="false", RAYON_NUM_THREADS="1")
from tokenizers import Tokenizer, __version__  # noqa: E402: the threads are set first

ROOT = pathlib.Path(__file__).resolve().parents[1]
SHARED = pathlib.Path(os.environ.get("LORICA_SHARED", ROOT / ".." / "shared"))


def peer_speed(tokenizer, paragraphs, size):
    speeds = []
    for _ in range(3):
        start = time.process_time()
        for paragraph in paragraphs:
            tokenizer.encode(paragraph, add_special_tokens=False)
        speeds.append(size / (time.process_time() - start) / 1e6)
    return statistics.median(speeds)


def lorica_speed(program, name):
    report = subprocess.run([program, f"--benchmark_filter=^encode/{name}$", "--benchmark_format=json", "--benchmark_repetitions=3"],
                            stdout=subprocess.PIPE, check=True).stdout
    runs = [run for run in json.loads(report)["benchmarks"] if run.get("aggregate_name") == "median"]
    return runs[0]["bytes_per_second"] / 1e6


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bench_tokenizer", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    text = (SHARED / "data/tinyshakespeare/data/tinyshakespeare/input.txt").read_text(encoding="utf-8")
    paragraphs, size = text.split("\n\n"), len(text.encode())
    print(f"| tokenizer | tokenizers {__version__}, MB/s | lorica, MB/s | ratio |\n|---|---|---|---|")
    for name in ("gpt2", "qwen3", "llama2", "bert_base_cased", "unigram_shakespeare"):
        peer = Tokenizer.from_file(str(SHARED / "tokenizers" / name / "tokenizer.json"))
        rounds = [(peer_speed(peer, paragraphs, size), lorica_speed(arguments.bench_tokenizer.resolve(), name)) for _ in range(arguments.rounds)]
        theirs, ours = (statistics.median(column) for column in zip(*rounds))
        print(f"| {name} | {theirs:.2f} | {ours:.2f} | {ours / theirs:.1f} |", flush=True)


main()
