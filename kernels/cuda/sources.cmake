# The CUDA backend's sources: nvcc compiles them for the GPU, g++ for the SIMT harness of tests/simt.
set(LORICA_CUDA_SOURCES
  cuda/backend.cpp
  cuda/elementwise.cu
  cuda/gemm_finish.cu
  cuda/graph.cpp
  cuda/memory.cpp
  cuda/pinned_ring.cpp
  cuda/softcap.cu
)
list(TRANSFORM LORICA_CUDA_SOURCES PREPEND ${CMAKE_SOURCE_DIR}/kernels/)
