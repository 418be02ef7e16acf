#pragma once
#include <array>
#include <cstdint>
#include <string_view>

namespace lorica {

/// Where named ranges and the bounds of a profile go. The CUDA backend installs one that speaks to NVIDIA's tools;
/// without it ranges cost two stores.
class Profiler {
 public:
  virtual ~Profiler() = default;
  virtual void push(const char* name) = 0;
  virtual void pop() = 0;
  /// Bounds of what `-c cudaProfilerApi` (nsys) and `--profile-from-start off` (ncu) record.
  virtual void start() = 0;
  virtual void stop() = 0;
};
/// `profiler` lives as long as the program. nullptr: none.
void install_profiler(Profiler* profiler);
void profiler_start();
void profiler_stop();

/// A named range of this thread's time, from construction to destruction; ranges nest. The name outlives the range.
///     const ProfileRange range("block", layer);   // seen as "block 3"
class ProfileRange {
 public:
  explicit ProfileRange(const char* name) : ProfileRange(name, -1) {}
  ProfileRange(const char* name, int64_t index);
  ~ProfileRange();
  ProfileRange(const ProfileRange&) = delete;
  ProfileRange& operator=(const ProfileRange&) = delete;

 private:
  const char* outer_;
};
/// Name of this thread's innermost range ("block", without its index); "lorica" outside of all.
const char* current_range();

namespace detail {

/// The last part of T's name, with its terminating zero.
template <class T>
constexpr auto type_name() {
  constexpr std::string_view kAll = __PRETTY_FUNCTION__;  // "... [with T = lorica::RmsNormFwd]"
  constexpr size_t kEnd = kAll.rfind(']'), kBegin = kAll.find_last_of(":= ", kEnd) + 1;
  std::array<char, kEnd - kBegin + 1> name{};
  for (size_t i = kBegin; i < kEnd; ++i) name[i - kBegin] = kAll[i];
  return name;
}
template <class T>
inline constexpr auto kTypeName = type_name<T>();

}  // namespace detail

/// "RmsNormFwd" for the op struct RmsNormFwd.
template <class Op>
constexpr const char* op_name() {
  return detail::kTypeName<Op>.data();
}

}  // namespace lorica
