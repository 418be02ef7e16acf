#include "io/tokenizer/normal_forms.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>

#include "io/tokenizer/utf8.h"
#include "kernels/error.h"

namespace lorica {
namespace {

class NormalForm final : public Normalizer {
 public:
  explicit NormalForm(int options) : options_(static_cast<utf8proc_option_t>(UTF8PROC_STABLE | options)) {
    // Characters below U+0300 stay as they are under NFC, below U+00C0 under NFD, ASCII under the others, and none of
    // them combines with what stands before it. They are told by their first byte.
    const bool compatible = options & UTF8PROC_COMPAT;
    inert_below_ = compatible ? 0x80 : (options & UTF8PROC_COMPOSE) ? 0xcc : 0xc3;
  }

  bool apply(std::string& text, MatchMemory&) const override {
    const auto active = [this](char c) { return static_cast<unsigned char>(c) >= inert_below_; };
    std::string out;
    size_t done = 0;
    while (true) {
      const auto found = std::find_if(text.begin() + static_cast<ptrdiff_t>(done), text.end(), active);
      if (found == text.end()) break;
      size_t end = static_cast<size_t>(found - text.begin());
      size_t begin = end;  // with the character before, which may combine
      if (begin > done) do
          --begin;
        while (!utf8::begins_character(text[begin]));
      while (end < text.size() && active(text[end])) end += utf8::decode(text, end).size;
      out.append(text, done, begin - done);
      append_normal_form(std::string_view(text).substr(begin, end - begin), out);
      done = end;
    }
    if (done == 0) return true;
    out.append(text, done);
    text = std::move(out);
    return true;
  }

 private:
  void append_normal_form(std::string_view part, std::string& out) const {
    utf8proc_uint8_t* result = nullptr;
    const utf8proc_ssize_t size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(part.data()),
                                               static_cast<utf8proc_ssize_t>(part.size()), &result, options_);
    if (size < 0) throw Error("cannot normalise the text: {}", utf8proc_errmsg(size));
    out.append(reinterpret_cast<const char*>(result), static_cast<size_t>(size));
    std::free(result);
  }

  utf8proc_option_t options_;
  unsigned char inert_below_;
};

}  // namespace

std::unique_ptr<Normalizer> make_normal_form(std::string_view name) {
  const auto form = [](int options) { return std::make_unique<NormalForm>(options); };
  if (name == "NFC") return form(UTF8PROC_COMPOSE);
  if (name == "NFD") return form(UTF8PROC_DECOMPOSE);
  if (name == "NFKC") return form(UTF8PROC_COMPOSE | UTF8PROC_COMPAT);
  if (name == "NFKD") return form(UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT);
  return nullptr;
}

}  // namespace lorica
