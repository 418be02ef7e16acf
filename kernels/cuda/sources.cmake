# The CUDA backend's sources: nvcc compiles them for the GPU, g++ for the SIMT harness of tests/simt.
set(LORICA_CUDA_SOURCES
  cuda/activation.cu
  cuda/adamw.cu
  cuda/attention_backward.cu
  cuda/attention_cached.cu
  cuda/attention_forward.cu
  cuda/backend.cpp
  cuda/columns.cu
  cuda/elementwise.cu
  cuda/embedding.cu
  cuda/fault.cpp
  cuda/gemm_finish.cu
  cuda/graph.cpp
  cuda/head_loss.cu
  cuda/layer_norm.cu
  cuda/linear.cu
  cuda/lora_linear.cu
  cuda/memory.cpp
  cuda/partial_sums.cu
  cuda/pinned_ring.cpp
  cuda/rms_norm.cu
  cuda/rope.cu
  cuda/sample.cu
  cuda/softcap.cu
  cuda/thin_product.cu
)
list(TRANSFORM LORICA_CUDA_SOURCES PREPEND ${CMAKE_SOURCE_DIR}/kernels/)
