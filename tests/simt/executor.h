#pragma once
#include <cuda_runtime.h>

#include <functional>

namespace simt {

/// Runs the kernel to its end: blocks one after another, a fiber for every thread. A fault ends it with
/// cudaErrorLaunchFailure and last_fault() tells what happened.
cudaError_t run_kernel(const Launch&, const std::function<void()>& thread);
const char* last_fault();
/// Whether a thread of a kernel is running, and not the host.
bool in_kernel();

}  // namespace simt
