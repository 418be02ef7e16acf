#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <optional>
#include <vector>

#include "kernels/cuda/cublaslt.h"
#include "kernels/cuda/gemm.h"
#include "kernels/cuda/gemm_choices.h"

namespace lorica {
namespace {

constexpr int kCandidates = 8;
constexpr size_t kWorkspaceBytes = size_t{32} << 20;  // what NVIDIA advises for sm_90; more than older cards ask for

cudaDataType_t type_of(Dtype dtype) { return dtype == Dtype::bf16 ? CUDA_R_16BF : CUDA_R_32F; }

GemmKey key_of(const CudaProduct& p) {
  const auto operand = [](const CudaMatrix& x) {
    return GemmKey::Operand{x.dtype, x.stride, x.transposed, alignment_of(x.data)};
  };
  return {.m = p.m,
          .n = p.n,
          .k = p.k,
          .a = operand(p.a),
          .b = operand(p.b),
          .d = {p.d_dtype, p.d_stride, false, alignment_of(p.d)},
          .has_addend = p.addend != nullptr,
          .addend_alignment = alignment_of(p.addend),
          .has_bias = bool{p.bias}};
}

/// Whether the library's epilogue may add the bias: it takes d's dtype only.
bool library_adds_bias(const CudaProduct& p) {
  return !p.bias || (p.bias.dtype == p.d_dtype && alignment_of(p.bias.data) == 16);
}

/// A product as the library describes it. Row-major d is column-major d^T = op(b)^T op(a)^T, so the library's A is b.
struct Plan {
  CublasLt::Owned<cublasLtMatmulDesc_t> product;
  CublasLt::Owned<cublasLtMatrixLayout_t> a, b, d;
  std::optional<GemmChoice> choice;  ///< none where the library has no algorithm for it
};

struct Timer {
  Timer() {
    check_cuda(cudaEventCreate(&begin), "event");
    check_cuda(cudaEventCreate(&end), "event");
  }
  ~Timer() {
    cudaEventDestroy(begin);
    cudaEventDestroy(end);
  }
  cudaEvent_t begin = nullptr, end = nullptr;
};

class CublasLtGemm : public CudaGemm {
 public:
  explicit CublasLtGemm(const CudaBackend& cuda)
      : library_(fmt::format("{}, {} multiprocessors, cuBLASLt {}", cuda.properties().name,
                             cuda.properties().multiProcessorCount, lt_.version_text())),
        choices_(tuned_ ? gemm_choices_path(cuda.properties().name, lt_.version_text()) : "", library_) {
    lt_.require(lt_.create(&handle_), "start");
    if (!choices_.warning().empty()) fmt::print(stderr, "warning: {}\n", choices_.warning());
  }
  ~CublasLtGemm() override { lt_.destroy(handle_); }

  void run(CudaBackend& cuda, const CudaProduct& p) override {
    if (p.k == 0) return finish_gemm(cuda, nullptr, p);
    if (library_adds_bias(p)) {
      const Plan& plan = plan_for(cuda, p);
      if (plan.choice) return lt_.require(multiply(cuda, plan, p, *plan.choice, p.d), "product");
    }
    CudaProduct plain = p;
    plain.d = cuda.scratch<float>(CudaBackend::kGemmResult, p.m * p.n);
    plain.d_dtype = Dtype::f32;
    plain.d_stride = p.n;
    plain.addend = nullptr;
    plain.bias = {};
    const Plan& plan = plan_for(cuda, plain);
    if (!plan.choice) throw RunError("cuBLASLt {} has no algorithm for {}", lt_.version_text(), key_of(plain).text());
    lt_.require(multiply(cuda, plan, plain, *plan.choice, plain.d), "product");
    finish_gemm(cuda, static_cast<const float*>(plain.d), p);
  }

  std::string describe() const override {
    return fmt::format("cuBLASLt: {} from {}\n", lt_.version_text(), lt_.library.path());
  }

