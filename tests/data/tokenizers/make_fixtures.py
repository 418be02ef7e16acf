"""Small tokenizers and what the Python package `tokenizers` (0.23.3) makes of some texts.

usage: make_fixtures.py TEXT_FILE      writes NAME/tokenizer.json and NAME/golden.jsonl beside itself

TEXT_FILE is what the byte-pair merges are learnt from; the committed files used the first 200,000 characters of
Tiny Shakespeare (public domain). Each golden line: text, ids, ids_special (special tokens added), decoded (of ids, special
tokens kept), decoded_clean (of ids_special, special tokens left out).
"""
import json
import pathlib
import random
import sys

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = pathlib.Path(__file__).parent
QWEN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
LLAMA3 = QWEN.replace(r"\p{N}|", r"\p{N}{1,3}|")
GPT4O = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
         r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
         r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
SENTENCES = [
    "The year 2024 cost 1,000,000 dollars; it's what we've paid, isn't it?", "Führer über Straße, naïve café, Ångström",
    "名前は何ですか。私は学生です。", "你好，世界！今天天气很好。", "안녕하세요 세계", "مرحبا بالعالم كيف حالك", "नमस्ते दुनिया, आप कैसे हैं?",
    "สวัสดีครับ ยินดีที่ได้รู้จัก", "Привет, мир! Как дела?", "Καλημέρα κόσμε", "😀 👨‍👩‍👧‍👦 🏳️‍🌈 👍🏽 🇩🇪", "def f(x):\n    return x ** 2  # squared\n",
    "<html>\n\t<p>1 &lt; 2</p>\n</html>\r\n",
]
# Flags of added tokens: special, lstrip, rstrip, single_word, normalized. Decomposed and composed é, a prefix of another.
ADDED = [
    AddedToken("<|end|>", special=True, normalized=False), AddedToken("<|end|>+", special=True, normalized=False),
    AddedToken("<L>", special=False, lstrip=True, normalized=False), AddedToken("<R>", special=True, rstrip=True, normalized=False),
    AddedToken("<LR>", special=False, lstrip=True, rstrip=True, normalized=True),
    AddedToken("word", special=False, single_word=True, normalized=True), AddedToken("cafe\u0301", special=False, normalized=True),
    AddedToken("résumé", special=True, normalized=True), AddedToken("<|im_start|>", special=True, normalized=False),
    AddedToken("  ", special=False, normalized=False), AddedToken("<é>", special=False, normalized=False),
]
TEXTS = SENTENCES + [
    "", " ", "  ", "   ", "\n", "\n\n", " \n ", "\t", "\r\n", "\r\n\r\n  x", "a", "é", "e\u0301", "e\u0301\u0323", "q\u0307\u0323", "ﬁ", "Å", "Å",
    "\u1100\u1161\u11a8", "가각", "\u0344", "\u0958", "０１２", "12345678901", "3.14159", "½ ² ⅻ ໑", "x" * 100, "ab" * 60, "don't DON'T we'll I'D 'S 'ſ 'tis",
    "\u200b\u200d\ufeff", "\x00\x01\x7f", "a\x00b", "\u2028line\u2029", "\u0085next\u00a0nbsp\u180emvs\u3000wide", "\U0010ffff\ue000", "ÀÉÎõü ß ẞ İ ı",
    "<|end|>", "a<|end|>b", "<|end|>+", "<|end|>+<|end|><|end|>", "x  <L>  y", "x  <R>  y", "x \n<LR>\t y", "<L><R><LR>", " <R> <L> ", "<R>  <L>",
    "<R>    z", "word", "words", "sword", "a word.", "word word", "éword", "word\u0301", "wordⓐ", "word_", "word-word", "café", "cafe\u0301", "cafés", "CAFÉ",
    "résumé", "re\u0301sume\u0301 résumé", "<é>", "<e\u0301>", "<|im_start|>user\nhi<|end|>\n", "<|im_sta", "a  b   c    d", "<|unknown|>",
    "To be, or not to be: that is the question", "KING RICHARD III:\nA horse! a horse! my kingdom for a horse!", "ROMEO:\n\n\n  But soft  ",
    "<0x41><0x0A>", "e\u0301" * 20, "\u0301 start", "a\u0300\u0301\u0302\u0303b",
]
POOLS = [(0x20, 0x7f), (0xa0, 0x24f), (0x300, 0x36f), (0x370, 0x52f), (0x590, 0x6ff), (0x900, 0xdff), (0x1e00, 0x1eff), (0x2000, 0x206f), (0x3040, 0x30ff),
         (0x4e00, 0x9fff), (0xac00, 0xd7a3), (0x1f300, 0x1f64f), (0x0, 0x20)]
BITS = [" ", "  ", "\n", "\n\n", "\t", "\r\n", "'s", "'LL", "2024", "word", "<L>", "<R>", "<LR>", "<|end|>", "café", "cafe\u0301", "½", "…"]


