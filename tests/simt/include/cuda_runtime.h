#pragma once
// Stands in for the CUDA toolkit's header when g++ compiles the CUDA sources for the SIMT harness.
#include "simt/atomics.h"
#include "simt/control.h"
#include "simt/launch.h"
#include "simt/math.h"
#include "simt/memory_access.h"
#include "simt/runtime_api.h"
#include "simt/thread.h"
#include "simt/vector_types.h"
#include "simt/warp.h"
