#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lorica {

/// One document to train on, as it is made; an ExampleSet keeps it.
struct Example {
  std::vector<int32_t> ids = {};
  std::vector<uint8_t> trained = {};  ///< 1 where the token itself is a target; ids.size() entries, the first always 0
  std::string file = {};              ///< where the row stands
  int64_t line = 0;
  std::string slice = {};  ///< the value of the slice column, or empty
  int32_t label = -1;      ///< index of the class for classifiers; -1: none
  int32_t source = 0;      ///< index of the data source
};

/// The same without its memory.
struct ExampleView {
  std::span<const int32_t> ids;
  std::span<const uint8_t> trained;
  std::string_view file = {};
  int64_t line = 0;
  std::string_view slice = {};
  int32_t label = -1;
  int32_t source = 0;
};

inline ExampleView view_of(const Example& example) {
  return {example.ids, example.trained, example.file, example.line, example.slice, example.label, example.source};
}

}  // namespace lorica
