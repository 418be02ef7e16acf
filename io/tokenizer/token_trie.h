#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lorica {

/// A set of strings to look for in text.
class TokenTrie {
 public:
  TokenTrie() : nodes_(1) {}

  /// Adds a string that is not empty. Returns false, and keeps the older value, when it is there already.
  bool add(std::string_view text, int32_t value);

  struct Match {
    size_t begin, end;
    int32_t value;
  };
  /// The leftmost match that begins at or after `from`, the longest of those that begin there. Returns false when
  /// there is none.
  bool find(std::string_view text, size_t from, Match& match) const;

 private:
  struct Child {
    unsigned char byte;
    uint32_t node;
  };
  struct Node {
    std::vector<Child> children;
    int32_t value = -1;
  };
  const Child* child(const Node& node, unsigned char byte) const;

  std::vector<Node> nodes_;
  std::array<bool, 256> starts_{};  // the bytes that some string begins with
};

}  // namespace lorica
