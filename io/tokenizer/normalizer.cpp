#include "io/tokenizer/normalizer.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "kernels/error.h"

namespace lorica {
namespace {

// The four Unicode normalisation forms.
class UnicodeForm final : public Normalizer {
 public:
  explicit UnicodeForm(int options) : options_(static_cast<utf8proc_option_t>(UTF8PROC_STABLE | options)) {
    // Characters below U+0300 stay as they are under NFC, below U+00C0 under NFD, ASCII under the others: text whose
    // bytes all lie below the lead byte of that character needs no work.
    const bool compatible = options & UTF8PROC_COMPAT;
    inert_below_ = compatible ? 0x80 : (options & UTF8PROC_COMPOSE) ? 0xcc : 0xc3;
  }

  void apply(std::string& text) const override {
    const auto inert = [this](char c) { return static_cast<unsigned char>(c) < inert_below_; };
    if (std::all_of(text.begin(), text.end(), inert)) return;
    utf8proc_uint8_t* result = nullptr;
    const utf8proc_ssize_t size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                               static_cast<utf8proc_ssize_t>(text.size()), &result, options_);
    if (size < 0) throw Error("cannot normalise the text: {}", utf8proc_errmsg(size));
    text.assign(reinterpret_cast<const char*>(result), static_cast<size_t>(size));
    std::free(result);
  }

 private:
  utf8proc_option_t options_;
  unsigned char inert_below_;
};

class NormalizerSequence final : public Normalizer {
 public:
  explicit NormalizerSequence(std::vector<std::unique_ptr<Normalizer>> steps) : steps_(std::move(steps)) {}
  void apply(std::string& text) const override {
    for (const auto& step : steps_) step->apply(text);
  }

 private:
  std::vector<std::unique_ptr<Normalizer>> steps_;
};

}  // namespace

std::unique_ptr<Normalizer> read_normalizer(const JsonNode& node) {
  const std::string& type = node.at("type").string();
  if (type == "Sequence") {
    node.allow_only({"type", "normalizers"});
    std::vector<std::unique_ptr<Normalizer>> steps;
    node.at("normalizers").each([&](const JsonNode& step) { steps.push_back(read_normalizer(step)); });
    return std::make_unique<NormalizerSequence>(std::move(steps));
  }
  const auto form = [&](int options) {
    node.allow_only({"type"});
    return std::make_unique<UnicodeForm>(options);
  };
  if (type == "NFC") return form(UTF8PROC_COMPOSE);
  if (type == "NFD") return form(UTF8PROC_DECOMPOSE);
  if (type == "NFKC") return form(UTF8PROC_COMPOSE | UTF8PROC_COMPAT);
  if (type == "NFKD") return form(UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT);
  node.at("type").fail(fmt::format("normalizer '{}' is not supported", type));
}

}  // namespace lorica
