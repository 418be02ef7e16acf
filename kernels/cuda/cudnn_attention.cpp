#include "kernels/cuda/cudnn_attention.h"

#include <cudnn_frontend.h>
#include <fmt/format.h>
#include <stdlib.h>

#include <algorithm>
#include <map>
#include <unordered_map>

#include "kernels/cuda/library.h"

/// Where cuDNN's frontend, told not to link the library, looks for its functions.
namespace cudnn_frontend {
void* cudnn_dlhandle = nullptr;
}

namespace lorica {
namespace {

namespace fe = cudnn_frontend;
using fe::graph::Graph;
using fe::graph::Tensor_attributes;
using Tensor = std::shared_ptr<Tensor_attributes>;

/// The numbers by which execute() is told where tensors lie.
enum Number : int64_t {
  kQ = 1,
  kK,
  kV,
  kO,
  kStats,
  kGradO,
  kGradQ,
  kGradK,
  kGradV,
  kQueryOffsets,
  kKeyOffsets,
  kRowOffsets,
  kQueryLengths,
  kKeyLengths
};

/// cuDNN, loaded once, and with it a libcudart for the frontend, which cannot use the one that is linked statically.
class Library {
 public:
  static const Library& get() {
    static const Library library;
    return library;
  }
  const std::string& path() const { return cudnn_.path(); }
  static std::string version() {
    const size_t number = fe::detail::get_backend_version();
    return fmt::format("{}.{}.{}", number / 10000, number / 100 % 100, number % 100);
  }

 private:
  Library()
      : cudnn_("libcudnn.so.9", LibraryPlaces::from_environment()),
        runtime_(fmt::format("libcudart.so.{}", CUDART_VERSION / 1000), LibraryPlaces::from_environment()) {
    fe::cudnn_dlhandle = cudnn_.handle();
    setenv("CUDNN_FRONTEND_CUDART_LIB_NAME", runtime_.path().c_str(), 0);
  }
  SharedLibrary cudnn_, runtime_;
};

/// A graph of one op, up to what a plan is made from; each part of it copies what the graph knows of the card.
class Builder {
 public:
  explicit Builder(const PackedAttention& problem, std::unique_ptr<Graph> graph = std::make_unique<Graph>())
      : p_(problem), graph_(std::move(graph)) {
    graph_->set_io_data_type(fe::DataType_t::BFLOAT16)
        .set_intermediate_data_type(fe::DataType_t::FLOAT)
        .set_compute_data_type(fe::DataType_t::FLOAT);
    query_offsets_ = indices("query_offsets", kQueryOffsets, p_.documents + 1);
    key_offsets_ = indices("key_offsets", kKeyOffsets, p_.documents + 1);
    row_offsets_ = indices("row_offsets", kRowOffsets, p_.documents + 1);
    query_lengths_ = indices("query_lengths", kQueryLengths, p_.documents);
    key_lengths_ = indices("key_lengths", kKeyLengths, p_.documents);
    p_.backward ? backward() : forward();
  }
  std::unique_ptr<Graph> take() { return std::move(graph_); }

 private:
  Tensor indices(const char* name, Number number, int64_t count) {
    return graph_->tensor(Tensor_attributes()
                              .set_name(name)
                              .set_uid(number)
                              .set_dim({count, 1, 1, 1})
                              .set_stride({1, 1, 1, 1})
                              .set_data_type(fe::DataType_t::INT32));
  }
  /// [documents, heads, longest, width], of which a document's rows are `heads` * width elements apart.
  void lay_out(Tensor_attributes& tensor, const char* name, Number number, int64_t heads, int64_t width,
               const Tensor& offsets) const {
    tensor.set_name(name)
        .set_uid(number)
        .set_dim({p_.documents, heads, p_.longest, width})
        .set_stride({p_.longest * heads * width, width, heads * width, 1})
        .set_ragged_offset(offsets);
  }
  void lay_out_queries(Tensor_attributes& tensor, const char* name, Number number) const {
    lay_out(tensor, name, number, p_.heads, p_.d, query_offsets_);
  }
  void lay_out_keys(Tensor_attributes& tensor, const char* name, Number number) const {
    lay_out(tensor, name, number, p_.kv_heads, p_.d, key_offsets_);
  }
  void lay_out_stats(Tensor_attributes& tensor) const {
    lay_out(tensor, "stats", kStats, p_.heads, 1, row_offsets_);
    tensor.set_data_type(fe::DataType_t::FLOAT);
  }
  Tensor query_input(const char* name, Number number) {
    Tensor_attributes tensor;
    lay_out_queries(tensor, name, number);
    return graph_->tensor(tensor);
  }
  Tensor key_input(const char* name, Number number) {
    Tensor_attributes tensor;
    lay_out_keys(tensor, name, number);
    return graph_->tensor(tensor);
  }

  /// What both directions share: scale, lengths, and which keys a query sees.
  template <class Attributes>
  Attributes attributes(const char* name) const {
    Attributes result;
    result.set_name(name)
        .set_attn_scale(p_.scale)
        .set_padding_mask(true)
        .set_seq_len_q(query_lengths_)
        .set_seq_len_kv(key_lengths_)
        .set_diagonal_alignment(fe::DiagonalAlignment_t::TOP_LEFT)
        .set_diagonal_band_right_bound(0);
    if (p_.window > 0) result.set_diagonal_band_left_bound(static_cast<int>(p_.window));
    return result;
  }

  void forward() {
    auto options = attributes<fe::graph::SDPA_attributes>("attention");
    options.set_generate_stats(true);
    const auto [o, stats] = graph_->sdpa(query_input("q", kQ), key_input("k", kK), key_input("v", kV), options);
    o->set_output(true);
    lay_out_queries(*o, "o", kO);
    stats->set_output(true);
    lay_out_stats(*stats);
  }

