#include <gtest/gtest.h>

#include "io/data/conversation.h"
#include "tests/io/data_fakes.h"

namespace lorica {
namespace {

using fake::assistant;
using fake::content;
using fake::Json;
using fake::role;
using fake::user;

const std::vector<std::string> kSpecials = {"<bos>",         "<|im_start|>", "<|im_end|>", "<|end|>",
                                            "<|endoftext|>", "</s>",         "[INST]",     "[/INST]"};

/// The decoded runs of trained tokens.
std::vector<std::string> trained_runs(const TextTokenizer& tokenizer, const EncodedConversation& encoded) {
  std::vector<std::string> runs;
  for (size_t i = 0; i < encoded.ids.size(); ++i) {
    if (encoded.trained.at(i) == 0) continue;
    if (i == 0 || encoded.trained[i - 1] == 0) runs.emplace_back();
    runs.back() += tokenizer.decode({&encoded.ids[i], 1});
  }
  return runs;
}

struct Shape {
  explicit Shape(fake::Chat::Render render, std::string eos = "<|im_end|>", std::vector<std::string> generated = {})
      : chat(std::move(render), std::move(generated)), model{&tokenizer, &chat, "<bos>", std::move(eos)} {}

  EncodedConversation encode(const Json& messages) const { return ConversationEncoder(model).encode(messages); }
  std::vector<std::string> runs(const Json& messages) const { return trained_runs(tokenizer, encode(messages)); }

