#pragma once
#include "kernels/cuda/backend.h"
#include "kernels/ops/attention.h"

namespace lorica {

/// Attention by a library in place of the kernels here.
class AttentionLibrary {
 public:
  virtual ~AttentionLibrary() = default;
  /// Puts the op on the stream; false where the library does not take it, which follows from shapes, dtypes and options
  /// alone, and from nothing that lies on the device.
  virtual bool run(CudaBackend&, const AttentionFwd&) = 0;
  virtual bool run(CudaBackend&, const AttentionBwd&) = 0;
  /// Which library, which version, from which file: whole lines.
  virtual std::string describe() const = 0;
};

/// cuDNN (attention_cudnn.cpp). Throws Error "cudnn: ..." where the build has no cuDNN frontend (cudnn_absent.cpp) or
/// the library is not found.
std::unique_ptr<AttentionLibrary> make_cudnn_attention(CudaBackend&);

}  // namespace lorica
