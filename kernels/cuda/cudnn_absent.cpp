// What a build without cuDNN's headers links.
#include "kernels/cuda/attention_library.h"
#include "kernels/error.h"

namespace lorica {

std::unique_ptr<PackedAttentionEngine> make_cudnn_attention(CudaBackend&) {
  throw Error(
      "cudnn: this build has no cuDNN; with cuDNN's headers and its frontend's (scripts/get_cudnn_frontend.sh, or pip "
      "install nvidia-cudnn-frontend) configure anew and build");
}

}  // namespace lorica
