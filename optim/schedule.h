#pragma once
#include <cstdint>

namespace lorica {

enum class ScheduleKind : uint8_t { kConstant, kLinear, kCosine };

/// Share of the peak learning rate at progress p in [0, 1) of the run: rises linearly from 1 / warm-up steps over the
/// first `warmup`, then stays, falls linearly to 0, or falls as half a cosine to 0, as Transformers' schedules do.
/// `progress` is the count of finished steps over all steps (or time over the time budget); `warmup` is a share too.
double schedule_factor(ScheduleKind kind, double progress, double warmup);

}  // namespace lorica
