// Errors, the vocabulary's members, patterns: what the goldens do not reach.
#include "io/tokenizer/tokenizer.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "io/formats/file_bytes.h"
#include "io/tokenizer/regex.h"
#include "io/tokenizer/utf8.h"
#include "kernels/error.h"

namespace lorica {
namespace {

using nlohmann::json;

// A byte-level tokenizer of a few tokens.
json small() {
  return json::parse(R"({
    "added_tokens": [{"id": 6, "content": "<end>", "single_word": false, "lstrip": false, "rstrip": false,
                      "normalized": false, "special": true}],
    "normalizer": null,
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false},
    "decoder": {"type": "ByteLevel"},
    "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "Ġ": 3, "ð": 4, "Ł": 5}, "merges": [["a", "b"]]}})");
}

std::string error_of(const json& spec) {
  try {
    Tokenizer::from_json(spec.dump(), "t.json");
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

std::string error_at(const char* place, const json& value) {
  json spec = small();
  spec[json::json_pointer(place)] = value;
  return error_of(spec);
}

TEST(TokenizerErrors, NameTheFileAndTheField) {
  EXPECT_EQ(error_of(small()), "");
  EXPECT_EQ(error_at("/normalizer", {{"type", "Bert"}}), "t.json: normalizer.type: normalizer 'Bert' is not supported");
  EXPECT_EQ(error_at("/pre_tokenizer", {{"type", "UnicodeScripts"}}),
            "t.json: pre_tokenizer.type: pre-tokenizer 'UnicodeScripts' is not supported");
  EXPECT_EQ(error_at("/post_processor", {{"type", "X"}}),
            "t.json: post_processor.type: post-processor 'X' is not supported");
  EXPECT_EQ(error_at("/decoder", {{"type", "CTC"}}), "t.json: decoder.type: decoder 'CTC' is not supported");
  EXPECT_EQ(error_at("/model/type", "WordLevel"), "t.json: model.type: model 'WordLevel' is not supported");
  EXPECT_EQ(error_at("/model/dropout", 0.1),
            "t.json: model.dropout: BPE dropout makes the ids random and is not supported");
  EXPECT_EQ(error_at("/model/surprise", true), "t.json: model.surprise: this setting is not supported");
  EXPECT_EQ(error_at("/model/vocab/a", -1), "t.json: model.vocab.a: expected a whole number from 0 to 1000012, got -1");
  EXPECT_EQ(error_at("/model/vocab/b", 0), "t.json: model.vocab: 'a' and 'b' have the same id, 0");
  EXPECT_EQ(error_at("/model/merges/0", "a b c"),
            "t.json: model.merges[0]: expected two tokens and a space between them, got \"a b c\"");
  EXPECT_EQ(error_at("/model/merges/0", json::array({"a", 5})), "t.json: model.merges[0][1]: expected a string, got 5");
  EXPECT_EQ(error_at("/model/merges/0", "b a"), "t.json: model.merges[0]: 'ba' is not in the vocabulary");
  EXPECT_EQ(error_at("/added_tokens/0/id", 9),
            "t.json: added_tokens[0].id: '<end>' would be given id 6; renumbered tokenizers are not supported");
  EXPECT_EQ(error_at("/added_tokens/0/special", "yes"),
            "t.json: added_tokens[0].special: expected true or false, got \"yes\"");
  const json split = {{"type", "Split"}, {"pattern", {{"Regex", "a(b"}}}, {"behavior", "Isolated"}, {"invert", false}};
  EXPECT_EQ(error_at("/pre_tokenizer", split),
            "t.json: pre_tokenizer.pattern: pattern 'a(b': missing closing parenthesis");
  json behavior = split;
  behavior["behavior"] = "Dropped";
  behavior["pattern"]["Regex"] = "a";
  EXPECT_EQ(error_at("/pre_tokenizer", behavior),
            "t.json: pre_tokenizer.behavior: expected Removed, Isolated, MergedWithPrevious, MergedWithNext or "
            "Contiguous, got "
            "\"Dropped\"");
  const json around = {{"type", "BertProcessing"}, {"cls", {"x", 77}}, {"sep", {"x", 0}}};
  EXPECT_EQ(error_at("/post_processor", around), "t.json: post_processor: no token has the id 77");
  json no_model = small();
  no_model.erase("model");
  EXPECT_EQ(error_of(no_model), "t.json: 'model' is missing");
}

TEST(TokenizerErrors, MalformedJsonIsNamed) {
  EXPECT_THROW(
      try { Tokenizer::from_json("{\"model\": ", "t.json"); } catch (const Error& error) {
        EXPECT_TRUE(std::string(error.what()).starts_with("t.json: parse error at line 1")) << error.what();
        throw;
      },
      Error);
  EXPECT_THROW(Tokenizer::load("/no/such/folder"), Error);
}

TEST(TokenizerErrors, DeepNestingIsRefused) {
  json nested = {{"type", "ByteLevel"}, {"add_prefix_space", false}};
  for (int i = 0; i < 100; ++i) nested = {{"type", "Sequence"}, {"pretokenizers", json::array({nested})}};
  EXPECT_EQ(error_at("/pre_tokenizer", nested), "t.json: more than 64 levels of nesting");
}

TEST(Tokenizer, ListsItsVocabulary) {
  const auto tokenizer = Tokenizer::from_json(small().dump(), "t.json");
  EXPECT_EQ(tokenizer->vocab_size(), 7);
  EXPECT_EQ(tokenizer->id_of("ab"), 2);
  EXPECT_EQ(tokenizer->id_of("<end>"), 6);
  EXPECT_EQ(tokenizer->id_of("zz"), std::nullopt);
  EXPECT_EQ(tokenizer->token_text(3), "Ġ");
  EXPECT_TRUE(tokenizer->is_special(6));
  EXPECT_FALSE(tokenizer->is_special(2));
  EXPECT_THROW(tokenizer->token_text(7), Error);
  EXPECT_THROW(tokenizer->token_text(-1), Error);
  const std::vector<int32_t> outside = {0, 7};
  EXPECT_THROW(tokenizer->decode(outside), Error);
}

TEST(Tokenizer, KnowsWhereTokensStartThatSpellTheText) {
  const auto tokenizer = Tokenizer::from_json(small().dump(), "t.json");
  const std::string text = "ab a<end>b";
  EXPECT_EQ(tokenizer->starts(text, tokenizer->encode(text)), (std::vector<size_t>{0, 2, 3, 4, 9}));
  for (const std::vector<int32_t>& others :
       {std::vector<int32_t>{2, 3, 0, 6}, {2, 3, 0, 6, 0}, {2, 3, 0, 6, 1, 1}, {2, 3, 0, 6, 7}, {-1}}) {
    EXPECT_EQ(tokenizer->starts(text, others), std::vector<size_t>());
  }
  json strips = small();
  strips["added_tokens"][0]["lstrip"] = true;
  const std::string spaced = "a <end>";
  const auto stripping = Tokenizer::from_json(strips.dump(), "t.json");
  EXPECT_EQ(stripping->starts(spaced, stripping->encode(spaced)), std::vector<size_t>());
}

TEST(Tokenizer, MergesEqualPairsFromTheLeft) {
  json spec = small();
  spec["model"]["vocab"]["aa"] = 6;
  spec["model"]["merges"] = {"a a"};
  spec.erase("added_tokens");
  const auto tokenizer = Tokenizer::from_json(spec.dump(), "t.json");
  EXPECT_EQ(tokenizer->encode("aaa"), (std::vector<int32_t>{6, 0}));
}

TEST(Tokenizer, RefusesTextThatIsNotUtf8) {
  const auto tokenizer = Tokenizer::from_json(small().dump(), "t.json");
  for (const char* bad : {"ab\xff", "ab\xc3", "ab\xed\xa0\x80", "ab\xc0\x80", "ab\xe0\x80\x80", "ab\xf0\x80\x80\x80",
                          "ab\xf4\x90\x80\x80", "ab\xe2\x82 "}) {
    try {
      tokenizer->encode(bad);
      FAIL() << "accepted " << bad;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("at offset 2"), std::string::npos) << error.what();
    }
  }
}

TEST(Tokenizer, HoldsBackHalfACharacterAndReplacesABrokenOne) {
  const auto tokenizer = Tokenizer::from_json(small().dump(), "t.json");
  StreamDecoder stream(*tokenizer, false);
  EXPECT_EQ(stream.push(4), "");  // 0xF0 begins a character of four bytes
  EXPECT_EQ(stream.push(0),
            "\ufffd"
            "a");  // which 'a' cannot go on
  EXPECT_EQ(stream.push(4), "");
  EXPECT_EQ(stream.push(5), "");  // 0xF0 0x9F
  EXPECT_EQ(stream.finish(), "\ufffd");
  EXPECT_EQ(tokenizer->decode(std::vector<int32_t>{4, 0, 4, 5}),
            "\ufffd"
            "a\ufffd");
}

TEST(Tokenizer, AnUnknownTokenThatIsMissingIsReportedWhenItIsWanted) {
  json spec = small();
  spec["model"]["unk_token"] = "<unk>";
  const auto tokenizer = Tokenizer::from_json(spec.dump(), "t.json");
  EXPECT_EQ(tokenizer->encode("ab"), std::vector<int32_t>{2});
  EXPECT_THROW(tokenizer->encode("z"), Error);
}

TEST(Regex, ReadsWhiteSpaceAndWordsAsOniguruma) {
  MatchMemory memory;
  const auto matches = [&](const char* pattern, std::string_view text) {
    return Regex(pattern).find(text, 0, memory).has_value();
  };
  const std::string_view vowel_separator = "\u180e";  // \s for PCRE2, not White_Space
  EXPECT_FALSE(matches("\\s", vowel_separator));
  EXPECT_FALSE(matches("[x\\s]", vowel_separator));
  EXPECT_TRUE(matches("\\S", vowel_separator));
  EXPECT_TRUE(matches("[\\S]", vowel_separator));
  EXPECT_TRUE(matches("\\s", "\u0085"));
  EXPECT_TRUE(matches("\\w", "\u0301"));
  EXPECT_TRUE(matches("\\w", "½"));
  EXPECT_FALSE(matches("[\\w]", "½"));
  EXPECT_FALSE(matches("\\W", "ⓐ"));
  EXPECT_TRUE(matches("a$", "a\nb"));  // lines, not the whole text
  EXPECT_TRUE(matches("[]a]", "]"));   // a bracket first in a class stands for itself
  EXPECT_TRUE(matches("\\p{L}++x?+", "é"));
  EXPECT_TRUE(matches("(?i:'S|'t)", "'s"));
}

TEST(Regex, ReadsClassesInsideClassesAsOniguruma) {
  MatchMemory memory;
  const auto all = [&](const char* pattern, const std::string& text) {
    std::string found;
    Regex(pattern).each_match(text, memory,
                              [&](Regex::Match m) { found += text.substr(m.begin, m.end - m.begin) + "|"; });
    return found;
  };
  EXPECT_EQ(all("[^(\\s|[.,!?])]+", "ab (c|d.e f"), "ab|c|d|e|f|");  // BLOOM's
  EXPECT_EQ(all("[a-z&&[^aeiou]]+", "hello world"), "h|ll|w|rld|");
  EXPECT_EQ(all("[\\w&&[\\p{L}]]+", "a1b22cd"), "a|b|cd|");
}

TEST(Regex, RefusesWhatTheEnginesReadDifferently) {
  for (const char* pattern : {"\\b", "\\h", "[a[^b]]", "[a-[b]]", "[a&&b]", "[^a&&[b]]", "[a&&[b[c]]]", "a{1,3}+",
                              "(?m:a)", "(?s)a", "(*UCP)a", "[\\W]", "(", "\xff"})
    EXPECT_THROW(Regex{pattern}, Error) << pattern;
}

}  // namespace
}  // namespace lorica
