#include <cstddef>
#include <cstdint>
#include <string>

#include "tests/simt/executor.h"

// What code compiled with -fsanitize=thread calls at each access to memory. Programs with such code link these in the
// place of the sanitizer's own library.
extern "C" {
#define SIMT_HOOK(bytes)                                                                 \
  void __tsan_read##bytes(void* at) { simt::memory_access(at, bytes, false); }           \
  void __tsan_write##bytes(void* at) { simt::memory_access(at, bytes, true); }           \
  void __tsan_unaligned_read##bytes(void* at) { simt::memory_access(at, bytes, false); } \
  void __tsan_unaligned_write##bytes(void* at) { simt::memory_access(at, bytes, true); } \
  void __tsan_volatile_read##bytes(void* at) { simt::memory_access(at, bytes, false); }  \
  void __tsan_volatile_write##bytes(void* at) { simt::memory_access(at, bytes, true); }
SIMT_HOOK(1)
SIMT_HOOK(2)
SIMT_HOOK(4)
SIMT_HOOK(8)
SIMT_HOOK(16)
#undef SIMT_HOOK
void __tsan_read_range(void* at, size_t bytes) { simt::memory_access(at, bytes, false); }
void __tsan_write_range(void* at, size_t bytes) { simt::memory_access(at, bytes, true); }
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}
// A guard of a static variable is read on the host only.
uint8_t __tsan_atomic8_load(const volatile uint8_t* at, int) { return *at; }
}
