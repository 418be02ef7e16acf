#include "recipes/yaml_tree.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "io/tokenizer/utf8.h"

namespace lorica {
namespace {

constexpr size_t kMaxBytes = 1 << 20;
constexpr size_t kMaxDepth = 32;

/// Length of the UTF-8 character that begins at `text[i]`, 0 where the bytes are not one (overlong and surrogate forms
/// too).
size_t utf8_length(std::string_view text, size_t i) {
  const auto byte = [&](size_t k) { return i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0u; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xc2 && first < 0xe0   ? 2
                        : first >= 0xe0 && first < 0xf0 ? 3
                        : first >= 0xf0 && first < 0xf5 ? 4
                                                        : 0;
  for (size_t k = 1; k < length; ++k)
    if ((byte(k) & 0xc0) != 0x80) return 0;
  if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) >= 0xa0)) return 0;
  if ((first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) >= 0x90)) return 0;
  return length;
}

/// yaml-cpp ends the input at 0x04 and replaces bad bytes without a word, so both are looked for first.
void check_characters(std::string_view text) {
  int line = 1;
  size_t line_start = 0;
  for (size_t i = 0; i < text.size();) {
    const unsigned char c = static_cast<unsigned char>(text[i]);
    const int column = static_cast<int>(i - line_start) + 1;
    if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f)
      throw YamlProblem(line, column, fmt::format("control character 0x{:02x} is not allowed", c));
    const size_t length = utf8_length(text, i);
    if (length == 0) throw YamlProblem(line, column, fmt::format("byte 0x{:02x} is not UTF-8", c));
    if (c == '\n') {
      ++line;
      line_start = i + 1;
    }
    i += length;
  }
}

/// Whether a scalar that begins at `text` with a quote, perhaps after an anchor, also ends with one.
bool quote_is_closed(std::string_view text) {
  if (!text.empty() && text[0] == '&') {
    text.remove_prefix(std::min(text.find_first_of(" \t\r\n"), text.size()));
    text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  }
  if (text.empty() || (text[0] != '"' && text[0] != '\'')) return true;
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '\\' && text[0] == '"') {
      ++i;
    } else if (text[i] == text[0]) {
      if (text[0] == '"' || i + 1 == text.size() || text[i + 1] != '\'') return true;
      ++i;  // '' stands for one '
    }
  }
  return false;
}

/// yaml-cpp 0.7 and its successors name the type of a collection's style differently: it is read off the interface.
template <class Member>
struct LastArgument;
template <class A, class B, class C, class Last>
struct LastArgument<void (YAML::EventHandler::*)(A, B, C, Last)> {
  using Type = Last;
};
using Style = LastArgument<decltype(&YAML::EventHandler::OnMapStart)>::Type;

/// Builds the tree from the parser's events. Events, not YAML::Node: they tell quoted scalars and the places of keys,
/// and the depth can be bounded while the text is read.
class TreeBuilder : public YAML::EventHandler {
 public:
  std::shared_ptr<const YamlNode> root;

  explicit TreeBuilder(std::string_view text) : text_(text) {
    if (text.starts_with("\xef\xbb\xbf")) text_.remove_prefix(3);  // a byte order mark counts in no column
    line_starts_.push_back(0);
    for (size_t i = 0; i < text_.size(); ++i)
      if (text_[i] == '\n') line_starts_.push_back(i + 1);
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ > 0)
      throw YamlProblem(mark.line + 1, 0, "a second document begins here; a recipe is one document");
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    leaf(make(mark, YamlNode::Kind::kNull), anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end())
      throw YamlProblem(mark.line + 1, mark.column + 1, "this alias stands inside its own anchor");
    add(found->second);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_tag(mark, tag);
    auto node = make(mark, YamlNode::Kind::kScalar);
    node->text = value;
    node->quoted = tag == "!";
    // yaml-cpp takes the end of the text for a closing quote
    if (node->quoted && !quote_is_closed(from(mark)))
      throw YamlProblem(node->line, node->column, "this quote is never closed");
    leaf(node, anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Style) override {
    open(mark, tag, anchor, YamlNode::Kind::kList);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Style) override {
    open(mark, tag, anchor, YamlNode::Kind::kMap);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    std::shared_ptr<YamlNode> node;
    YAML::anchor_t anchor;
    bool has_key = false;
  };