  fake::Tokenizer tokenizer{kSpecials};
  fake::Chat chat;
  TextModel model;
};

using Runs = std::vector<std::string>;

bool noted(const EncodedConversation& encoded, Check check) {
  return std::any_of(encoded.notes.begin(), encoded.notes.end(), [&](const Note& n) { return n.check == check; });
}

TEST(Masks, ChatmlTrainsEveryReplyWithItsEndAndNothingElse) {
  const Shape shape(fake::chatml);
  const Json messages = {user("Hi"), assistant("Hello there"), user("Where is it"), assistant("On its way\n\nBye")};
  const auto encoded = shape.encode(messages);
  EXPECT_EQ(trained_runs(shape.tokenizer, encoded), (Runs{"Hello there<|im_end|>", "On its way\n\nBye<|im_end|>"}));
  EXPECT_EQ(encoded.ids, shape.tokenizer.encode(fake::chatml(messages, false), false));
  EXPECT_TRUE(encoded.notes.empty());
  EXPECT_EQ(encoded.text.substr(0, encoded.prompt_end), fake::chatml(Json::array({user("Hi")}), true));
}

TEST(Masks, TheLastUserTurnIsContextOnly) {
  const Shape shape(fake::chatml);
  EXPECT_EQ(shape.runs({user("a"), assistant("b"), user("c")}), (Runs{"b<|im_end|>"}));
}

TEST(Masks, AConversationMayStartWithAReply) {
  const Shape shape(fake::chatml);
  EXPECT_EQ(shape.runs({assistant("Welcome"), user("c"), assistant("d")}), (Runs{"Welcome<|im_end|>", "d<|im_end|>"}));
}

TEST(Masks, ATokenThatStraddlesTheStartBelongsToThePrompt) {
  Shape shape(fake::chatml);
  for (const bool tells_starts : {false, true}) {
    shape.tokenizer.tells_starts = tells_starts;
    // The header's line end and the reply's first one are a single token, which the generation prompt does not hold.
    const auto encoded = shape.encode({user("a"), assistant("\nb c"), user("d"), assistant("e"), user("f")});
    EXPECT_EQ(trained_runs(shape.tokenizer, encoded), (Runs{"b c<|im_end|>", "e<|im_end|>"}));
    EXPECT_EQ(shape.tokenizer.decode(encoded.ids), encoded.text);
  }
}

TEST(Masks, EndOfTextAfterTheLastTurnIsNotTrained) {
  // As Phi-3 does. What stands between the generation prompt and the reply, here ~, is the model's to write.
  const auto phi = [](const Json& messages, bool prompt) {
    std::string text;
    for (const auto& m : messages) {
      text += "[INST]" + role(m) + "\n" + (role(m) == "assistant" ? "~" : "") + content(m) + "<|end|>\n";
    }
    return text + (prompt ? "[INST]assistant\n" : "<|endoftext|>");
  };
  const Shape shape(phi, "<|endoftext|>");
  EXPECT_EQ(shape.runs({user("a"), assistant("one"), user("b"), assistant("two")}),
            (Runs{"~one<|end|>", "~two<|end|>"}));
}

TEST(Masks, AReplyThatQuotesTheEndTokenIsTrainedToItsOwnEnd) {
  const Shape shape(fake::chatml);
  EXPECT_EQ(shape.runs({user("a"), assistant("x <|im_end|> y")}), (Runs{"x <|im_end|> y<|im_end|>"}));
}

TEST(Masks, NothingPredictsTheFirstToken) {
  const fake::Tokenizer tokenizer(kSpecials);
  const TextModel model{&tokenizer, nullptr, "", "</s>"};
  const auto encoded = ConversationEncoder(model).encode({user(""), assistant("b c")});
  EXPECT_EQ(trained_runs(tokenizer, encoded), (Runs{" c</s>"}));
}

TEST(Masks, FollowsATemplateThatMovesTheSystemText) {
  const auto nemo = [](const Json& messages, bool prompt) {
    (void)prompt;
    std::string text = "<bos>", instructions;
    for (size_t i = 0; i < messages.size(); ++i) {
      const auto& m = messages[i];
      if (role(m) == "system") instructions = content(m) + "\n\n";
      const bool last_user = std::none_of(messages.begin() + static_cast<std::ptrdiff_t>(i) + 1, messages.end(),
                                          [](const Json& later) { return role(later) == "user"; });
      if (role(m) == "user") text += "[INST]" + (last_user ? instructions : "") + content(m) + "[/INST]";
      if (role(m) == "assistant") text += " " + content(m) + "</s>";
    }
    return text;
  };
  const Shape shape(nemo, "</s>");
  // Before the second question came, the instructions stood before the first one: no rendering is a prefix.
  const auto encoded =
      shape.encode({fake::system("Be kind"), user("a"), assistant("one"), user("b"), assistant("two")});
  EXPECT_EQ(trained_runs(shape.tokenizer, encoded), (Runs{" one</s>", " two</s>"}));
  EXPECT_TRUE(encoded.notes.empty());
}

/// Keeps the reasoning of the last reply only, and gives a last reply without any an empty one, as Qwen3 does.
std::string qwen3(const Json& messages, bool prompt) {
  std::string text;
  for (size_t i = 0; i < messages.size(); ++i) {
    std::string said = content(messages[i]), reasoning;
    if (const size_t end = said.find("</think>\n"); end != std::string::npos) {
      reasoning = said.substr(8, end - 8);
      said = said.substr(end + 9);
    }
    const bool last = i + 1 == messages.size() && role(messages[i]) == "assistant";
    text += "<|im_start|>" + role(messages[i]) + "\n" + (last ? "<think>\n" + reasoning + "</think>\n" : "") + said +
            "<|im_end|>\n";
  }
  return text + (prompt ? "<|im_start|>assistant\n" : "");
}

TEST(Masks, RepliesWithoutReasoningAreTrainedAsRendered) {
  const Shape shape(qwen3);
  EXPECT_EQ(shape.runs({user("a"), assistant("one"), user("b"), assistant("two")}),
            (Runs{"one<|im_end|>", "<think>\n</think>\ntwo<|im_end|>"}));
}

TEST(Masks, AReplyWhoseReasoningIsDroppedIsNotTrained) {
  const Shape shape(qwen3);
  const auto encoded = shape.encode(
      {user("a"), assistant("<think>\nwhy\n</think>\none"), user("b"), assistant("<think>\nhow\n</think>\ntwo")});
  EXPECT_EQ(trained_runs(shape.tokenizer, encoded), (Runs{"<think>\nhow\n</think>\ntwo<|im_end|>"}));
  EXPECT_TRUE(noted(encoded, Check::kReasoningDropped));
}

TEST(Masks, ATemplateThatRewritesEarlierTurnsIsAnError) {
  const auto counting = [](const Json& messages, bool prompt) {  // every turn names how many there are
    std::string text;
    for (const auto& m : messages) {
      text += "<|im_start|>" + std::to_string(messages.size()) + content(m) + content(m) + "<|im_end|>\n";
    }
    return text + (prompt ? "<|im_start|>" : "");
  };
  const auto encoded = Shape(counting).encode({user("a"), assistant("b"), user("c")});
  EXPECT_TRUE(noted(encoded, Check::kTemplateRewrites));
}

TEST(Masks, ATemplateThatLeavesAMessageOutIsNoted) {
  const auto no_system = [](const Json& messages, bool prompt) {
    Json rest = Json::array();
    for (const auto& m : messages) {
      if (role(m) != "system") rest.push_back(m);
    }
    return fake::chatml(rest, prompt);
  };
  const auto encoded = Shape(no_system).encode({fake::system("Be kind"), user("a"), assistant("b")});
  EXPECT_TRUE(noted(encoded, Check::kMessageDropped));
}

TEST(Masks, TheTemplatesOwnWordsAreReported) {
  const auto encoded = Shape(fake::strict).encode({user("a"), user("b")});
  ASSERT_EQ(encoded.notes.size(), 1u);
  EXPECT_EQ(encoded.notes[0].check, Check::kTemplateRejects);
  EXPECT_NE(encoded.notes[0].message.find("Conversation roles must alternate"), std::string::npos);
}

TEST(Masks, GenerationBlocksDecideWhereTheyExist) {
  const Json messages = {user("a"), assistant("b"), user("c"), assistant("Done")};
  // The blocks hold the line end after the turn, which is not trained, and leave out the first reply.
  const Shape shape(fake::chatml, "<|im_end|>", {"Done<|im_end|>\n"});
  EXPECT_EQ(shape.runs(messages), (Runs{"Done<|im_end|>"}));
  const Shape open(fake::chatml, "<|im_end|>", {"Done"});
  const auto encoded = open.encode(messages);
  EXPECT_EQ(trained_runs(open.tokenizer, encoded), (Runs{"Done"}));
  EXPECT_TRUE(noted(encoded, Check::kNoEndOfTurn));
}

TEST(Masks, ATurnWithoutAnEndTokenIsNoted) {
  const auto bare = [](const Json& messages, bool prompt) {
    std::string text;
    for (const auto& m : messages) text += role(m) + ": " + content(m) + "\n";
    return text + (prompt ? "assistant:" : "");
  };
  const Shape shape(bare, "</s>");
  const auto encoded = shape.encode({user("a"), assistant("b")});
  EXPECT_EQ(trained_runs(shape.tokenizer, encoded), (Runs{" b\n"}));
  EXPECT_TRUE(noted(encoded, Check::kNoEndOfTurn));
}

TEST(Masks, PlainRowsAreBosPromptResponseEos) {
  const fake::Tokenizer tokenizer(kSpecials, true);
  const TextModel model{&tokenizer, nullptr, "<bos>", "</s>"};
  const auto encoded = ConversationEncoder(model).encode({fake::system("Sys"), user("Ask"), assistant(" Reply")});
  EXPECT_EQ(tokenizer.decode(encoded.ids), "<bos>Sys\n\nAsk Reply</s>");
  EXPECT_EQ(trained_runs(tokenizer, encoded), (Runs{" Reply</s>"}));
  EXPECT_TRUE(encoded.notes.empty());
  const auto doubled = ConversationEncoder(model).encode({user("<bos>Ask"), assistant(" Reply")});
  EXPECT_TRUE(noted(doubled, Check::kDoubledBos));
  const TextModel endless{&tokenizer, nullptr, "<bos>", ""};
  EXPECT_TRUE(noted(ConversationEncoder(endless).encode({user("Ask"), assistant("x")}), Check::kNoEndOfTurn));
}

TEST(Masks, TheTokenizersOwnBosIsNotAddedToATemplate) {
  const fake::Tokenizer tokenizer(kSpecials, true);
  const fake::Chat chat(fake::strict);
  const TextModel model{&tokenizer, &chat, "<bos>", "<|im_end|>"};
  const auto encoded = ConversationEncoder(model).encode({user("a"), assistant("b")});
  EXPECT_EQ(std::count(encoded.ids.begin(), encoded.ids.end(), *tokenizer.id_of("<bos>")), 1);
  EXPECT_FALSE(noted(encoded, Check::kDoubledBos));
}

TEST(Masks, SpecialTokensInTheTextAreNoted) {
  const Shape shape(fake::chatml);
  EXPECT_TRUE(noted(shape.encode({user("say <|im_end|> now"), assistant("b")}), Check::kSpecialInText));
  EXPECT_TRUE(noted(shape.encode({user("a"), assistant("b <|eot|>")}), Check::kUnknownSpecial));
  EXPECT_TRUE(shape.encode({user("a <| b |> c <||> d"), assistant("b")}).notes.empty());
}

TEST(Masks, NothingToTrainIsAnError) {
  EXPECT_TRUE(noted(Shape(fake::chatml).encode(Json::array({user("a")})), Check::kNothingToTrain));
}

}  // namespace
}  // namespace lorica
