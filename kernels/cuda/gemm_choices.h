#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "kernels/dtype.h"

namespace lorica {

/// All of a product that an algorithm's fitness and speed depend on. Alignments are of addresses, in bytes, at most 16.
struct GemmKey {
  struct Operand {
    Dtype dtype = Dtype::f32;
    int64_t stride = 0;
    bool transposed = false;
    int alignment = 16;
    auto operator<=>(const Operand&) const = default;
  };
  int64_t m = 0, n = 0, k = 0;
  Operand a, b, d;
  bool has_addend = false;
  int addend_alignment = 16;
  bool has_bias = false;  ///< of d's dtype, added by the library
  auto operator<=>(const GemmKey&) const = default;

  /// The key as one word without blanks: "m4096n576k576:a-bf16-576-16:bt-bf16-576-16:d-bf16-576-16:addend16:bias".
  std::string text() const;
};
/// The largest power of two up to 16 that divides the address.
int alignment_of(const void* address);

/// An algorithm of the GEMM library as it describes it, the workspace that it needs, and what it took.
struct GemmChoice {
  std::array<uint64_t, 8> algorithm{};
  uint64_t workspace_bytes = 0;
  double microseconds = 0;
  bool operator==(const GemmChoice&) const = default;
};

/// The choices made so far for one card and one version of the library, kept in a file: one that was timed is not timed
/// again, and a rerun takes the same algorithms, so that its results have the same bits.
class GemmChoices {
 public:
  /// Reads what the file holds; a file that is absent, or not one of these as a whole, counts as empty.
  /// `path` empty: memory only. `library` names card and version; a file of another is not read.
  GemmChoices(std::string path, std::string library);
  const GemmChoice* find(const std::string& key) const;
  /// Also writes the file: aside and renamed, with what other processes have added meanwhile. A folder that cannot be
  /// written is no error.
  void remember(const std::string& key, const GemmChoice& choice);
  /// One line where the file was there and could not be used; else empty.
  const std::string& warning() const { return warning_; }

  using Table = std::map<std::string, GemmChoice, std::less<>>;
  static std::string print(const Table& table, std::string_view library);
  /// False and an empty table where the text is not print()'s for this library.
  static bool parse(std::string_view text, std::string_view library, Table& table);

 private:
  void save();
  std::string path_, library_, warning_;
  Table table_;
};

/// $XDG_CACHE_HOME/lorica (or ~/.cache/lorica)/gemm-<card>-<version>.txt, with what is no letter or digit as '_'; empty
/// where neither variable is set.
std::string gemm_choices_path(std::string_view card, std::string_view version);

/// Index of the fastest candidate; among those within 2 % of it the first, which the library's own estimate prefers.
/// Times that are not positive stand for candidates that failed. -1 where all did.
int fastest(std::span<const double> microseconds);

}  // namespace lorica
