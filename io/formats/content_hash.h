#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace lorica {

/// 128 bits of everything that was added (XXH3), in 32 hex digits. Tells changed files apart; it is no protection
/// against a file that is made to collide.
class ContentHash {
 public:
  ContentHash();
  ~ContentHash();
  ContentHash(const ContentHash&) = delete;
  ContentHash& operator=(const ContentHash&) = delete;
  void add(std::string_view bytes);
  std::string text() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string content_hash(std::string_view bytes);

/// 64 bits of a text (XXH3).
uint64_t hash_of_text(std::string_view text);

}  // namespace lorica
