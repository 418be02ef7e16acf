#include "io/tokenizer/pattern.h"

#include "kernels/error.h"

namespace lorica {

Regex read_pattern(const JsonNode& node) {
  node.allow_only({"Regex", "String"});
  const auto written = node.find("Regex");
  std::string text;
  if (written) {
    text = written->string();
  } else {
    for (const char c : node.at("String").string()) {
      if (std::string_view("\\.+*?()|[]{}^$#&-~/").find(c) != std::string_view::npos) text += '\\';
      text += c;
    }
  }
  try {
    return Regex(text);
  } catch (const Error& error) {
    node.fail(error.what());
  }
}

}  // namespace lorica
