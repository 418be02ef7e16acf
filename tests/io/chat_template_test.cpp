#include "io/chat_template/chat_template.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "io/formats/file_bytes.h"
#include "kernels/error.h"

namespace lorica {
namespace {

using nlohmann::ordered_json;

const std::filesystem::path kData = std::filesystem::path(TEST_DATA) / "templates";

ordered_json read_json(const char* name) { return ordered_json::parse(read_file(kData / name)); }

std::shared_ptr<const ordered_json> share(ordered_json json) {
  return std::make_shared<const ordered_json>(std::move(json));
}

ChatTemplate load(const std::string& name) { return {read_file(kData / name), name}; }

std::string error_of(const auto& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

std::string render(const std::string& source, const RenderOptions& options = {}) {
  return ChatTemplate(source, "t.jinja").render(ordered_json::array(), options);
}

// Published templates against Transformers' own renderings, or the exception that it raised.
TEST(ChatTemplate, RendersPublishedTemplatesAsTransformersDoes) {
  const ordered_json golden = read_json("chat_templates.json");
  ASSERT_EQ(golden["cases"].size(), 84u);
  for (const ordered_json& test : golden["cases"]) {
    RenderOptions options;
    options.add_generation_prompt = test["add_generation_prompt"];
    options.bos_token = golden["bos_token"];
    options.eos_token = golden["eos_token"];
    if (test["tools"]) options.tools = share(golden["tools"]);
    options.extra = share({{"date_string", golden["date_string"]}, {"unk_token", "<unk>"}, {"pad_token", "</s>"}});
    const std::string name = test["template"];
    SCOPED_TRACE(name + " " + test["name"].get<std::string>());
    const ChatTemplate chat = load(name);
    if (test.contains("text")) {
      EXPECT_EQ(chat.render(test["messages"], options), test["text"].get<std::string>());
    } else {
      const std::string message = error_of([&] { chat.render(test["messages"], options); });
      const std::string wanted = test["error"].get<std::string>().substr(sizeof("TemplateError: ") - 1);
      EXPECT_TRUE(message.starts_with(name + ":") && message.ends_with(": " + wanted)) << message << "\n" << wanted;
    }
  }
}

TEST(ChatTemplate, RendersSmolLmPromptsAsTransformersDoes) {
  const ChatTemplate chat = load("SmolLM2-135M-Instruct.jinja");
  RenderOptions options;
  options.add_generation_prompt = true;
  for (const ordered_json& prompt : read_json("smollm2_prompts.json")) {
    const ordered_json messages = {{{"role", "user"}, {"content", prompt["prompt"]}}};
    EXPECT_EQ(chat.render(messages, options), prompt["rendered"].get<std::string>());
  }
}

/// Ranges counted in characters, as Python has them, of ranges counted in bytes.
std::vector<std::pair<size_t, size_t>> in_characters(const ChatTemplate::Rendered& rendered) {
  const auto characters = [&](size_t bytes) {
    size_t count = 0;
    for (size_t i = 0; i < bytes; ++i) count += (rendered.text[i] & 0xC0) != 0x80 ? 1 : 0;
    return count;
  };
  std::vector<std::pair<size_t, size_t>> out;
  for (const auto& [first, last] : rendered.generation) out.emplace_back(characters(first), characters(last));
  return out;
}

void check_language_error(const ordered_json& test, const std::string& got) {
  ASSERT_NE(got, "") << "no error, but Jinja raises " << test["error"];
  if (test.contains("message")) {
    EXPECT_NE(got.find(test["message"].get<std::string>()), std::string::npos)
        << got << "\nwanted: " << test["message"];
  }
  // Python's own SyntaxError comes from the compiled template, whose lines mean nothing here.
  if (test["line"] != 0 && test["error"] != "SyntaxError") {
    EXPECT_TRUE(got.starts_with("t.jinja:" + test["line"].dump() + ": ")) << got << "\nwanted line " << test["line"];
  }
}

// Small templates, a construct each, against jinja2 in Transformers' environment.
TEST(ChatTemplate, FollowsJinjaConstructByConstruct) {
  const ordered_json golden = read_json("language_cases.json");
  ASSERT_GT(golden["cases"].size(), 1300u);
  RenderOptions options;
  options.extra = share(golden["context"]);
  for (const ordered_json& test : golden["cases"]) {
    const std::string source = test["template"];
    SCOPED_TRACE(source);
    ChatTemplate::Rendered rendered;
    const std::string error = error_of([&] {
      const ChatTemplate chat(source, "t.jinja");
      rendered = chat.render_marked(ordered_json::array(), options);
    });
    if (test.contains("error")) {
      check_language_error(test, error);
    } else {
      EXPECT_EQ(error, "");
      EXPECT_EQ(rendered.text, test["text"].get<std::string>());
    }
    if (test.contains("generation")) {
      EXPECT_EQ(ordered_json(in_characters(rendered)), test["generation"]);
    }
  }
}

TEST(ChatTemplate, MarksGenerationInBytes) {
  const ChatTemplate chat(
      "{% for m in messages %}{% if m.role == 'assistant' %}é{% generation %}{{ m.content }}.{% endgeneration %}"
      "{% else %}{{ m.content }}{% endif %}{% endfor %}",
      "t.jinja");
  const ordered_json messages = {{{"role", "user"}, {"content", "hi"}},
                                 {{"role", "assistant"}, {"content", "ñ"}},
                                 {{"role", "assistant"}, {"content", "b"}}};
  const ChatTemplate::Rendered rendered = chat.render_marked(messages, {});
  EXPECT_EQ(rendered.text, "hiéñ.éb.");
  const std::vector<std::pair<size_t, size_t>> wanted = {{4, 7}, {9, 11}};
  EXPECT_EQ(rendered.generation, wanted);
}

TEST(ChatTemplate, RefusesToMarkGenerationWhosePlaceIsUnknown) {
  const ChatTemplate chat("{% macro m() %}{% generation %}x{% endgeneration %}{% endmacro %}\n{{ m() }}", "t.jinja");
  EXPECT_EQ(chat.render(ordered_json::array(), {}), "x");
  EXPECT_EQ(error_of([&] { chat.render_marked(ordered_json::array(), {}); }),
            "t.jinja:1: a generation block inside a macro, call, filter or set block has no place in the text to mark");
}

const ordered_json kTalk = {{{"role", "system"}, {"content", "s"}},
                            {{"role", "user"}, {"content", "é"}},
                            {{"role", "assistant"}, {"content", "a"}},
                            {{"role", "user"}, {"content", "b"}},
                            {{"role", "assistant"}, {"content", " c "}}};

/// Whether turns were marked; those that were are what the first messages alone give.
bool check_turns(const ChatTemplate& chat, const RenderOptions& options) {
  const ChatTemplate::Rendered whole = chat.render_marked(kTalk, options);
  EXPECT_EQ(whole.text, chat.render(kTalk, options));
  for (size_t i = 0; i < whole.turns.size(); ++i) {
    const ordered_json first(ordered_json::array_t(kTalk.begin(), kTalk.begin() + static_cast<int64_t>(i) + 1));
    const jinja::Turn& turn = whole.turns[i];
    RenderOptions own = options;
    EXPECT_EQ(whole.text.substr(0, turn.end) + turn.close, chat.render(first, own));
    own.add_generation_prompt = true;
    EXPECT_EQ(whole.text.substr(0, turn.end) + turn.prompt, chat.render(first, own));
  }
  EXPECT_TRUE(whole.turns.empty() || whole.turns.size() == kTalk.size());
  return !whole.turns.empty();
}

TEST(ChatTemplate, MarksTheTurnsOfTemplatesThatWriteOneAfterTheOther) {
  RenderOptions options;
  options.bos_token = "B";
  options.eos_token = "E";
  for (const char* source :
       {"{% for m in messages %}{{ m.content }}{% endfor %}", "{% for m in messages %}{% endfor %}{{ eos_token }}",
        "{% set s = messages[0].content %}{% set n = namespace(k=0) %}{% for m in messages %}{% set n.k = n.k + 1 %}"
        "{{ n.k ~ s ~ loop.index }}{% for c in m.content %}{{ c ~ loop.last }}{% endfor %}{% endfor %}"
        "{% if add_generation_prompt %}<{{ bos_token }}>{% endif %}"}) {
    SCOPED_TRACE(source);
    EXPECT_TRUE(check_turns(ChatTemplate(source, "t.jinja"), options));
  }
  EXPECT_TRUE(check_turns(load("SmolLM2-135M-Instruct.jinja"), {}));
}

// What comes later, or how often the end is written, would change what is written before.
TEST(ChatTemplate, MarksNoTurnsWhereLaterMessagesMayBeSeen) {
  const std::string each = "{% for m in messages %}{{ m.content }}";
  const std::vector<std::string> sources = {
      each + "{{ loop.last }}{% endfor %}",
      each + "{{ loop['last'] }}{% endfor %}",
      each + "{{ messages|length }}{% endfor %}",
      each + "{{ messages[-1].role }}{% endfor %}",
      each + "{{ messages[1].role }}{% endfor %}",
      each + "{% if loop.index > 2 %}{% break %}{% endif %}{% endfor %}",
      each + "{{ add_generation_prompt }}{% endfor %}",
      each + "{% for x in m if loop.last %}{{ x }}{% endfor %}{% endfor %}",
      each + "{% endfor %}{{ messages[0].role }}",
      each + "{% else %}none{% endfor %}",
      each + "{% endfor %}" + each + "{% endfor %}",
      "{% set all = messages %}" + each + "{{ all|length }}{% endfor %}",
      "{% set bos_token = cycler(1, 2) %}" + each + "{% endfor %}{{ bos_token.next() }}",
      "{% set n = namespace(k=0) %}" + each + "{% set n.k = n.k + 1 %}{% endfor %}{{ n.k }}",
      "{% for m in messages[1:] %}{{ m.content }}{% endfor %}",
      "{% for m in messages if m.content %}x{% endfor %}",
      "x"};
  for (const std::string& source : sources) {
    SCOPED_TRACE(source);
    EXPECT_FALSE(check_turns(ChatTemplate(source, "t.jinja"), {}));
  }
}

TEST(ChatTemplate, GivesReasoningUnderEachOfItsNames) {
  const ChatTemplate chat("{{ messages[0]|tojson }}", "t.jinja");
  EXPECT_EQ(chat.render({{{"role", "assistant"}, {"reasoning", "r"}}}, {}),
            R"({"thinking": "r", "role": "assistant", "reasoning": "r", "reasoning_content": "r"})");
  EXPECT_EQ(chat.render({{{"role", "user"}, {"content", "c"}}}, {}), R"({"role": "user", "content": "c"})");
}

TEST(ChatTemplate, TakesTimeAndTokensFromTheOptions) {
  RenderOptions options;
  options.now = std::tm{};
  options.now->tm_year = 124, options.now->tm_mon = 6, options.now->tm_mday = 26;
  options.bos_token = "<s>", options.eos_token = "</s>";
  options.extra = share({{"enable_thinking", false}});
  EXPECT_EQ(
      render("{{ bos_token }}{{ strftime_now('%d %b %Y') }}{{ eos_token }}{{ enable_thinking }}{{ tools }}", options),
      "<s>26 Jul 2024</s>FalseNone");
}

TEST(ChatTemplate, NamesConstructsOutsideTheLanguage) {
  const auto error = [](const std::string& source) { return error_of([&] { render(source); }); };
  EXPECT_EQ(error("\n{% include 'x' %}"), "t.jinja:2: 'include' needs other templates; a chat template stands alone");
  EXPECT_EQ(error("{{ 9223372036854775807 + 1 }}"), "t.jinja:1: the result does not fit a 64-bit integer");
  EXPECT_EQ(error("{{ 99999999999999999999 }}"), "t.jinja:1: the integer 99999999999999999999 does not fit 64 bits");
  EXPECT_EQ(error("{{ 'a'.encode() }}"), "t.jinja:1: the string method 'encode' is not part of this template language");
  EXPECT_EQ(error("\xff"), "t.jinja: the template is not valid UTF-8");
}

TEST(ChatTemplate, StopsHostileTemplates) {
  RenderOptions options;
  options.limits = {.steps = 1'000'000, .bytes = size_t{1} << 26};  // a twentieth of the usual: the test is to be quick
  const auto refused = [&](const std::string& source) { return error_of([&] { render(source, options); }) != ""; };
  EXPECT_TRUE(refused("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"));
  EXPECT_TRUE(refused("{{ 'a' * 100000000000 }}"));
  EXPECT_TRUE(refused("{{ [1] * 100000000000 }}"));
  EXPECT_TRUE(refused("{{ 'a'.center(100000000000) }}{{ '%100000000000d' % 1 }}"));
  EXPECT_TRUE(
      refused("{% set ns = namespace(s='a') %}{% for i in range(99) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}"));
  EXPECT_TRUE(refused("{% set ns = namespace(s=[]) %}{% for i in range(999) %}{% set ns.s = [ns.s] %}{% endfor %}"));
  EXPECT_TRUE(
      refused("{% set ns = namespace(s=[1]) %}{% for i in range(60) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}"
              "{{ ns.s }}"));
  EXPECT_TRUE(refused("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"));
  EXPECT_TRUE(refused("{% for x in [1] recursive %}{{ loop([x]) }}{% endfor %}"));
  EXPECT_TRUE(
      refused("{% set ns = namespace() %}{% for x in [1] recursive %}{% set ns.l = loop %}{% endfor %}"
              "{{ ns.l([1]) }}{{ 1 / 0 }}"));
  EXPECT_TRUE(refused("{% set ns = namespace() %}{% set ns.a = [ns] %}{{ ns }}"));
  EXPECT_TRUE(refused("{{ " + std::string(5000, '(') + "1" + std::string(5000, ')') + " }}"));
  EXPECT_TRUE(refused("{{ 1" + std::string(20000, '+') + "1 }}"));
  std::string chain = "{{ 1";
  for (int i = 0; i < 5000; ++i) chain += " + 1";
  EXPECT_TRUE(refused(chain + " }}"));
  std::string nested;
  for (int i = 0; i < 5000; ++i) nested += "{% if 1 %}";
  EXPECT_TRUE(refused(nested));
}

class ModelFolder : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              (std::string("lorica_template_") + testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void write(const char* name, const std::string& text) const { std::ofstream(folder_ / name) << text; }

  std::filesystem::path folder_;
};

TEST_F(ModelFolder, PrefersTheTemplateFile) {
  write("chat_template.jinja", "file");
  write("tokenizer_config.json",
        R"({"chat_template": "config", "bos_token": "<s>", "eos_token": {"content": "</s>"}})");
  const ModelTemplate model = load_chat_template(folder_);
  EXPECT_EQ(model.chat->render(ordered_json::array(), {}), "file");
  EXPECT_EQ(model.bos_token, "<s>");
  EXPECT_EQ(model.eos_token, "</s>");
}

TEST_F(ModelFolder, TakesTheDefaultOfNamedTemplatesAndTokensOfTheMap) {
  write(
      "tokenizer_config.json",
      R"({"chat_template": [{"name": "tool_use", "template": "t"}, {"name": "default", "template": "d"}], "bos_token": null})");
  write("special_tokens_map.json", R"({"bos_token": "<b>", "eos_token": {"content": "<e>"}})");
  const ModelTemplate model = load_chat_template(folder_);
  EXPECT_EQ(model.chat->render(ordered_json::array(), {}), "d");
  EXPECT_EQ(model.bos_token, "");
  EXPECT_EQ(model.eos_token, "<e>");
}

TEST_F(ModelFolder, MayHaveNoTemplate) {
  write("tokenizer_config.json", R"({"eos_token": "</s>"})");
  const ModelTemplate model = load_chat_template(folder_);
  EXPECT_EQ(model.chat, nullptr);
  EXPECT_EQ(model.eos_token, "</s>");
}

TEST_F(ModelFolder, NamesTheFileWithBrokenJson) {
  write("tokenizer_config.json", "{");
  EXPECT_NE(error_of([&] { load_chat_template(folder_); }).find("tokenizer_config.json"), std::string::npos);
}

}  // namespace
}  // namespace lorica
