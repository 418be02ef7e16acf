#pragma once
#include <cstddef>
#include <cstdint>

// What a test can set; nothing here exists in CUDA.
namespace simt {

/// Threads of a block run in an order drawn from the seed; 0: by index. The harness starts with seed 1.
void set_schedule_seed(uint64_t seed);

/// Bytes that cudaMalloc can give in all.
void set_device_memory(size_t bytes);
/// The compute capability that the device says it has; 9.0 at the start.
void set_compute_capability(int major, int minor);

}  // namespace simt
