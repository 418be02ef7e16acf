#include "recipes/memory.h"

#include <sys/resource.h>

namespace lorica {

int64_t peak_resident_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<int64_t>(usage.ru_maxrss) * 1024;  // Linux gives KiB
}

}  // namespace lorica
