#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/cuda/attention_library.h"

namespace lorica {
namespace {

/// One attention by the equations of kernels/ops/attention.h, on what a library is handed: offsets, lengths, stats.
class PlainLoops {
 public:
  PlainLoops(const PackedAttention& problem, const PackedAttentionData& data) : p_(problem), data_(data) {}

  void run() {
    if (p_.backward) {
      dq_.assign(static_cast<size_t>(p_.tokens * p_.heads * p_.d), 0);
      dk_.assign(static_cast<size_t>(p_.tokens * p_.kv_heads * p_.d), 0);
      dv_ = dk_;
    }
    for (int64_t document = 0; document < p_.documents; ++document)
      for (int64_t head = 0; head < p_.heads; ++head)
        for (int64_t t = 0; t < data_.lengths[document]; ++t)
          p_.backward ? backward(document, head, t) : forward(document, head, t);
    if (!p_.backward) return;
    const auto write = [](const std::vector<float>& sums, void* to) {
      std::transform(sums.begin(), sums.end(), static_cast<bf16*>(to), [](float sum) { return bf16(sum); });
    };
    write(dq_, data_.dq), write(dk_, data_.dk), write(dv_, data_.dv);
  }

 private:
  template <class T>
  T* query_row(T* base, int64_t document, int64_t token, int64_t head) const {
    return base + data_.query_offsets[document] + (token * p_.heads + head) * p_.d;
  }
  template <class T>
  T* key_row(T* base, int64_t document, int64_t token, int64_t head) const {
    return base + data_.key_offsets[document] + (token * p_.kv_heads + head / (p_.heads / p_.kv_heads)) * p_.d;
  }
  float& stats(int64_t document, int64_t token, int64_t head) const {
    return data_.stats[data_.row_offsets[document] + token * p_.heads + head];
  }
  float dot(const bf16* a, const bf16* b) const {
    float sum = 0;
    for (int64_t c = 0; c < p_.d; ++c) sum += static_cast<float>(a[c]) * static_cast<float>(b[c]);
    return sum;
  }
  int64_t first_key(int64_t t) const { return p_.window > 0 ? std::max<int64_t>(0, t - p_.window + 1) : 0; }

  void forward(int64_t document, int64_t head, int64_t t) const {
    const bf16* q = query_row(static_cast<const bf16*>(data_.q), document, t, head);
    std::vector<float> scores, sums(static_cast<size_t>(p_.d));
    for (int64_t s = first_key(t); s <= t; ++s)
      scores.push_back(p_.scale * dot(q, key_row(static_cast<const bf16*>(data_.k), document, s, head)));
    const float largest = *std::max_element(scores.begin(), scores.end());
    float total = 0;
    for (int64_t s = first_key(t); s <= t; ++s) {
      const float weight = std::exp(scores[static_cast<size_t>(s - first_key(t))] - largest);
      const bf16* v = key_row(static_cast<const bf16*>(data_.v), document, s, head);
      total += weight;
      for (int64_t c = 0; c < p_.d; ++c) sums[static_cast<size_t>(c)] += weight * static_cast<float>(v[c]);
    }
    bf16* o = query_row(static_cast<bf16*>(data_.o), document, t, head);
    for (int64_t c = 0; c < p_.d; ++c) o[c] = bf16(sums[static_cast<size_t>(c)] / total);
    stats(document, t, head) = largest + std::log(total);
  }

  void backward(int64_t document, int64_t head, int64_t t) {
    const bf16* q = query_row(static_cast<const bf16*>(data_.q), document, t, head);
    const bf16* d_o = query_row(static_cast<const bf16*>(data_.d_o), document, t, head);
    const float sum = dot(d_o, query_row(static_cast<const bf16*>(data_.o), document, t, head));
    float* dq = query_row(dq_.data(), document, t, head);
    for (int64_t s = first_key(t); s <= t; ++s) {
      const bf16* k = key_row(static_cast<const bf16*>(data_.k), document, s, head);
      const float weight = std::exp(p_.scale * dot(q, k) - stats(document, t, head));
      const float slope =
          p_.scale * weight * (dot(d_o, key_row(static_cast<const bf16*>(data_.v), document, s, head)) - sum);
      float* dk = key_row(dk_.data(), document, s, head);
      float* dv = key_row(dv_.data(), document, s, head);
      for (int64_t c = 0; c < p_.d; ++c) {
        dq[c] += slope * static_cast<float>(k[c]);
        dk[c] += slope * static_cast<float>(q[c]);
        dv[c] += weight * static_cast<float>(d_o[c]);
      }
    }
  }

  PackedAttention p_;
  PackedAttentionData data_;
  std::vector<float> dq_, dk_, dv_;
};

/// Plain loops on the host, in the order of the stream, in the place of cuDNN: so that everything around the library
/// runs under the harness.
class PlainAttention : public PackedAttentionEngine {
 public:
  std::optional<size_t> workspace(CudaBackend&, const PackedAttention&) override { return kWorkspace; }
  void execute(CudaBackend& cuda, const PackedAttention& problem, const PackedAttentionData& data,
               void* workspace) override {
    check_cuda(simt::enqueue_host(cuda.stream(),
                                  [problem, data, workspace] {
                                    std::fill_n(static_cast<char*>(workspace), kWorkspace, char{1});
                                    PlainLoops(problem, data).run();
                                  }),
               "attention");
  }
  std::string describe() const override { return "cuDNN: plain loops\n"; }

 private:
  static constexpr size_t kWorkspace = 1000;
};

}  // namespace

std::unique_ptr<PackedAttentionEngine> make_cudnn_attention(CudaBackend&) { return std::make_unique<PlainAttention>(); }

}  // namespace lorica