def random_texts(count):
    rnd = random.Random(20240917)
    for _ in range(count):
        text = ""
        for _ in range(rnd.randint(1, 6)):
            low, high = rnd.choice(POOLS) if rnd.random() < 0.6 else POOLS[0]
            text += "".join(chr(rnd.randint(low, high)) for _ in range(rnd.randint(1, 5)))
            if rnd.random() < 0.35:
                text += rnd.choice(BITS)
        yield text


def train(model, corpus, vocab=600, normalizer=None, pre=None, alphabet=(), special=(), **trainer):
    t = Tokenizer(model)
    if normalizer:
        t.normalizer = normalizer
    if pre:
        t.pre_tokenizer = pre
    t.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=vocab, show_progress=False, initial_alphabet=list(alphabet),
                                                      special_tokens=list(special), **trainer))
    return t


def character_map():
    """The compiled rules out of a SentencePiece model trained on the spot (package sentencepiece 0.2.3)."""
    import io
    import sentencepiece
    from sentencepiece import sentencepiece_model_pb2
    model, rules = io.BytesIO(), pathlib.Path("rules.tsv")
    # full width letters, a ligature, a composition, a soft hyphen that goes
    rules.write_text("".join(f"{0xFF01 + i:X}\t{0x21 + i:X}\n" for i in range(94)) + "FB01\t66 69\n65 301\tE9\nAD\t\n61 300\tE0\n9\t20\nA\t20\n3000\t20\n")
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(SENTENCES * 4), model_writer=model, vocab_size=250, normalization_rule_tsv=str(rules),
                                             hard_vocab_limit=False, minloglevel=2)
    rules.unlink()
    return sentencepiece_model_pb2.ModelProto.FromString(model.getvalue()).normalizer_spec.precompiled_charsmap


