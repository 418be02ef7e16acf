#include <cstdlib>

#include "tests/support/device_under_test.h"

namespace lorica::test {

Context& context_under_test() {
  static Context context;
  return context;
}

std::shared_ptr<void> shared_bytes(size_t bytes) { return {std::malloc(bytes), std::free}; }

bool emulated() { return false; }

}  // namespace lorica::test
