#pragma once
#include <cstddef>
#include <functional>
#include <vector>

#include "kernels/context.h"

namespace lorica::bench {

/// Seconds that each of `calls` calls took on the GPU, by its own events; work(i) puts call i on the stream. The GPU is
/// kept busy until all calls are queued, so that the time between launches does not count.
std::vector<double> event_times(Context& context, size_t calls, const std::function<void(size_t)>& work);

}  // namespace lorica::bench
