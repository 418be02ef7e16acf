#define PCRE2_CODE_UNIT_WIDTH 8
#include "io/tokenizer/regex.h"

#include <pcre2.h>

#include "io/tokenizer/utf8.h"
#include "kernels/error.h"

namespace lorica {
namespace {

std::string pcre2_message(int code) {
  PCRE2_UCHAR text[256];
  pcre2_get_error_message(code, text, sizeof text);
  return reinterpret_cast<const char*>(text);
}

PCRE2_SPTR bytes_of(std::string_view text) { return reinterpret_cast<PCRE2_SPTR>(text.data()); }

}  // namespace

struct MatchMemory::Data {
  // Only the whole match is asked for, so that one pair of offsets serves every pattern.
  pcre2_match_data* match = pcre2_match_data_create(1, nullptr);
  pcre2_match_context* context = pcre2_match_context_create(nullptr);
  pcre2_jit_stack* stack = pcre2_jit_stack_create(32 * 1024, 4 * 1024 * 1024, nullptr);

  Data() {
    if (!match || !context) throw std::bad_alloc();
    if (stack) pcre2_jit_stack_assign(context, nullptr, stack);
  }
  ~Data() {
    pcre2_jit_stack_free(stack);
    pcre2_match_context_free(context);
    pcre2_match_data_free(match);
  }
};

MatchMemory::MatchMemory() : data_(std::make_unique<Data>()) {}
MatchMemory::~MatchMemory() = default;

struct Regex::Code {
  pcre2_code* compiled = nullptr;
  bool is_machine_code = false;
  std::string pattern;
  ~Code() { pcre2_code_free(compiled); }
};

Regex::Regex(std::string_view pattern) : code_(std::make_unique<Code>()) {
  code_->pattern = pattern;
  const std::string translated = to_pcre2(pattern);
  int error = 0;
  PCRE2_SIZE offset = 0;
  // MULTILINE: ^ and $ match at every line in Oniguruma. NEVER_BACKSLASH_C: \C could split a character.
  const uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C | PCRE2_NO_UTF_CHECK;
  code_->compiled = pcre2_compile(bytes_of(translated), translated.size(), options, &error, &offset, nullptr);
  if (!code_->compiled) throw Error("pattern '{}': {}", pattern, pcre2_message(error));
  code_->is_machine_code = pcre2_jit_compile(code_->compiled, PCRE2_JIT_COMPLETE) == 0;  // else PCRE2 interprets
}
Regex::~Regex() = default;
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;

std::optional<Regex::Match> Regex::find(std::string_view text, size_t from, MatchMemory& memory) const {
  pcre2_match_data* match = memory.data_->match;
  const auto run = code_->is_machine_code ? pcre2_jit_match : pcre2_match;
  const int found =
      run(code_->compiled, bytes_of(text), text.size(), from, PCRE2_NO_UTF_CHECK, match, memory.data_->context);
  if (found == PCRE2_ERROR_NOMATCH) return std::nullopt;
  if (found < 0) throw Error("pattern '{}' cannot be matched: {}", code_->pattern, pcre2_message(found));
  const PCRE2_SIZE* offsets = pcre2_get_ovector_pointer(match);
  // \K inside a lookaround can put the start after the end.
  if (offsets[0] > offsets[1] || offsets[0] < from) throw Error("pattern '{}' moves its own start", code_->pattern);
  return Match{offsets[0], offsets[1]};
}

void Regex::each_match(std::string_view text, MatchMemory& memory, FunctionRef<void(Match)> f) const {
  size_t done = 0;  // where the last match ended
  bool matched = false;
  for (size_t from = 0; from <= text.size();) {
    const auto match = find(text, from, memory);
    if (!match) return;
    if (match->begin == match->end) {
      from = match->end < text.size() ? match->end + utf8::decode(text, match->end).size : match->end + 1;
      if (matched && match->end == done) continue;
    } else {
      from = match->end;
    }
    f(*match);
    done = match->end;
    matched = true;
  }
}

bool Regex::replace(std::string& text, std::string_view content, MatchMemory& memory) const {
  std::string out;
  size_t done = 0;
  bool keeps_start = true;
  each_match(text, memory, [&](Match match) {
    if (match.begin == 0 && match.end > 0 && content.empty()) keeps_start = false;
    out.append(text, done, match.begin - done) += content;
    done = match.end;
  });
  out.append(text, done);
  text = std::move(out);
  return keeps_start;
}

}  // namespace lorica
