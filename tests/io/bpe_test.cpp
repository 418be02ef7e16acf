// Byte-pair encoding of random vocabularies against its definition, and normal forms against the whole text's.
#include "io/tokenizer/bpe.h"

#include <gtest/gtest.h>
#include <utf8proc.h>

#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <random>

#include "io/tokenizer/normal_forms.h"

namespace lorica {
namespace {

using Tokens = std::vector<std::string>;

std::string pick(const Tokens& from, std::mt19937& random) { return from[random() % from.size()]; }

struct RandomBpe {
  Tokens tokens = {"▁", "a", "b", "é"};
  std::vector<std::pair<std::string, std::string>> merges;

  // Without `crossing` no merge has a ▁ behind another character, as in published vocabularies.
  RandomBpe(std::mt19937& random, bool crossing) {
    while (merges.size() < 40) {
      const std::string left = pick(tokens, random), right = pick(tokens, random);
      if (left.size() + right.size() > 24) continue;
      if (!crossing && right.starts_with("▁") && !left.ends_with("▁")) continue;
      const std::pair merge(left, right);
      if (std::find(merges.begin(), merges.end(), merge) != merges.end()) continue;
      merges.push_back(merge);
      if (std::find(tokens.begin(), tokens.end(), left + right) == tokens.end()) tokens.push_back(left + right);
    }
  }

  nlohmann::json spec() const {
    nlohmann::json vocabulary, pairs = nlohmann::json::array();
    for (size_t id = 0; id < tokens.size(); ++id) vocabulary[tokens[id]] = id;
    for (const auto& [left, right] : merges) pairs.push_back({left, right});
    return {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", pairs}};
  }

  // The lowest rank merges first, the leftmost of equals.
  Tokens split(Tokens symbols) const {
    while (true) {
      size_t best = merges.size(), place = 0;
      for (size_t at = 0; at + 1 < symbols.size(); ++at) {
        const auto found = std::find(merges.begin(), merges.end(), std::pair(symbols[at], symbols[at + 1]));
        const auto rank = static_cast<size_t>(found - merges.begin());
        if (rank < best) best = rank, place = at;
      }
      if (best == merges.size()) return symbols;
      symbols[place] += symbols[place + 1];
      symbols.erase(symbols.begin() + static_cast<ptrdiff_t>(place) + 1);
    }
  }
};

void check_bpe(bool crossing) {
  std::mt19937 random(crossing ? 1 : 2);
  for (int round = 0; round < 40; ++round) {
    const RandomBpe made(random, crossing);
    const nlohmann::json spec = made.spec();
    const Bpe bpe(JsonNode(spec, "model"), false);
    const auto memory = bpe.make_memory();
    for (int i = 0; i < 50; ++i) {
      Tokens symbols(1 + random() % 100);
      std::string text;
      for (std::string& symbol : symbols) text += symbol = pick({"▁", "a", "b", "é"}, random);
      std::vector<int32_t> ids;
      bpe.tokenize(text, *memory, ids);
      Tokens got;
      for (const int32_t id : ids) got.push_back(made.tokens[static_cast<size_t>(id)]);
      ASSERT_EQ(got, made.split(symbols)) << text << "\n" << spec;
    }
  }
}

TEST(Bpe, MergesWordsOfMarksAsTheWholeText) { check_bpe(false); }
TEST(Bpe, MergesAcrossMarksWhereTheVocabularyDoes) { check_bpe(true); }

TEST(NormalForms, OfPartsAreThoseOfTheWhole) {
  const Tokens letters = {"a",      "e",      "é",      "e\u0301",      "\u0301", "\u0323", "ñ",
                          "\u00c5", "\u212b", "\u1100", "\u1161",       "\u11a8", "가",     "ﬁ",
                          "½",      "\u0345", "\u0344", "\u1e9b\u0323", " ",      "日",     "\u2126",
                          "ᾳ",      "😀",      "\u00a0", "\u00df",       "\u0958"};
  std::mt19937 random(3);
  const std::map<const char*, int> forms = {{"NFC", UTF8PROC_COMPOSE},
                                            {"NFD", UTF8PROC_DECOMPOSE},
                                            {"NFKC", UTF8PROC_COMPOSE | UTF8PROC_COMPAT},
                                            {"NFKD", UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT}};
  MatchMemory memory;
  for (const auto& [name, options] : forms) {
    const auto form = make_normal_form(name);
    for (int i = 0; i < 2000; ++i) {
      std::string text;
      for (size_t count = random() % 12; count > 0; --count) text += pick(letters, random);
      utf8proc_uint8_t* whole = nullptr;
      const auto size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                     static_cast<utf8proc_ssize_t>(text.size()), &whole,
                                     static_cast<utf8proc_option_t>(UTF8PROC_STABLE | options));
      ASSERT_GE(size, 0);
      const std::string wanted(reinterpret_cast<const char*>(whole), static_cast<size_t>(size));
      std::free(whole);
      std::string got = text;
      form->apply(got, memory);
      ASSERT_EQ(got, wanted) << name << " of " << text;
    }
  }
}

}  // namespace
}  // namespace lorica
