#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "io/formats/safetensors.h"

namespace lorica {

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;
  std::map<std::string, std::string> metadata;
};

/// Reads the JSON header of a safetensors file and checks each entry by itself: the fields, the dtype, and that shape
/// and data_offsets agree. How entries lie beside each other is for the caller to check. Throws Error as
/// SafetensorsFile does.
SafetensorsHeader read_safetensors_header(std::string_view json, const std::string& origin);

}  // namespace lorica
