#include "io/formats/safetensors.h"

#include <cstring>

// Any bytes either make a file whose every tensor can be read to its last byte, or an Error.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const lorica::SafetensorsFile file({reinterpret_cast<const char*>(data), size}, "fuzz");
    unsigned sum = 0;
    for (const auto& entry : file.entries()) {
      try {
        const lorica::In view = file.tensor(entry.name);
        const auto* bytes = static_cast<const unsigned char*>(view.data);
        for (int64_t i = 0; i < view.bytes(); ++i) sum += bytes[i];
      } catch (const lorica::Error&) {
      }
    }
    [[maybe_unused]] volatile unsigned sink = sum;  // the reads must happen
  } catch (const lorica::Error&) {
  }
  return 0;
}
