#pragma once
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace lorica {

/// One value of a YAML document with the place it came from. Lines and columns count from 1.
struct YamlNode {
  enum class Kind : uint8_t { kNull, kScalar, kList, kMap };
  struct Entry;

  Kind kind = Kind::kNull;
  std::string text;     ///< scalar only
  bool quoted = false;  ///< scalar only: in quotes or a block, so it is a text whatever it looks like
  int line = 1, column = 1;
  std::vector<std::shared_ptr<const YamlNode>> items;  ///< list only
  std::vector<Entry> entries;                          ///< map only, in the file's order, repeated keys included
};
struct YamlNode::Entry {
  std::string key;
  int line = 1;
  std::shared_ptr<const YamlNode> value;
};

/// What is wrong with a YAML text, and where; `column` 0 means the whole line.
struct YamlProblem : std::runtime_error {
  YamlProblem(int at_line, int at_column, const std::string& what)
      : runtime_error(what), line(at_line), column(at_column) {}
  int line, column;
};

/// Parses one YAML document; an empty text gives a kNull node. Anchors and aliases are resolved (the nodes are shared,
/// not copied). Throws YamlProblem on a syntax error, a second document, a tag, a key that is not a scalar, control
/// characters, bytes that are not UTF-8, nesting deeper than 32 and texts over 1 MiB.
std::shared_ptr<const YamlNode> parse_yaml(std::string_view text);

/// `text` for a one-line message: escapes instead of line breaks, and cut off, between characters, where it is long.
std::string shown(const std::string& text);
/// What stands at a node, for a message: "'16'", "a list".
std::string shown(const YamlNode& node);

/// A text as a YAML scalar that reads back as the same text in any context: plain where that is safe, else in double
/// quotes.
std::string yaml_quoted(std::string_view text);

}  // namespace lorica
