// Pieces against the Python tokenizers package (0.23.3), and the cache of words.
#include "io/tokenizer/pre_tokenizer.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "io/tokenizer/word_cache.h"

namespace lorica {
namespace {

using Pieces = std::vector<std::string>;

Pieces split(const std::string& pattern, const std::string& behavior, bool invert, const std::string& text) {
  const nlohmann::json spec = {
      {"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", behavior}, {"invert", invert}};
  Pieces pieces;
  MatchMemory memory;
  read_pre_tokenizer(JsonNode(spec, "test")).splitter->split({text, true}, memory, [&](Span piece) {
    pieces.emplace_back(piece.text);
  });
  return pieces;
}

TEST(Split, AnEmptyMatchCountsUnlessItTouchesTheLastOne) {
  const struct {
    const char *behavior, *pattern;
    Pieces pieces, inverted;
  } cases[] = {
      {"Isolated", "q*", {"a", "qq", "b", "c", "q", "d"}, {"a", "qq", "b", "c", "q", "d"}},
      {"Removed", "q*", {"a", "b", "c", "d"}, {"qq", "q"}},
      {"Removed", "q*?", {"a", "q", "q", "b", "c", "q", "d"}, {}},
      {"MergedWithPrevious", "q*", {"aqq", "b", "cq", "d"}, {"a", "qqb", "c", "qd"}},
      {"MergedWithPrevious", "q*?", {"a", "q", "q", "b", "c", "q", "d"}, {"a", "q", "q", "b", "c", "q", "d"}},
      {"MergedWithNext", "q*", {"a", "qqb", "c", "qd"}, {"aqq", "b", "cq", "d"}},
      {"Contiguous", "q*", {"a", "qq", "b", "c", "q", "d"}, {"a", "qq", "b", "c", "q", "d"}},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(split(c.pattern, c.behavior, false, "aqqbcqd"), c.pieces) << c.behavior << ' ' << c.pattern;
    EXPECT_EQ(split(c.pattern, c.behavior, true, "aqqbcqd"), c.inverted) << c.behavior << ' ' << c.pattern;
  }
}

TEST(WordCache, TellsAWordFromALongerOneInTheSameSlot) {
  WordCache cache;
  std::vector<int32_t> ids;
  for (int32_t i = 0; i < 200'000; ++i) {
    const std::string word = std::to_string(i);
    cache.remember(word + "x", std::vector<int32_t>{i, i});
    ASSERT_FALSE(cache.append_ids(word, ids)) << word;
    ASSERT_TRUE(cache.append_ids(word + "x", ids));
  }
  EXPECT_EQ(ids.size(), 400'000u);
}

}  // namespace
}  // namespace lorica
