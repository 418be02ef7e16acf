#pragma once
#include <type_traits>

// Atomic read-modify-write. Threads run one at a time and are not interrupted here, so plain accesses are atomic.
namespace simt {

/// Tells the race detector, where there is one, that the next access is atomic.
template <class T, class Change>
__attribute__((no_sanitize_thread)) T atomic(T* at, Change change) {
  const T old = *at;
  *at = change(old);
  return old;
}

}  // namespace simt

template <class T>
T atomicAdd(T* at, std::type_identity_t<T> value) {
  return simt::atomic(at, [=](T old) { return static_cast<T>(old + value); });
}
template <class T>
T atomicSub(T* at, std::type_identity_t<T> value) {
  return simt::atomic(at, [=](T old) { return static_cast<T>(old - value); });
}
template <class T>
T atomicMax(T* at, std::type_identity_t<T> value) {
  return simt::atomic(at, [=](T old) { return old < value ? value : old; });
}
template <class T>
T atomicMin(T* at, std::type_identity_t<T> value) {
  return simt::atomic(at, [=](T old) { return value < old ? value : old; });
}
template <class T>
T atomicOr(T* at, std::type_identity_t<T> value) {
  return simt::atomic(at, [=](T old) { return old | value; });
}
template <class T>
T atomicAnd(T* at, std::type_identity_t<T> value) {
  return simt::atomic(at, [=](T old) { return old & value; });
}
template <class T>
T atomicExch(T* at, std::type_identity_t<T> value) {
  return simt::atomic(at, [=](T) { return value; });
}
template <class T>
T atomicCAS(T* at, std::type_identity_t<T> expected, std::type_identity_t<T> value) {
  return simt::atomic(at, [=](T old) { return old == expected ? value : old; });
}
