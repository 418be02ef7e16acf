#pragma once
#include <array>
#include <cstdint>
#include <type_traits>

#include "simt/thread.h"

// Warp-wide operations. The lanes named by a mask hand in their values; the last to come works out the results of all.
namespace simt {

inline constexpr int kLanes = 32;

/// Waits for every lane of `mask` that has not ended, at one place; the last calls complete(values, present), where
/// values[lane] is what that lane handed in (null where it is not in `present`). A lane that never comes is reported.
using Complete = void (*)(void* const* values, uint32_t present, void* context);
void meet_warp(uint32_t mask, void* value, Complete complete, void* context, const char* what, const Place& place);
int lane_id();

/// Every lane of the warp hands in a value; fn(std::array<V, 32>&) runs once on all of them; each lane gets its own
/// value back. For instructions that work on a whole warp. A lane without a thread counts as V{}.
template <class V, class Fn>
V warp_collective(V value, Fn fn, Place place = Place::current()) {
  meet_warp(
      0xffffffffu, &value,
      [](void* const* values, uint32_t, void* context) {
        std::array<V, kLanes> all{};
        for (int lane = 0; lane < kLanes; ++lane)
          if (values[lane]) all[lane] = *static_cast<V*>(values[lane]);
        (*static_cast<Fn*>(context))(all);
        for (int lane = 0; lane < kLanes; ++lane)
          if (values[lane]) *static_cast<V*>(values[lane]) = all[lane];
      },
      &fn, "warp_collective", place);
  return value;
}

template <class T>
struct Shuffle {
  T value, result;
  int source;
};

template <class T>
T shuffle(uint32_t mask, T value, int source, const char* what, const Place& place) {
  static_assert(std::is_arithmetic_v<T> && (sizeof(T) == 4 || sizeof(T) == 8));
  Shuffle<T> own{value, value, source};
  meet_warp(
      mask, &own,
      [](void* const* values, uint32_t present, void* context) {
        for (int lane = 0; lane < kLanes; ++lane) {
          if (!values[lane]) continue;
          auto& to = *static_cast<Shuffle<T>*>(values[lane]);
          if (!(present >> to.source & 1))
            fault("shuffle reads a lane that is not in the mask", *static_cast<const Place*>(context));
          to.result = static_cast<Shuffle<T>*>(values[to.source])->value;
        }
      },
      const_cast<Place*>(&place), what, place);
  return own.result;
}

/// For each lane the bits of the present lanes whose predicate holds, and which were present.
struct Ballot {
  uint32_t predicate, present;
};
Ballot ballot(uint32_t mask, bool predicate, const char* what, const Place& place);

/// First lane of the group of `width` lanes that this lane belongs to.
inline int group_start(int width) { return lane_id() / width * width; }

}  // namespace simt

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = simt::kLanes,
              simt::Place place = simt::Place::current()) {
  return simt::shuffle(mask, value, simt::group_start(width) + (source & (width - 1)), "__shfl_sync", place);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = simt::kLanes,
                 simt::Place place = simt::Place::current()) {
  const int lane = simt::lane_id(), from = lane - static_cast<int>(delta);
  return simt::shuffle(mask, value, from < simt::group_start(width) ? lane : from, "__shfl_up_sync", place);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = simt::kLanes,
                   simt::Place place = simt::Place::current()) {
  const int lane = simt::lane_id(), from = lane + static_cast<int>(delta);
  return simt::shuffle(mask, value, from >= simt::group_start(width) + width ? lane : from, "__shfl_down_sync", place);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int bits, int width = simt::kLanes,
                  simt::Place place = simt::Place::current()) {
  // a lane of a later group keeps its own value; one of an earlier group may be read
  const int lane = simt::lane_id(), from = lane ^ bits;
  return simt::shuffle(mask, value, from >= simt::group_start(width) + width ? lane : from, "__shfl_xor_sync", place);
}

inline unsigned __ballot_sync(unsigned mask, int predicate, simt::Place place = simt::Place::current()) {
  return simt::ballot(mask, predicate != 0, "__ballot_sync", place).predicate;
}
inline int __any_sync(unsigned mask, int predicate, simt::Place place = simt::Place::current()) {
  return simt::ballot(mask, predicate != 0, "__any_sync", place).predicate != 0;
}
inline int __all_sync(unsigned mask, int predicate, simt::Place place = simt::Place::current()) {
  const simt::Ballot votes = simt::ballot(mask, predicate != 0, "__all_sync", place);
  return votes.predicate == votes.present;
}
inline void __syncwarp(unsigned mask = 0xffffffffu, simt::Place place = simt::Place::current()) {
  simt::ballot(mask, false, "__syncwarp", place);
}