 private:
  const Plan& plan_for(CudaBackend& cuda, const CudaProduct& p) {
    const GemmKey key = key_of(p);
    if (const auto found = plans_.find(key); found != plans_.end()) return found->second;
    Plan plan = make_plan(p);
    const std::string text = key.text();
    if (const GemmChoice* known = choices_.find(text); known && usable(plan, *known)) {
      plan.choice = *known;
    } else {
      std::vector<GemmChoice> candidates = ask(plan, key);
      if (candidates.size() > 1 && tuned_ && !cuda.capturing()) {
        time_candidates(cuda, plan, p, candidates);
        choices_.remember(text, candidates.front());
      }
      if (!candidates.empty()) plan.choice = candidates.front();
    }
    return plans_.emplace(key, std::move(plan)).first->second;
  }

  Plan make_plan(const CudaProduct& p) const {
    cublasLtMatmulDesc_t made = nullptr;
    lt_.require(lt_.create_product(&made, CUBLAS_COMPUTE_32F, CUDA_R_32F), "product");
    CublasLt::Owned<cublasLtMatmulDesc_t> product(made, lt_.destroy_product);
    set(made, CUBLASLT_MATMUL_DESC_TRANSA, p.b.transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
    set(made, CUBLASLT_MATMUL_DESC_TRANSB, p.a.transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
    if (p.bias) {
      set(made, CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
      set(made, CUBLASLT_MATMUL_DESC_BIAS_POINTER, p.bias.data);
    }
    const auto stored = [&](const CudaMatrix& x, int64_t rows, int64_t columns) {
      return x.transposed ? lt_.layout(type_of(x.dtype), rows, columns, x.stride)
                          : lt_.layout(type_of(x.dtype), columns, rows, x.stride);
    };
    return {std::move(product),
            stored(p.b, p.k, p.n),
            stored(p.a, p.m, p.k),
            lt_.layout(type_of(p.d_dtype), p.n, p.m, p.d_stride),
            {}};
  }

  template <class T>
  void set(cublasLtMatmulDesc_t product, cublasLtMatmulDescAttributes_t attribute, const T& value) const {
    lt_.require(lt_.set_product(product, attribute, &value, sizeof(value)), "product");
  }

  /// The library's best estimates, best first. Sums over k are either not split, or split with partial sums in f32 that
  /// a second kernel adds in order: deterministic, and d is rounded once.
  std::vector<GemmChoice> ask(const Plan& plan, const GemmKey& key) const {
    cublasLtMatmulPreference_t made = nullptr;
    lt_.require(lt_.create_preference(&made), "preference");
    const CublasLt::Owned<cublasLtMatmulPreference_t> preference(made, lt_.destroy_preference);
    const auto prefer = [&]<class T>(cublasLtMatmulPreferenceAttributes_t attribute, T value) {
      lt_.require(lt_.set_preference(made, attribute, &value, sizeof(value)), "preference");
    };
    prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, uint64_t{kWorkspaceBytes});
    prefer(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, uint32_t{CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE});
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, static_cast<uint32_t>(key.b.alignment));
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, static_cast<uint32_t>(key.a.alignment));
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES,
           static_cast<uint32_t>(key.has_addend ? key.addend_alignment : key.d.alignment));
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, static_cast<uint32_t>(key.d.alignment));

    std::array<cublasLtMatmulHeuristicResult_t, kCandidates> results{};
    int count = 0;
    const cublasStatus_t status = lt_.heuristic(handle_, plan.product.get(), plan.a.get(), plan.b.get(), plan.d.get(),
                                                plan.d.get(), made, kCandidates, results.data(), &count);
    std::vector<GemmChoice> candidates;
    if (status == CUBLAS_STATUS_NOT_SUPPORTED) return candidates;
    lt_.require(status, "choice of an algorithm");
    for (const auto& result : std::span(results.data(), static_cast<size_t>(count))) {
      if (result.state != CUBLAS_STATUS_SUCCESS || !in_order(result.algo)) continue;
      candidates.push_back({.workspace_bytes = result.workspaceSize});
      std::memcpy(candidates.back().algorithm.data(), &result.algo, sizeof(result.algo));
    }
    return candidates;
  }

  bool in_order(const cublasLtMatmulAlgo_t& algorithm) const {
    uint32_t scheme = 0;
    size_t written = 0;
    lt_.require(
        lt_.algorithm_attribute(&algorithm, CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME, &scheme, sizeof(scheme), &written),
        "algorithm");
    return scheme == CUBLASLT_REDUCTION_SCHEME_NONE || scheme == CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
  }

