#include "io/tokenizer/normal_forms.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>

#include "kernels/error.h"

namespace lorica {
namespace {

class NormalForm final : public Normalizer {
 public:
  explicit NormalForm(int options) : options_(static_cast<utf8proc_option_t>(UTF8PROC_STABLE | options)) {
    // Characters below U+0300 stay as they are under NFC, below U+00C0 under NFD, ASCII under the others: text whose
    // bytes all lie below the lead byte of that character needs no work.
    const bool compatible = options & UTF8PROC_COMPAT;
    inert_below_ = compatible ? 0x80 : (options & UTF8PROC_COMPOSE) ? 0xcc : 0xc3;
  }

  bool apply(std::string& text, MatchMemory&) const override {
    const auto inert = [this](char c) { return static_cast<unsigned char>(c) < inert_below_; };
    if (std::all_of(text.begin(), text.end(), inert)) return true;
    utf8proc_uint8_t* result = nullptr;
    const utf8proc_ssize_t size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                               static_cast<utf8proc_ssize_t>(text.size()), &result, options_);
    if (size < 0) throw Error("cannot normalise the text: {}", utf8proc_errmsg(size));
    text.assign(reinterpret_cast<const char*>(result), static_cast<size_t>(size));
    std::free(result);
    return true;
  }

 private:
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
