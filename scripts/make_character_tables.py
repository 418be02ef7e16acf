"""Writes io/tokenizer/character_tables.cpp: which characters the Python package `tokenizers` counts to which class.

usage: make_character_tables.py > io/tokenizer/character_tables.cpp      the committed file is of tokenizers 0.23.3

The package takes its classes from several Rust crates, each with its own version of Unicode, so that no one library
agrees with it; the classes are read off its own normalizers and pre-tokenizers, character by character.
"""
from tokenizers import __version__, normalizers, pre_tokenizers

bert = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
CONTROL = normalizers.BertNormalizer(**dict(bert, clean_text=True))
NONSPACING = normalizers.BertNormalizer(**dict(bert, strip_accents=True))
MARKS = normalizers.StripAccents()
PUNCTUATION = pre_tokenizers.Punctuation()
DIGITS = pre_tokenizers.Digits(individual_digits=True)
WORDS = pre_tokenizers.Whitespace()
CLASSES = {
    "kControl": lambda c: CONTROL.normalize_str("a" + c + "b") == "ab",
    "kMark": lambda c: MARKS.normalize_str("a" + c) == "a",
    "kNonspacingMark": lambda c: NONSPACING.normalize_str("a" + c) == "a",
    "kNumeric": lambda c: len(DIGITS.pre_tokenize_str("a" + c + "a")) == 3,
    "kPunctuation": lambda c: len(PUNCTUATION.pre_tokenize_str("a" + c + "a")) == 3,
    "kWord": lambda c: len(WORDS.pre_tokenize_str("a" + c + "a")) == 1,
}


def ranges(holds):
    found = []
    for code in range(0x110000):
        if 0xD800 <= code < 0xE000 or not holds(chr(code)):
            continue
        if found and found[-1][1] == code - 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return found


def main():
    print(f'// Written by scripts/make_character_tables.py from tokenizers {__version__}.\n#include "io/tokenizer/character_tables.h"\n')
    print("namespace lorica::characters {\n// clang-format off")
    for name, holds in CLASSES.items():
        print(f"const std::vector<Range> {name} = {{")
        line = ""
        for first, last in ranges(holds):
            entry = f"{{{first:#x},{last:#x}}},"
            if len(line) + len(entry) > 118:
                print(line)
                line = ""
            line += entry
        print(line + "};\n")
    print("// clang-format on\n}  // namespace lorica::characters")


main()
