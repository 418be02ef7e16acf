#!/usr/bin/env python3
"""Makes recipes/data/bitext/{train,heldout}.jsonl from Bitext's customer-support CSV.

usage: make_bitext_sample.py BITEXT.csv OUT_DIR

Every intent gives nearly the same number of rows to each side. An instruction appears once in all, compared without
regard to case and white space. Which rows are taken is decided by the SHA-256 of the instruction, so a rerun gives the
same files. Texts are kept as they are, but for white space at their ends.
"""
import collections
import csv
import hashlib
import json
import pathlib
import sys

TRAIN_ROWS, HELDOUT_ROWS = 1500, 81


def normalised(text):
    return " ".join(text.casefold().split())


def rank(text):
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def shares(total, names):
    """total cut into nearly equal parts, the larger ones first."""
    return {name: total // len(names) + (i < total % len(names)) for i, name in enumerate(names)}


def row_line(row):
    messages = [{"role": "user", "content": row["instruction"].strip()},
                {"role": "assistant", "content": row["response"].strip()}]
    return json.dumps({"messages": messages, "intent": row["intent"]}, ensure_ascii=False) + "\n"


def main():
    source, out = sys.argv[1], pathlib.Path(sys.argv[2])
    by_intent, responses = collections.defaultdict(dict), set()
    with open(source, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            key, reply = normalised(row["instruction"]), normalised(row["response"])
            if key and reply and reply not in responses and not any(key in rows for rows in by_intent.values()):
                responses.add(reply)
                by_intent[row["intent"]][key] = row
    intents = sorted(by_intent)
    train_share, heldout_share = shares(TRAIN_ROWS, intents), shares(HELDOUT_ROWS, intents)
    train, heldout = [], []
    for intent in intents:
        keys = sorted(by_intent[intent], key=rank)
        cut = heldout_share[intent]
        chosen = keys[:cut + train_share[intent]]
        assert len(chosen) == cut + train_share[intent], f"{intent}: only {len(keys)} rows"
        heldout += [(key, by_intent[intent][key]) for key in chosen[:cut]]
        train += [(key, by_intent[intent][key]) for key in chosen[cut:]]
    out.mkdir(parents=True, exist_ok=True)
    for name, rows in (("train", train), ("heldout", heldout)):
        rows.sort(key=lambda item: rank(item[0] + name))  # intents mixed
        with open(out / f"{name}.jsonl", "w", encoding="utf-8", newline="\n") as file:
            file.writelines(row_line(row) for _, row in rows)


if __name__ == "__main__":
    main()
