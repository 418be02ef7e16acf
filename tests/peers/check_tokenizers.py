"""lorica's token ids and decoded text against the Python package `tokenizers`, on random Unicode strings.
usage: check_tokenizers.py LORICA [--strings N] [TOKENIZER...]
Run by the interpreter that LORICA_PEERS names (./test --peers sets it); exit status 77, "skipped", where it is unset.
TOKENIZER: folders with a tokenizer.json; without any, those of tests/data/tokenizers and of the shared data."""
import argparse
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import unicodedata

ROOT = pathlib.Path(__file__).resolve().parents[2]
BLOCKS = [(0x20, 0x7F), (0x20, 0x7F), (0x20, 0x7F), (0xA0, 0x24F), (0x300, 0x36F), (0x370, 0x52F), (0x590, 0x6FF), (0x900, 0xDFF), (0xE00, 0xEFF),
          (0x1100, 0x11FF), (0x1E00, 0x1FFF), (0x2000, 0x2BFF), (0x3000, 0x30FF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0xF900, 0xFFFD), (0x1D400, 0x1D7FF),
          (0x1F000, 0x1FAFF), (0x20000, 0x2FA1F), (0x0, 0x10FFFF)]
WORDS = [" ", "  ", "\n", "\n\n", "\t", "\r\n", "'s", "'LL", "don't", "2024", "the", " the", "The", "▁", "##", "</s>", "<s>", "[SEP]", "<|endoftext|>",
         "<|im_start|>", "<0x0A>", "café", "cafe\u0301", "ﬁ", "½", "…", "。", "你好", "日本語", "한국어", "مرحبا", "नमस्ते", "👨‍👩‍👧", "🇩🇪", "x" * 40]


def skip(why):
    print("skipped:", why)
    sys.exit(77)


def known_to_both(code):
    """Assigned in Unicode 14, which PCRE2 of Debian 12 knows (and Python 3.11), and not one of those whose normal form is
    of Unicode 12, which the package does not know."""
    return unicodedata.category(chr(code)) not in ("Cn", "Cs") and code not in (0xEBA, 0x1F16C)


def random_text(rnd):
    text = ""
    for _ in range(rnd.randint(1, 12)):
        if rnd.random() < 0.4:
            text += rnd.choice(WORDS)
            continue
        low, high = rnd.choice(BLOCKS)
        codes = (rnd.randint(low, high) for _ in range(rnd.randint(1, 6)))
        text += "".join(chr(code) for code in codes if known_to_both(code))
    return text


def run(lorica, verb, model, rows, *flags):
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".jsonl") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
        file.flush()
        done = subprocess.run([lorica, verb, "--model", model, "--jsonl", *flags, file.name], capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.split("\n") if line]


def check(lorica, folder, count):
    from tokenizers import Tokenizer
    peer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    rnd = random.Random(1)
    texts = [random_text(rnd) for _ in range(count)]
    ids = [peer.encode(text, add_special_tokens=False).ids for text in texts]
    with_special = [peer.encode(text).ids for text in texts]
    wrong = 0
    comparisons = [("ids", run(lorica, "tokenize", folder, texts), ids), ("ids with special tokens", run(lorica, "tokenize", folder, texts, "--special"), with_special),
                   ("decoded", run(lorica, "detokenize", folder, ids), [peer.decode(row, skip_special_tokens=False) for row in ids]),
                   ("decoded without special tokens", run(lorica, "detokenize", folder, with_special, "--skip-special"),
                    [peer.decode(row, skip_special_tokens=True) for row in with_special])]
    for what, got, want in comparisons:
        assert len(got) == len(want), f"{folder.name}: {what}: {len(got)} lines for {len(want)}"
        for text, a, b in zip(texts, got, want):
            if a != b:
                wrong += 1
                if wrong <= 5:
                    print(f"{folder.name}: {what} of {text!r}:\n  lorica     {a}\n  tokenizers {b}")
    print(f"{folder.name}: {count} texts, {wrong} differences")
    return wrong


def main():
    peers = os.environ.get("LORICA_PEERS")
    if not peers:
        skip("LORICA_PEERS is not set; ./test --peers installs the package tokenizers and sets it")
    if os.environ.get("LORICA_PEERS_STARTED") != peers:  # not by sys.executable: a virtual environment may link to it
        os.environ["LORICA_PEERS_STARTED"] = peers
        os.execv(peers, [peers, *sys.argv])
    parser = argparse.ArgumentParser()
    parser.add_argument("lorica", type=pathlib.Path)
    parser.add_argument("tokenizers", nargs="*", type=pathlib.Path)
    parser.add_argument("--strings", type=int, default=10_000)
    arguments = parser.parse_args()
    shared = pathlib.Path(os.environ.get("LORICA_SHARED", ROOT / ".." / "shared")) / "tokenizers"
    folders = arguments.tokenizers or sorted(path.parent for root in (ROOT / "tests/data/tokenizers", shared) for path in root.glob("*/tokenizer.json"))
    sys.exit(1 if sum(check(arguments.lorica.resolve(), folder, arguments.strings) for folder in folders) else 0)


main()
