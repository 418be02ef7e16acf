# The CUDA backend's sources: nvcc compiles them for the GPU, g++ for the SIMT harness of tests/simt.
set(LORICA_CUDA_SOURCES
  cuda/activation.cu
  cuda/adamw.cu
  cuda/backend.cpp
  cuda/columns.cu
  cuda/elementwise.cu
  cuda/embedding.cu
  cuda/fault.cpp
  cuda/layer_norm.cu
  cuda/rms_norm.cu
  cuda/rope.cu
  cuda/softcap.cu
)
list(TRANSFORM LORICA_CUDA_SOURCES PREPEND ${CMAKE_SOURCE_DIR}/kernels/)
