#!/usr/bin/env python3
"""Cold and warm start on a large JSONL of conversations: seconds and peak memory of `lorica data lint`.

Makes SIZE bytes from the STAR dialogues, Bitext pairs and HH-RLHF transcripts of a data folder; every repetition of a row
gets a number of its own, so that no two rows are the same. Runs each case with an empty cache and then with a full one.
usage: data_start.py LORICA MODEL_FOLDER DATA_FOLDER [--gigabytes 1] [--folder /tmp]
"""
import argparse
import csv
import glob
import gzip
import itertools
import json
import os
import re
import subprocess
import tempfile
import time


def star(folder):
    for line in open(os.path.join(folder, "star/dialogues.jsonl"), encoding="utf-8"):
        yield json.loads(line)["messages"]


def bitext(folder):
    for path in glob.glob(os.path.join(folder, "bitext/*.csv")):
        for row in csv.DictReader(open(path, encoding="utf-8", newline="")):
            yield [{"role": "user", "content": row["instruction"]}, {"role": "assistant", "content": row["response"]}]


def hh_rlhf(folder):
    for path in glob.glob(os.path.join(folder, "hh_rlhf/**/*.jsonl*"), recursive=True):
        with (gzip.open if path.endswith(".gz") else open)(path, "rt", encoding="utf-8") as file:
            for line in file:
                turns = re.split(r"\n\n(Human|Assistant): ", json.loads(line)["chosen"])
                messages = [{"role": "user" if who == "Human" else "assistant", "content": said.strip()}
                            for who, said in zip(turns[1::2], turns[2::2])]
                if len(messages) > 1 and all(m["content"] for m in messages):
                    yield messages


def write_data(folder, path, size):
    rows = [m for source in (star, bitext, hh_rlhf) for m in source(folder)]
    rows = [m for m in rows if any(x["role"] == "assistant" for x in m)]
    written = 0
    with open(path, "w", encoding="utf-8") as file:
        for number in itertools.count():
            for index, messages in enumerate(rows):
                first = messages[0] | {"content": f"({number}.{index}) {messages[0]['content']}"}
                line = json.dumps({"messages": [first] + messages[1:]}, ensure_ascii=False) + "\n"
                file.write(line)
                written += len(line.encode())
                if written >= size:
                    return


def run(command, environment):
    start = time.monotonic()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    if os.waitstatus_to_exitcode(status) not in (0, 1):
        raise SystemExit(output)
    return seconds, usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime, output


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lorica")
    parser.add_argument("model")
    parser.add_argument("data")
    parser.add_argument("--gigabytes", type=float, default=1)
    parser.add_argument("--folder", help="where the file and the cache stand while it runs")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        data, recipe, cache = (os.path.join(folder, name) for name in ("data.jsonl", "recipe.yaml", "cache"))
        write_data(given.data, data, given.gigabytes * 1e9)
        with open(recipe, "w", encoding="utf-8") as file:
            file.write(f"model: {os.path.abspath(given.model)}\ndata: {{train: {data}, cache: {cache}}}\n"
                       f"train: {{max_steps: 1}}\noutput: {{dir: {folder}/out}}\n")
        time.sleep(3)  # a file that was changed just now is not known by its time of change
        print(f"{os.path.getsize(data) / 1e9:.2f} GB of JSON lines\n")
        print("| Start | Seconds | CPU seconds | Peak memory, MB |\n|---|---|---|---|")
        outputs = []
        for name in ("without a cache", "cold", "warm", "warm again"):
            command = [given.lorica, "data", "lint", recipe]
            if name == "without a cache":
                command += ["--set", "data.cache=none"]
            seconds, memory, cpu, output = run(command, os.environ)
            outputs.append(output)
            print(f"| {name} | {seconds:.2f} | {cpu:.1f} | {memory:.0f} |", flush=True)
        kept = sum(os.path.getsize(path) for path in glob.glob(cache + "/*.tokens"))
        same = "the same" if len(set(outputs)) == 1 else "NOT THE SAME"
        print(f"\nThe cache holds {kept / 1e9:.2f} GB. What was printed was {same} each time; its last lines:\n")
        print("\n".join("    " + line for line in outputs[-1].splitlines()[-6:]))


if __name__ == "__main__":
    main()