  void backward() {
    auto options = attributes<fe::graph::SDPA_backward_attributes>("attention_backward");
    options.set_deterministic_algorithm(true).set_max_total_seq_len_q(p_.tokens).set_max_total_seq_len_kv(p_.tokens);
    Tensor_attributes stats;
    lay_out_stats(stats);
    const auto [dq, dk, dv] =
        graph_->sdpa_backward(query_input("q", kQ), key_input("k", kK), key_input("v", kV), query_input("o", kO),
                              query_input("do", kGradO), graph_->tensor(stats), options);
    for (const Tensor& gradient : {dq, dk, dv}) gradient->set_output(true);
    lay_out_queries(*dq, "dq", kGradQ);
    lay_out_keys(*dk, "dk", kGradK);
    lay_out_keys(*dv, "dv", kGradV);
  }

  PackedAttention p_;
  std::unique_ptr<Graph> graph_;
  Tensor query_offsets_, key_offsets_, row_offsets_, query_lengths_, key_lengths_;
};

std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

class CudnnAttention : public PackedAttentionEngine {
 public:
  explicit CudnnAttention(CudaBackend& cuda) : library_(Library::get()) {
    require(fe::detail::create_handle(&handle_), "start");
    require(fe::detail::set_stream(handle_, cuda.stream()), "stream");
    // From 9.25 on the deterministic backward pass then has a way that needs little memory.
    setenv("CUDNN_FRONTEND_ATTN_DP_WORKSPACE_LIMIT", std::to_string(AttentionLibrary::most_workspace(cuda)).c_str(), 0);
  }
  ~CudnnAttention() override {
    plans_.clear();
    fe::detail::destroy_handle(handle_);
  }

  std::optional<size_t> workspace(CudaBackend& cuda, const PackedAttention& problem) override {
    const Plan& plan = plan_for(cuda, problem);
    return plan.graph ? std::optional<size_t>(plan.workspace) : std::nullopt;
  }

  void execute(CudaBackend& cuda, const PackedAttention& problem, const PackedAttentionData& data,
               void* workspace) override {
    std::unordered_map<int64_t, void*> tensors{{kQ, const_cast<void*>(data.q)},
                                               {kK, const_cast<void*>(data.k)},
                                               {kV, const_cast<void*>(data.v)},
                                               {kO, data.o},
                                               {kStats, data.stats},
                                               {kQueryOffsets, data.query_offsets},
                                               {kKeyOffsets, data.key_offsets},
                                               {kRowOffsets, data.row_offsets},
                                               {kQueryLengths, data.lengths},
                                               {kKeyLengths, data.lengths}};
    if (problem.backward)
      tensors.insert({{kGradO, const_cast<void*>(data.d_o)}, {kGradQ, data.dq}, {kGradK, data.dk}, {kGradV, data.dv}});
    fe::error_t status = plan_for(cuda, problem).graph->execute(handle_, tensors, workspace);
    if (status.is_bad()) throw RunError("cuDNN: {}: {}", problem.text(), one_line(status.get_message()));
  }

  std::string describe() const override {
    return fmt::format("cuDNN: {} from {}\n", Library::version(), library_.path());
  }

 private:
  struct Plan {
    std::unique_ptr<Graph> graph;  ///< null: the library does not take it
    size_t workspace = 0;
  };

  const Plan& plan_for(CudaBackend& cuda, const PackedAttention& problem) {
    if (const auto found = plans_.find(problem); found != plans_.end()) return found->second;
    cuda.refuse_while_capturing("a plan of cuDNN");
    Plan plan{.graph = Builder(problem).take()};
    fe::error_t status = plan.graph->build(handle_, {fe::HeurMode_t::A});
    if (status.is_good())
      plan.workspace = static_cast<size_t>(plan.graph->get_workspace_size());
    else
      plan.graph.reset();
    if (!plan.graph || plan.workspace > AttentionLibrary::most_workspace(cuda))
      fmt::print(
          stderr, "warning: attention: cudnn does not do this: {}: {}; this program's own kernels do\n", problem.text(),
          plan.graph ? fmt::format("{} MiB of workspace", plan.workspace >> 20) : one_line(status.get_message()));
    return plans_.emplace(problem, std::move(plan)).first->second;
  }

  static void require(cudnnStatus_t status, const char* what) {
    if (status != CUDNN_STATUS_SUCCESS) throw RunError("cuDNN: {}: {}", what, fe::detail::get_error_string(status));
  }

  const Library& library_;
  cudnnHandle_t handle_ = nullptr;
  std::map<PackedAttention, Plan> plans_;
};

}  // namespace

std::unique_ptr<PackedAttentionEngine> make_cudnn_attention(CudaBackend& cuda) {
  return std::make_unique<CudnnAttention>(cuda);
}

std::string refusal_of_cudnn(const PackedAttention& problem, const std::string& card, int architecture) {
  Library::get();
  const auto described = std::make_shared<fe::DeviceProperties>();
  fe::error_t status = described->deserialize({card.begin(), card.end()});
  if (status.is_bad()) return one_line(status.get_message());
  auto graph = std::make_unique<Graph>();
  graph->set_device_properties(described).set_sm_version(architecture);
  graph = Builder(problem, std::move(graph)).take();
  status = graph->validate();
  if (status.is_good()) status = graph->build_operation_graph();
  if (status.is_good()) status = graph->create_execution_plans({fe::HeurMode_t::A});
  if (status.is_good()) status = graph->check_support();
  return status.is_good() ? "" : one_line(status.get_message());
}

}  // namespace lorica
