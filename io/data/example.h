#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace lorica {

/// One document to train on.
struct Example {
  std::vector<int32_t> ids = {};
  std::vector<uint8_t> trained = {};  ///< 1 where the token itself is a target; ids.size() entries, the first always 0
  std::string file = {};              ///< where the row stands
  int64_t line = 0;
  std::string slice = {};  ///< the value of the slice column, or empty
  int32_t label = -1;      ///< index of the class for classifiers; -1: none
};

}  // namespace lorica