  /// Whether a choice from the file still fits: the library looks at it again.
  bool usable(const Plan& plan, const GemmChoice& choice) const {
    cublasLtMatmulAlgo_t algorithm;
    std::memcpy(&algorithm, choice.algorithm.data(), sizeof(algorithm));
    cublasLtMatmulHeuristicResult_t result{};
    return lt_.check_algorithm(handle_, plan.product.get(), plan.a.get(), plan.b.get(), plan.d.get(), plan.d.get(),
                               &algorithm, &result) == CUBLAS_STATUS_SUCCESS &&
           result.workspaceSize <= kWorkspaceBytes && in_order(algorithm);
  }

  /// Puts the fastest first, with its time. d is left as it was where the product adds to it, undefined elsewhere.
  void time_candidates(CudaBackend& cuda, const Plan& plan, const CudaProduct& p, std::vector<GemmChoice>& candidates) {
    void* d = p.d;
    if (p.addend == p.d)
      d = cuda.scratch(CudaBackend::kGemmResult, static_cast<size_t>(p.m * p.d_stride) * size_of(p.d_dtype));
    const Timer timer;
    std::vector<double> times;
    for (GemmChoice& candidate : candidates) {
      time_runs(cuda, plan, p, candidate, d, timer, 1);  // loads its code
      const double once = time_runs(cuda, plan, p, candidate, d, timer, 1);
      const int runs = once > 0 ? std::clamp(static_cast<int>(2000 / once), 1, 20) : 0;
      candidate.microseconds = runs > 1 ? time_runs(cuda, plan, p, candidate, d, timer, runs) : once;
      times.push_back(candidate.microseconds);
    }
    cudaGetLastError();  // of a candidate that failed
    if (const int best = fastest(times); best > 0) std::swap(candidates[0], candidates[static_cast<size_t>(best)]);
  }

  /// Microseconds of a run, or 0 where the algorithm fails.
  double time_runs(CudaBackend& cuda, const Plan& plan, const CudaProduct& p, const GemmChoice& choice, void* d,
                   const Timer& timer, int runs) {
    check_cuda(cudaEventRecord(timer.begin, cuda.stream()), "timing");
    for (int i = 0; i < runs; ++i)
      if (multiply(cuda, plan, p, choice, d) != CUBLAS_STATUS_SUCCESS) return 0;
    check_cuda(cudaEventRecord(timer.end, cuda.stream()), "timing");
    check_cuda(cudaEventSynchronize(timer.end), "timing");
    float milliseconds = 0;
    check_cuda(cudaEventElapsedTime(&milliseconds, timer.begin, timer.end), "timing");
    return std::max(1e-3, 1e3 * static_cast<double>(milliseconds) / runs);
  }

  cublasStatus_t multiply(CudaBackend& cuda, const Plan& plan, const CudaProduct& p, const GemmChoice& choice,
                          void* d) const {
    if (p.bias) set(plan.product.get(), CUBLASLT_MATMUL_DESC_BIAS_POINTER, p.bias.data);
    cublasLtMatmulAlgo_t algorithm;
    std::memcpy(&algorithm, choice.algorithm.data(), sizeof(algorithm));
    const float beta = p.addend ? 1.0f : 0.0f;
    return lt_.matmul(handle_, plan.product.get(), &p.alpha, p.b.data, plan.a.get(), p.a.data, plan.b.get(), &beta,
                      p.addend ? p.addend : d, plan.d.get(), d, plan.d.get(), &algorithm,
                      cuda.scratch(CudaBackend::kGemmWorkspace, kWorkspaceBytes), kWorkspaceBytes, cuda.stream());
  }

  const bool tuned_ = [] {
    const char* const tune = std::getenv("LORICA_GEMM_TUNE");
    return !tune || std::string_view(tune) != "0";
  }();
  CublasLt lt_;
  std::string library_;
  GemmChoices choices_;
  cublasLtHandle_t handle_ = nullptr;
  std::map<GemmKey, Plan> plans_;
};

}  // namespace

std::unique_ptr<CudaGemm> make_cuda_gemm(CudaBackend& cuda) { return std::make_unique<CublasLtGemm>(cuda); }

}  // namespace lorica