def save(name, t, random_count, legacy_merges=False):
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    spec = json.loads(t.to_str())
    if legacy_merges:
        spec["model"]["merges"] = [" ".join(pair) for pair in spec["model"]["merges"]]
    (folder / "tokenizer.json").write_text(json.dumps(spec, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    t = Tokenizer.from_file(str(folder / "tokenizer.json"))
    with open(folder / "golden.jsonl", "w", encoding="utf-8") as out:
        for text in TEXTS + list(random_texts(random_count)):
            ids = t.encode(text, add_special_tokens=False).ids
            with_special = t.encode(text).ids
            row = {"text": text, "ids": ids, "ids_special": with_special, "decoded": t.decode(ids, skip_special_tokens=False),
                   "decoded_clean": t.decode(with_special, skip_special_tokens=True)}
            out.write(json.dumps(row, ensure_ascii=False) + "\n")


def main():
    book = open(sys.argv[1], encoding="utf-8").read()[:200_000]
    corpus = [book] + SENTENCES * 3
    letters = pre_tokenizers.ByteLevel.alphabet()
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    split = lambda pattern, behavior="isolated", invert=False: pre_tokenizers.Split(Regex(pattern), behavior, invert)
    bytes_after = lambda *steps: pre_tokenizers.Sequence([*steps, byte_level])

    t = train(models.BPE(), corpus, pre=pre_tokenizers.ByteLevel(add_prefix_space=True), alphabet=letters, special=["<|endoftext|>"])
    t.add_tokens(ADDED)
    t.post_processor, t.decoder = processors.ByteLevel(trim_offsets=False), decoders.ByteLevel()
    save("gpt2_like", t, 300, legacy_merges=True)

    t = train(models.BPE(), corpus, normalizer=normalizers.NFC(), pre=bytes_after(split(QWEN)), alphabet=letters)
    t.add_tokens(ADDED)
    t.post_processor, t.decoder = processors.ByteLevel(trim_offsets=False), decoders.ByteLevel()
    save("qwen_like", t, 300)

    t = train(models.BPE(), corpus, vocab=450, normalizer=normalizers.Sequence([normalizers.NFC()]), special=["<s>", "</s>"], alphabet=letters,
              pre=pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]))
    t.add_tokens(ADDED[:5])
    t.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=True), processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 1)])])
    t.decoder = decoders.ByteLevel()
    save("digits", t, 100)

    # Whole words straight from the vocabulary: merges that cannot make a word do not keep it from being found.
    t = train(models.BPE(), corpus, vocab=500, pre=bytes_after(split(LLAMA3)), alphabet=letters)
    spec = json.loads(t.to_str())
    spec["model"]["ignore_merges"] = True
    spec["model"]["vocab"].update({"Ġquestion": 500, "åĲįåīį": 501, "2024": 502})
    t = Tokenizer.from_str(json.dumps(spec))
    t.post_processor, t.decoder = processors.TemplateProcessing(single="$A question", special_tokens=[("question", 500)]), decoders.ByteLevel()
    save("ignore_merges", t, 100)

    t = train(models.BPE(), corpus, vocab=450, pre=bytes_after(split(GPT4O)), alphabet=letters)
    t.decoder = decoders.ByteLevel()
    save("gpt4o_like", t, 100)

    # The byte alphabet first, then splits that see its characters.
    t = train(models.BPE(), corpus, vocab=400, alphabet=letters, pre=pre_tokenizers.Sequence([
        pre_tokenizers.Punctuation("contiguous"), pre_tokenizers.ByteLevel(add_prefix_space=False), pre_tokenizers.Digits(individual_digits=False),
        split("[0-9][0-9][0-9]"), split(r"[aeiou]\w", "merged_with_previous"), split("t|th", "merged_with_next"), split("q*", "contiguous")]))
    t.decoder = decoders.ByteLevel()
    save("falcon_like", t, 100)

    # Characters, marks on the first and last symbols of a word, unknown characters, no decoder.
    t = train(models.BPE(unk_token="[UNK]", fuse_unk=True, continuing_subword_prefix="##", end_of_word_suffix="</w>"), [book], vocab=400,
              pre=pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), split(r"[^\s\w]", "removed"), split(r"\w{1,5}", "removed", True),
                                           pre_tokenizers.Split("th", "isolated")]),
              special=["[UNK]"], continuing_subword_prefix="##", end_of_word_suffix="</w>")
    t.post_processor = processors.BertProcessing(("[UNK]", 0), ("[UNK]", 0))
    save("char_level", t, 100)

    # Bytes in the place of unknown characters, and the decoders that go with them.
    t = train(models.BPE(unk_token="<unk>", byte_fallback=True), [book], vocab=500, normalizer=normalizers.NFKC(),
              pre=pre_tokenizers.Split(" ", "merged_with_next"), special=["<unk>"] + ["<0x%02X>" % b for b in range(256)])
    spec = json.loads(t.to_str())
    spec["added_tokens"] = spec["added_tokens"][:1]
    t = Tokenizer.from_str(json.dumps(spec))
    t.decoder = decoders.Sequence([decoders.Replace("e", "E"), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    save("byte_fallback", t, 100)

    # BERT's: cleaning, accents, words of pieces. Pieces are merges of the letters, so that words fall into several.
    t = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=30))
    t.normalizer, t.pre_tokenizer = normalizers.BertNormalizer(lowercase=True), pre_tokenizers.BertPreTokenizer()
    t.train_from_iterator(corpus, trainers.WordPieceTrainer(vocab_size=500, show_progress=False, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]"]))
    t.add_tokens(ADDED[:6])
    t.post_processor, t.decoder = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2)), decoders.WordPiece(cleanup=True)
    save("bert_like", t, 300)

    # Scores, bytes in the place of unknown runs, and a compiled character map (SentencePiece compiles it).
    t = Tokenizer(models.Unigram())
    metaspace = pre_tokenizers.Metaspace(prepend_scheme="always")
    t.pre_tokenizer = metaspace
    t.train_from_iterator([book] + SENTENCES[:2] * 3, trainers.UnigramTrainer(vocab_size=400, show_progress=False, unk_token="<unk>", special_tokens=["<unk>", "</s>"]))
    spec = json.loads(t.to_str())
    spec["model"]["vocab"] += [["<0x%02X>" % b, -20.0] for b in range(256)] + [["▁the", -1.0]]
    spec["model"]["byte_fallback"] = True
    t = Tokenizer.from_str(json.dumps(spec))
    t.normalizer = normalizers.Sequence([normalizers.Precompiled(character_map()), normalizers.Replace(Regex(" {2,}"), "▁")])
    t.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    t.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(prepend_scheme="always")])
    save("unigram_like", t, 300)

    # A space in front of the whole text only, wherever its first characters went.
    t = train(models.BPE(unk_token="<unk>", fuse_unk=True), [book], vocab=400, special=["<unk>"], normalizer=normalizers.Strip(left=True, right=False),
              pre=pre_tokenizers.Metaspace(prepend_scheme="first", split=False))
    t.add_tokens(ADDED)
    t.decoder = decoders.Sequence([decoders.Replace(Regex("▁"), " "), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    save("metaspace_first", t, 200)

    # The mark behind a word, and the decoder that reads it.
    t = train(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"), [book], vocab=400, special=["<unk>"], end_of_word_suffix="</w>",
              normalizer=normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase()]), pre=pre_tokenizers.Whitespace())
    t.decoder = decoders.BPEDecoder("</w>")
    save("word_end", t, 200)

    t = train(models.BPE(unk_token="<unk>"), [book], vocab=300, special=["<unk>"], alphabet=letters)
    t.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.Prepend("x"), normalizers.Replace("th", "T"),
                                         normalizers.Replace(Regex("[aeiou]{2,}"), "y"), normalizers.Strip(), normalizers.ByteLevel()])
    t.pre_tokenizer = pre_tokenizers.CharDelimiterSplit("e")
    t.decoder = decoders.Metaspace(prepend_scheme="never", replacement="y")
    save("normalizers", t, 200)


main()