  std::string_view from(const YAML::Mark& mark) const {
    const size_t line = static_cast<size_t>(mark.line);
    if (line >= line_starts_.size()) return {};
    return text_.substr(std::min(line_starts_[line] + static_cast<size_t>(mark.column), text_.size()));
  }
  static std::shared_ptr<YamlNode> make(const YAML::Mark& mark, YamlNode::Kind kind) {
    auto node = std::make_shared<YamlNode>();
    node->kind = kind;
    node->line = mark.line + 1;
    node->column = mark.column + 1;
    return node;
  }
  static void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (!tag.empty() && tag != "?" && tag != "!")
      throw YamlProblem(mark.line + 1, mark.column + 1, "tags (!...) are not used in recipes");
  }
  void leaf(const std::shared_ptr<YamlNode>& node, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) anchors_[anchor] = node;
    add(node);
  }
  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YamlNode::Kind kind) {
    refuse_tag(mark, tag);
    if (stack_.size() == kMaxDepth) throw YamlProblem(mark.line + 1, mark.column + 1, "nested too deeply");
    stack_.push_back({make(mark, kind), anchor});
  }
  void close() {
    Open closed = std::move(stack_.back());
    stack_.pop_back();
    if (closed.anchor != YAML::NullAnchor) anchors_[closed.anchor] = closed.node;
    add(closed.node);
  }
  void add(const std::shared_ptr<const YamlNode>& node) {
    if (stack_.empty()) {
      root = node;
      return;
    }
    Open& parent = stack_.back();
    if (parent.node->kind == YamlNode::Kind::kList) {
      parent.node->items.push_back(node);
    } else if (parent.has_key) {
      parent.node->entries.back().value = node;
      parent.has_key = false;
    } else {
      if (node->kind != YamlNode::Kind::kScalar)
        throw YamlProblem(node->line, node->column, "expected the name of a key");
      parent.node->entries.push_back({node->text, node->line, nullptr});
      parent.has_key = true;
    }
  }

  std::string_view text_;
  std::vector<size_t> line_starts_;
  int documents_ = 0;
  std::vector<Open> stack_;
  std::map<YAML::anchor_t, std::shared_ptr<const YamlNode>> anchors_;
};

}  // namespace

std::shared_ptr<const YamlNode> parse_yaml(std::string_view text) {
  if (text.size() > kMaxBytes)
    throw YamlProblem(1, 0, fmt::format("{} bytes, which is more than the {} allowed", text.size(), kMaxBytes));
  check_characters(text);
  TreeBuilder builder(text);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    const bool placed = !error.mark.is_null();
    throw YamlProblem(placed ? error.mark.line + 1 : 1, placed ? error.mark.column + 1 : 0, error.msg);
  }
  return builder.root ? builder.root : std::make_shared<const YamlNode>();
}

std::string shown(const std::string& text) {
  constexpr size_t kLongest = 60;
  size_t end = std::min(text.size(), kLongest);
  while (end < text.size() && end > 0 && !utf8::begins_character(text[end])) --end;
  std::string line;
  for (const char c : text.substr(0, end)) {
    const unsigned char byte = static_cast<unsigned char>(c);
    line += byte < 0x20 || byte == 0x7f ? fmt::format("\\x{:02x}", byte) : std::string(1, c);
  }
  return line + (end < text.size() ? "..." : "");
}

std::string shown(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return "nothing";
    case YamlNode::Kind::kList:
      return node.items.empty() ? "an empty list" : "a list";
    case YamlNode::Kind::kMap:
      return "a mapping";
    case YamlNode::Kind::kScalar:
      break;
  }
  return "'" + shown(node.text) + "'";
}

std::string yaml_quoted(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  const auto plain = [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '/' || c == '.' || c == '-'; };
  const std::string_view reserved[] = {"null", "Null", "NULL", "true", "True", "TRUE", "false", "False", "FALSE",
                                       "yes",  "Yes",  "no",   "No",   "on",   "On",   "off",   "Off"};
  if (!text.empty() && letter(text[0]) && std::all_of(text.begin(), text.end(), plain) &&
      std::find(std::begin(reserved), std::end(reserved), text) == std::end(reserved))
    return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    const unsigned char byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (c == '\n') {
      quoted += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      quoted += fmt::format("\\x{:02x}", byte);
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

}  // namespace lorica
