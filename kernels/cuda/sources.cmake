# The CUDA backend's sources: nvcc compiles them for the GPU, g++ for the SIMT harness of tests/simt.
set(LORICA_CUDA_SOURCES
  cuda/activation.cu
  cuda/backend.cpp
  cuda/columns.cu
  cuda/elementwise.cu
  cuda/embedding.cu
  cuda/fault.cpp
  cuda/rope.cu
)
list(TRANSFORM LORICA_CUDA_SOURCES PREPEND ${CMAKE_SOURCE_DIR}/kernels/)
