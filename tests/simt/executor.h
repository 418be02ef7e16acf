#pragma once
#include <cuda_runtime.h>

#include <cstdint>
#include <functional>
#include <string>

namespace simt {

/// Runs the kernel to its end: blocks one after another, a fiber for every thread. A fault ends it with
/// cudaErrorLaunchFailure and last_fault() tells what happened.
cudaError_t run_kernel(const Launch&, const std::function<void()>& thread);
const char* last_fault();
/// Whether a thread of a kernel is running, and not the host.
bool in_kernel();

/// Called at each access of instrumented code to memory: a race ends the launch as a fault.
void memory_access(const void* at, size_t bytes, bool write);
/// "byte 12 of shared memory", or of the allocation that it lies in.
std::string place_of_address(uintptr_t address);

}  // namespace simt
