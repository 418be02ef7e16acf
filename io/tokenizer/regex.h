#pragma once
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "io/tokenizer/function_ref.h"

namespace lorica {

/// The memory that one thread needs while it matches; shared by all patterns, one match at a time.
class MatchMemory {
 public:
  MatchMemory();
  ~MatchMemory();
  MatchMemory(const MatchMemory&) = delete;
  MatchMemory& operator=(const MatchMemory&) = delete;

 private:
  friend class Regex;
  struct Data;
  std::unique_ptr<Data> data_;
};

/// A pattern written for Oniguruma, the engine of the tokenizers package, run by PCRE2 (Unicode properties,
/// just-in-time compiled). Where the two engines read a pattern differently it is rewritten, or refused with an Error.
/// Characters that are newer than the installed PCRE2's Unicode tables (14 in PCRE2 10.42) count as unassigned.
class Regex {
 public:
  /// Throws Error saying what is wrong with the pattern and where.
  explicit Regex(std::string_view pattern);
  ~Regex();
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;

  struct Match {
    size_t begin, end;
  };
  /// The first match at or after byte `from` of `text`, which is valid UTF-8. Throws Error when the pattern needs more
  /// backtracking than PCRE2's limits allow.
  std::optional<Match> find(std::string_view text, size_t from, MatchMemory&) const;
  /// Calls f for each match, from the left; an empty match right behind the match before it does not count.
  void each_match(std::string_view text, MatchMemory&, FunctionRef<void(Match)> f) const;
  /// Puts `content`, as it stands, in the place of each match. Returns false when the text began with a match that left
  /// nothing in its place.
  bool replace(std::string& text, std::string_view content, MatchMemory&) const;

 private:
  struct Code;
  std::unique_ptr<Code> code_;
};

/// The pattern as PCRE2 has to be given it; see Regex. Throws Error for syntax that the two engines read differently.
std::string to_pcre2(std::string_view pattern);

}  // namespace lorica
