#include "io/tokenizer/rewrite.h"

#include "io/tokenizer/utf8.h"

namespace lorica {

bool rewrite_characters(std::string& text, FunctionRef<void(char32_t, std::string&)> write) {
  std::string out;
  out.reserve(text.size());
  bool keeps_start = true;
  for (size_t at = 0; at < text.size();) {
    const utf8::Step step = utf8::decode(text, at);
    write(step.character, out);
    if (at == 0 && out.empty()) keeps_start = false;
    at += step.size;
  }
  text = std::move(out);
  return keeps_start;
}

bool remove_characters(std::string& text, FunctionRef<bool(char32_t)> goes) {
  return rewrite_characters(text, [&](char32_t c, std::string& out) {
    if (!goes(c)) utf8::append(out, c);
  });
}

void lower_characters(std::string& text) {
  rewrite_characters(text, [](char32_t c, std::string& out) {
    utf8::append(out, utf8::to_lower(c));
    if (c == 0x130) utf8::append(out, 0x307);  // the one letter whose small form is two characters
  });
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  size_t at = text.find(from);
  if (at == std::string::npos) return;
  std::string out;
  size_t done = 0;
  for (; at != std::string::npos; at = text.find(from, done)) {
    out.append(text, done, at - done) += to;
    done = at + from.size();
  }
  out.append(text, done);
  text = std::move(out);
}

}  // namespace lorica
