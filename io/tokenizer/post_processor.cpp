#include "io/tokenizer/post_processor.h"

#include <limits>

#include "kernels/error.h"

namespace lorica {
namespace {

int32_t read_id(const JsonNode& node) {
  return static_cast<int32_t>(node.count(std::numeric_limits<int32_t>::max() - 1));
}

PostProcessor read_template(const JsonNode& node) {
  node.allow_only({"type", "single", "pair", "special_tokens"});
  const JsonNode special = node.at("special_tokens");
  PostProcessor result;
  bool text_seen = false;
  const JsonNode single = node.at("single");
  single.each([&](const JsonNode& piece) {
    piece.allow_only({"Sequence", "SpecialToken"});
    if (const auto text = piece.find("Sequence")) {
      if (text_seen || text->at("id").string() != "A") text->fail("a template must hold the text, A, exactly once");
      text_seen = true;
      return;
    }
    const JsonNode token = special.at(piece.at("SpecialToken").at("id").string());
    token.at("ids").each(
        [&](const JsonNode& id) { (text_seen ? result.after : result.before).push_back(read_id(id)); });
  });
  if (!text_seen) single.fail("a template must hold the text, A, exactly once");
  return result;
}

// BERT and RoBERTa write the pair of a token and its id: ["</s>", 2].
int32_t read_token_id(const JsonNode& node) {
  if (!node.is_array() || node.size() != 2) node.expected("a token and its id");
  int32_t id = 0;
  bool is_token = true;
  node.each([&](const JsonNode& element) {
    if (is_token) element.string();
    if (!is_token) id = read_id(element);
    is_token = false;
  });
  return id;
}

}  // namespace

PostProcessor read_post_processor(const JsonNode& node) {
  const std::string& type = node.at("type").string();
  if (type == "ByteLevel") {
    node.allow_only({"type", "add_prefix_space", "trim_offsets", "use_regex"});
    return {};
  }
  if (type == "TemplateProcessing") return read_template(node);
  if (type == "BertProcessing" || type == "RobertaProcessing") {
    node.allow_only({"type", "sep", "cls", "trim_offsets", "add_prefix_space"});
    return {.before = {read_token_id(node.at("cls"))}, .after = {read_token_id(node.at("sep"))}};
  }
  if (type == "Sequence") {
    node.allow_only({"type", "processors"});
    PostProcessor result;
    node.at("processors").each([&](const JsonNode& step) {
      PostProcessor read = read_post_processor(step);
      if (read.before.empty() && read.after.empty()) return;
      if (!result.before.empty() || !result.after.empty())
        step.fail("a second template in a Sequence is not supported");
      result = std::move(read);
    });
    return result;
  }
  node.at("type").fail(fmt::format("post-processor '{}' is not supported", type));
}

}  // namespace lorica
