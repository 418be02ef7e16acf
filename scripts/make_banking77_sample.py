#!/usr/bin/env python3
"""Makes recipes/data/banking77/{train,heldout}.csv from BANKING77's train.csv and test.csv.

usage: make_banking77_sample.py FOLDER_WITH_BOTH OUT_DIR

Ten intents, 40 rows of each from the training file and 10 from the test file. A text appears once in all, compared
without regard to case and white space. Which rows are taken, and their order, is decided by the SHA-256 of the text, so a
rerun gives the same files.
"""
import csv
import hashlib
import pathlib
import sys

INTENTS = ("card_arrival", "card_not_working", "cash_withdrawal_charge", "exchange_rate", "lost_or_stolen_card",
           "passcode_forgotten", "pending_transfer", "request_refund", "terminate_account", "top_up_failed")
SIDES = (("test.csv", "heldout.csv", 10), ("train.csv", "train.csv", 40))


def rank(row):
    return hashlib.sha256(row["text"].encode("utf-8")).hexdigest()


def main():
    source, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    seen = set()
    for name, result, share in SIDES:
        chosen = []
        with open(source / name, encoding="utf-8", newline="") as file:
            rows = sorted(csv.DictReader(file), key=rank)
        for intent in INTENTS:
            kept = []
            for row in rows:
                key = " ".join(row["text"].casefold().split())
                if row["category"] == intent and key not in seen and len(kept) < share:
                    seen.add(key)
                    kept.append({"text": row["text"].strip(), "category": intent})
            assert len(kept) == share, f"{intent}: only {len(kept)} rows in {name}"
            chosen += kept
        with open(out / result, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, ["text", "category"], lineterminator="\n")
            writer.writeheader()
            writer.writerows(sorted(chosen, key=rank))


main()
