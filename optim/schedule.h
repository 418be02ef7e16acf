#pragma once
#include <cstdint>

namespace lorica {

enum class ScheduleKind : uint8_t { kConstant, kLinear, kCosine };

/// Share of the peak learning rate for a step that begins when `begin` of the run is done and ends at `end` (both in
/// [0, 1], by steps, epochs or time). It rises linearly over the first `warmup` of the run, whose first step already
/// moves; then it stays, falls linearly to 0, or falls as half a cosine to 0, as Transformers' schedules do.
double schedule_factor(ScheduleKind kind, double begin, double end, double warmup);

}  // namespace lorica
