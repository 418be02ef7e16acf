// What a build without CUDA links: no GPU can be opened, so no op is ever run on one.
#include <cstdlib>

#include "kernels/graph.h"
#include "kernels/ops/activation.h"
#include "kernels/ops/adamw.h"
#include "kernels/ops/attention.h"
#include "kernels/ops/columns.h"
#include "kernels/ops/elementwise.h"
#include "kernels/ops/embedding.h"
#include "kernels/ops/head_loss.h"
#include "kernels/ops/layer_norm.h"
#include "kernels/ops/lora_linear.h"
#include "kernels/ops/rms_norm.h"
#include "kernels/ops/rope.h"
#include "kernels/ops/sample.h"
#include "kernels/ops/softcap.h"

namespace lorica {

std::shared_ptr<CudaBackend> open_cuda() {
  throw Error(
      "device: cuda: this build has no CUDA; with the CUDA toolkit installed and nvcc on the PATH, configure anew "
      "(cmake --preset cuda-release) and build");
}
DeviceMemory& memory_of(CudaBackend&) { std::abort(); }
void set_attention_kernel(CudaBackend&, AttentionKernel) { std::abort(); }
std::string describe(CudaBackend&) { std::abort(); }
std::unique_ptr<StepGraph> capture(CudaBackend&, const std::function<void()>&) { std::abort(); }

void run(CudaBackend&, const GluFwd&) { std::abort(); }
void run(CudaBackend&, const GluBwd&) { std::abort(); }
void run(CudaBackend&, const ActivationFwd&) { std::abort(); }
void run(CudaBackend&, const ActivationBwd&) { std::abort(); }
void run(CudaBackend&, const AdamW&) { std::abort(); }
void run(CudaBackend&, const GlobalNorm&) { std::abort(); }
bool library_takes(CudaBackend&, const AttentionFwd&) { std::abort(); }
bool library_takes(CudaBackend&, const AttentionBwd&) { std::abort(); }
void run(CudaBackend&, const AttentionFwd&) { std::abort(); }
void run(CudaBackend&, const AttentionBwd&) { std::abort(); }
void run(CudaBackend&, const AttentionCached&) { std::abort(); }
void run(CudaBackend&, const CopyColumns&) { std::abort(); }
void run(CudaBackend&, const CacheAppend&) { std::abort(); }
void run(CudaBackend&, const Add&) { std::abort(); }
void run(CudaBackend&, const Accumulate&) { std::abort(); }
void run(CudaBackend&, const Cast&) { std::abort(); }
void run(CudaBackend&, const GatherRows&) { std::abort(); }
void run(CudaBackend&, const EmbeddingFwd&) { std::abort(); }
void run(CudaBackend&, const EmbeddingBwd&) { std::abort(); }
void run(CudaBackend&, const HeadLoss&) { std::abort(); }
void run(CudaBackend&, const LayerNormFwd&) { std::abort(); }
void run(CudaBackend&, const LayerNormBwd&) { std::abort(); }
void run(CudaBackend&, const LinearFwd&) { std::abort(); }
void run(CudaBackend&, const LinearBwd&) { std::abort(); }
void run(CudaBackend&, const LinearWeightGrad&) { std::abort(); }
void run(CudaBackend&, const LoraLinearFwd&) { std::abort(); }
void run(CudaBackend&, const LoraLinearBwd&) { std::abort(); }
void run(CudaBackend&, const RmsNormFwd&) { std::abort(); }
void run(CudaBackend&, const RmsNormBwd&) { std::abort(); }
void run(CudaBackend&, const Rope&) { std::abort(); }
void run(CudaBackend&, const RopeBwd&) { std::abort(); }
void run(CudaBackend&, const Sample&) { std::abort(); }
void run(CudaBackend&, const SoftCap&) { std::abort(); }

}  // namespace lorica
