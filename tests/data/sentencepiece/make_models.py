"""Small SentencePiece models and what the Python package `sentencepiece` (0.2.3) makes of some texts.

usage: make_models.py TEXT_FILE      writes NAME/tokenizer.model and NAME/golden.jsonl beside itself

TEXT_FILE is what the pieces are learnt from; the committed files used the first 100,000 characters of Tiny Shakespeare
(public domain). Each golden line: text, ids, decoded.
"""
import json
import pathlib
import random
import sys

import sentencepiece

HERE = pathlib.Path(__file__).parent
BITS = [" ", "  ", "   ", "\n", "\t", "\u3000", "the", " the", "To be", "<sep>", "< sep >", "<sep><sep>", "ﬁ", "Ａ１", "é", "e\u0301", "½", "…", "你好", "😀", "▁", "don't",
        "\u00ad", "\u200b", "KING RICHARD", "a" * 40, "ab ", "x"]


def texts():
    rnd = random.Random(7)
    yield from ["", " ", "   ", "Hello world", "  two  spaces  ", "tail ", "<sep>", " <sep> ", "a<sep>b", "line\nbreak", "日本語テキスト", "e\u0301\u0323"]
    for _ in range(300):
        text = "".join(rnd.choice(BITS) if rnd.random() < 0.6 else chr(rnd.choice([rnd.randint(32, 126), rnd.randint(0xA0, 0x17F)])) for _ in range(rnd.randint(1, 10)))
        yield text


def make(name, corpus, **options):
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    sentencepiece.SentencePieceTrainer.train(input=str(corpus), model_prefix=str(folder / "tokenizer"), user_defined_symbols=["<sep>"], minloglevel=2,
                                             hard_vocab_limit=False, **options)
    (folder / "tokenizer.vocab").unlink()
    model = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
    with open(folder / "golden.jsonl", "w", encoding="utf-8") as out:
        for text in texts():
            ids = model.encode(text)
            if model.unk_id() not in ids:  # which sentencepiece decodes as " ⁇ ", and the tokenizers package as the piece
                out.write(json.dumps({"text": text, "ids": ids, "decoded": model.decode(ids)}, ensure_ascii=False) + "\n")


def main():
    corpus = HERE / "corpus.txt"
    corpus.write_text(open(sys.argv[1], encoding="utf-8").read()[:100_000])
    rules = HERE / "rules.tsv"
    rules.write_text("".join(f"{0xFF01 + i:X}\t{0x21 + i:X}\n" for i in range(94)) + "FB01\t66 69\n65 301\tE9\n65 301 323\t65\nAD\t\n9\t20\nA\t20\n3000\t20\n2026\t2E 2E 2E\n")
    make("unigram", corpus, vocab_size=500, model_type="unigram", byte_fallback=True, normalization_rule_tsv=str(rules))
    make("bpe", corpus, vocab_size=600, model_type="bpe", byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False)
    make("bpe_plain", corpus, vocab_size=600, model_type="bpe", byte_fallback=True, normalization_rule_tsv=str(rules), add_dummy_prefix=False)
    corpus.unlink(), rules.unlink()


main()
