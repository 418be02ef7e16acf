// What a build without cuDNN's headers links.
#include "kernels/cuda/attention_library.h"
#include "kernels/error.h"

namespace lorica {

std::unique_ptr<PackedAttentionEngine> make_cudnn_attention(CudaBackend&) {
  throw Error(
      "cudnn: this build has no cuDNN; install it and its frontend's headers (pip install nvidia-cudnn-frontend) and "
      "configure anew");
}

}  // namespace lorica
