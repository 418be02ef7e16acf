#pragma once
#include <cstdint>

namespace lorica {

/// The largest resident size of this process so far, in bytes: the figure that /usr/bin/time prints.
int64_t peak_resident_bytes();

}  // namespace lorica
