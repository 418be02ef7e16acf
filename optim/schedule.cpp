#include "optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace lorica {

double schedule_factor(ScheduleKind kind, double begin, double end, double warmup) {
  if (begin < warmup) return std::min(1.0, end / warmup);
  const double rest = warmup < 1 ? std::clamp((begin - warmup) / (1 - warmup), 0.0, 1.0) : 1.0;
  switch (kind) {
    case ScheduleKind::kConstant:
      return 1;
    case ScheduleKind::kLinear:
      return 1 - rest;
    case ScheduleKind::kCosine:
      return 0.5 * (1 + std::cos(std::numbers::pi * rest));
  }
  return 1;
}

}  // namespace lorica
