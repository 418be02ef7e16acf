#include "io/data/preview_html.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>

#include "io/data/preview.h"
#include "io/tokenizer/utf8.h"

namespace lorica {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

constexpr std::string_view kHead = R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Training data</title>
<style>
body { font: 15px/1.5 sans-serif; max-width: 60rem; margin: 1rem auto; padding: 0 1rem; color: #1a1a1a; background: #fff }
pre, .tokens { font: 14px/2 monospace; white-space: pre-wrap; overflow-wrap: anywhere }
.tokens { border: 1px solid #bbb; padding: .5rem; margin: .25rem 0 }
.tokens span { border-left: 1px solid #ddd }
.trained { background: #c8ecc8; font-weight: bold; border-bottom: 3px double #186018 }
.special { font-style: italic; outline: 1px dashed #888 }
.tokens i { color: #999; font-style: normal }
</style>
</head>
<body>
<h1>Training data</h1>
<p>Each span is a token; pointing at it shows its id. <span class="trained">Bold, doubly underlined</span> tokens are
trained, all others are only shown to the model. <span class="special">Framed</span> tokens are special ones.
&middot; is a blank, &rarr; a tab, &crarr; a line end.</p>
)";

/// Text for HTML, in an element or an attribute; bytes that are no UTF-8 become U+FFFD, control characters \x1b.
void escape_to(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const size_t valid = std::min(utf8::find_invalid(text), text.size());
    for (const char c : text.substr(0, valid)) {
      const auto byte = static_cast<unsigned char>(c);
      if (c == '&') {
        out += "&amp;";
      } else if (c == '<') {
        out += "&lt;";
      } else if (c == '>') {
        out += "&gt;";
      } else if (c == '"') {
        out += "&quot;";
      } else if (c == '\'') {
        out += "&#39;";
      } else if ((byte < 0x20 && c != '\n') || byte == 0x7F) {
        out += fmt::format("\\x{:02x}", byte);
      } else {
        out += c;
      }
    }
    text.remove_prefix(valid);
    if (text.empty()) return;
    out += kReplacement;
    text.remove_prefix(1);
  }
}

std::string escaped(std::string_view text) {
  std::string out;
  escape_to(out, text);
  return out;
}

/// The same with blanks and line ends to be seen.
std::string visible(std::string_view text) {
  std::string out;
  size_t from = 0;
  const auto mark = [&](size_t at, std::string_view sign) {
    escape_to(out, text.substr(from, at - from));
    out += sign;
    from = at + 1;
  };
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ' ') mark(i, "<i>&middot;</i>");
    if (text[i] == '\t') mark(i, "<i>&rarr;</i>");
    if (text[i] == '\n') mark(i, "<i>&crarr;</i>\n");
  }
  escape_to(out, text.substr(from));
  return out;
}

/// Tokens [begin, end) and the text that they add to what stands before them.
struct Piece {
  size_t begin, end;
  std::string text;
};

/// Cuts ids into pieces of as few tokens as make whole characters. Each is decoded behind the piece before it: alone, a
/// word may lose the blank in front of it.
std::vector<Piece> pieces_of(const TextTokenizer& tokenizer, std::span<const int32_t> ids) {
  constexpr size_t kMost = 8;  // tokens of a character: four bytes, with room
  std::vector<Piece> pieces;
  for (size_t begin = 0, context = 0; begin < ids.size();) {
    const std::string before = tokenizer.decode(ids.subspan(context, begin - context));
    Piece piece{begin, begin + 1, {}};
    for (size_t count = 1; count <= std::min(kMost, ids.size() - begin); ++count) {
      const std::string all = tokenizer.decode(ids.subspan(context, begin - context + count));
      std::string text =
          all.starts_with(before) ? all.substr(before.size()) : tokenizer.decode(ids.subspan(begin, count));
      const bool whole = !text.ends_with(kReplacement) && utf8::is_valid(text);
      if (count == 1 || whole) piece = {begin, begin + count, std::move(text)};
      if (whole) break;
    }
    context = begin;
    begin = piece.end;
    pieces.push_back(std::move(piece));
  }
  return pieces;
}

void write_tokens(std::string& out, const ExampleView& example, const TextTokenizer& tokenizer) {
  for (const Piece& piece : pieces_of(tokenizer, example.ids)) {
    bool trained = false, special = false;
    std::string tip;
    for (size_t i = piece.begin; i < piece.end; ++i) {
      trained = trained || example.trained[i] != 0;
      special = special || tokenizer.is_special(example.ids[i]);
      tip += fmt::format("{}token {}, id {}, {}", tip.empty() ? "" : "; ", i, example.ids[i],
                         example.trained[i] != 0 ? "trained" : "not trained");
    }
    out += fmt::format("<span class=\"{}{}\" title=\"{}: {}\">{}</span>", trained ? "trained" : "shown",
                       special ? " special" : "", tip, escaped(piece.text), visible(piece.text));
  }
}

/// "12-30, 55-80": the numbers of the trained tokens.
std::string trained_runs(std::span<const uint8_t> trained) {
  std::string text;
  for (size_t begin = 0; begin < trained.size();) {
    size_t end = begin + 1;
    while (end < trained.size() && trained[end] == trained[begin]) ++end;
    if (trained[begin] != 0) text += fmt::format("{}{}-{}", text.empty() ? "" : ", ", begin, end - 1);
    begin = end;
  }
  return text.empty() ? "none" : text;
}

}  // namespace

std::string preview_page(const LoadedData& loaded, const TextTokenizer& tokenizer, int64_t count) {
  std::string out(kHead);
  out += fmt::format("<pre>{}", escaped(summary_text(loaded)));
  for (size_t i = 0; i < static_cast<size_t>(Check::kCount); ++i) {
    const auto check = static_cast<Check>(i);
    if (loaded.findings.count(check) > 0)
      out += fmt::format("{:>8} {}\n", loaded.findings.count(check), check_name(check));
  }
  out += "</pre>\n";
  const ExampleSet& examples = shown_examples(loaded);
  const auto shown = std::min(static_cast<size_t>(std::max<int64_t>(count, 0)), examples.size());
  for (size_t i = 0; i < shown; ++i) {
    const ExampleView example = examples[i];
    out += fmt::format("<h2>{}</h2>\n<p>Trained: tokens {}</p>\n<div class=\"tokens\">",
                       escaped(head_of(example, loaded.classes)), trained_runs(example.trained));
    write_tokens(out, example, tokenizer);
    out += "</div>\n";
  }
  return out + "</body>\n</html>\n";
}

}  // namespace lorica
