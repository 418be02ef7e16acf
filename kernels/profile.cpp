#include "kernels/profile.h"

#include <fmt/format.h>

#include <atomic>

namespace lorica {
namespace {

std::atomic<Profiler*> installed = nullptr;
thread_local const char* innermost = "lorica";

Profiler* profiler() { return installed.load(std::memory_order_relaxed); }

}  // namespace

void install_profiler(Profiler* to) { installed = to; }
void profiler_start() {
  if (Profiler* to = profiler()) to->start();
}
void profiler_stop() {
  if (Profiler* to = profiler()) to->stop();
}
const char* current_range() { return innermost; }

ProfileRange::ProfileRange(const char* name, int64_t index) : outer_(innermost) {
  innermost = name;
  Profiler* const to = profiler();
  if (!to) return;
  if (index < 0)
    to->push(name);
  else
    to->push(fmt::format("{} {}", name, index).c_str());
}

ProfileRange::~ProfileRange() {
  if (Profiler* to = profiler()) to->pop();
  innermost = outer_;
}

}  // namespace lorica
