#include "kernels/cpu/gemm.h"

#include <cstdlib>
#include <cstring>
#include <string_view>

#include "kernels/cpu/convert.h"
#include "kernels/cpu/gemm_cache.h"
#include "kernels/cpu/parallel.h"

namespace lorica {
namespace {

using Desc = dnnl::memory::desc;
using Type = dnnl::memory::data_type;

Type type_of(Dtype dtype) { return dtype == Dtype::bf16 ? Type::bf16 : Type::f32; }

Desc matrix_desc(int64_t rows, int64_t cols, Dtype dtype, int64_t ld, bool transposed) {
  return Desc({rows, cols}, type_of(dtype), transposed ? dnnl::memory::dims{1, ld} : dnnl::memory::dims{ld, 1});
}

dnnl::primitive_attr user_scratch() {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attr;
}

/// Weight layouts are chosen for this many rows and used for any number, so that a layout depends on the weight alone.
constexpr int64_t kPackRows = 1024;

dnnl::matmul::primitive_desc any_layout(const dnnl::engine& engine, int64_t k, int64_t n, Dtype dtype) {
  const Desc weights({k, n}, type_of(dtype), dnnl::memory::format_tag::any);
  return cpu::make_matmul(engine, matrix_desc(kPackRows, k, dtype, k, false), weights, {},
                          matrix_desc(kPackRows, n, dtype, n, false), user_scratch());
}

bool has_native_bf16(const dnnl::engine& engine) {
  try {
    return std::string_view(any_layout(engine, 64, 64, Dtype::bf16).impl_info_str()).substr(0, 3) != "ref";
  } catch (const dnnl::error&) {
    return false;
  }
}

}  // namespace

CpuBackend::GemmCache::GemmCache() { native_bf16 = has_native_bf16(engine); }

namespace cpu {

struct PackedMatrix {
  struct Free {
    void operator()(void* p) const { std::free(p); }
  };
  std::unique_ptr<void, Free> buffer;
  dnnl::memory memory;
};

std::shared_ptr<const PackedMatrix> pack_matrix(CpuBackend& backend, int64_t k, int64_t n, const MatrixIn& b) {
  CpuBackend::GemmCache& cache = backend.gemm_cache();
  if (b.dtype == Dtype::bf16 && !cache.native_bf16) return nullptr;
  const Desc plain = matrix_desc(k, n, b.dtype, b.ld, b.transposed);
  const Desc best = any_layout(cache.engine, k, n, b.dtype).weights_desc();
  if (best == plain || best == matrix_desc(k, n, b.dtype, n, false)) return nullptr;

  auto packed = std::make_shared<PackedMatrix>();
  constexpr size_t kAlign = 4096;
  packed->buffer.reset(std::aligned_alloc(kAlign, (best.get_size() + kAlign - 1) / kAlign * kAlign));
  if (!packed->buffer) throw RunError("out of memory: a packed weight of {} bytes", best.get_size());
  packed->memory = dnnl::memory(best, cache.engine, packed->buffer.get());
  dnnl::memory source(plain, cache.engine, const_cast<void*>(b.data));
  dnnl::reorder(source, packed->memory).execute(cache.stream, source, packed->memory);
  cache.stream.wait();
  return packed;
}

size_t packed_bytes(const PackedMatrix& packed) { return packed.memory.get_desc().get_size(); }

namespace {

using Cache = CpuBackend::GemmCache;

Cache::Key key_of(const Gemm& g) {
  int64_t flags = 0;
  auto flag = [&](bool bit) { flags = flags * 2 + (bit ? 1 : 0); };
  flag(g.a.transposed), flag(g.b.transposed), flag(g.accumulate), flag(g.packed_b != nullptr);
  flag(g.a.dtype == Dtype::bf16), flag(g.c_dtype == Dtype::bf16);
  flag(static_cast<bool>(g.bias)), flag(g.bias.dtype == Dtype::bf16);
  flag(g.addend.data != nullptr), flag(g.addend.dtype == Dtype::bf16);
  int32_t alpha = 0;
  std::memcpy(&alpha, &g.alpha, sizeof alpha);
  return {g.m, g.n, g.k, g.a.ld, g.packed_b ? 0 : g.b.ld, g.ldc, g.addend.data ? g.addend.ld : 0, flags, alpha};
}

Cache::Entry make_entry(const Cache& cache, const Cache::Key& key, const Gemm& g) {
  const Desc a = matrix_desc(g.m, g.k, g.a.dtype, g.a.ld, g.a.transposed);
  const Desc b = g.packed_b ? g.packed_b->memory.get_desc() : matrix_desc(g.k, g.n, g.a.dtype, g.b.ld, g.b.transposed);
  const Desc c = matrix_desc(g.m, g.n, g.c_dtype, g.ldc, false);
  const Desc bias = g.bias ? matrix_desc(1, g.n, g.bias.dtype, g.n, false) : Desc();
  const Desc addend = g.addend.data ? matrix_desc(g.m, g.n, g.addend.dtype, g.addend.ld, false) : Desc();

  dnnl::post_ops post;
  if (g.alpha != 1) append_scale(post, g.alpha);
  if (g.accumulate) post.append_sum(1.0f);
  if (g.addend.data) post.append_binary(dnnl::algorithm::binary_add, addend);
  dnnl::primitive_attr attr = user_scratch();
  attr.set_post_ops(post);
  const dnnl::matmul::primitive_desc desc = make_matmul(cache.engine, a, b, bias, c, attr);

  auto view = [&](const Desc& d) { return dnnl::memory(d, cache.engine, DNNL_MEMORY_NONE); };
  Cache::Entry e{key, dnnl::matmul(desc), desc.scratchpad_desc().get_size(), view(a), {}, {}, {}, view(c), {}, {}};
  e.args = {{DNNL_ARG_SRC, e.a}, {DNNL_ARG_DST, e.c}};
  if (e.scratch_bytes > 0) e.args[DNNL_ARG_SCRATCHPAD] = e.scratch = view(desc.scratchpad_desc());
  if (!g.packed_b) e.args[DNNL_ARG_WEIGHTS] = e.b = view(b);
  if (g.bias) e.args[DNNL_ARG_BIAS] = e.bias = view(bias);
  if (g.addend.data) e.args[DNNL_ARG_ATTR_MULTIPLE_POST_OP(post.len() - 1) | DNNL_ARG_SRC_1] = e.addend = view(addend);
  return e;
}

Cache::Entry& find_entry(Cache& cache, const Gemm& g) {
  const Cache::Key key = key_of(g);
  if (auto found = cache.index.find(key); found != cache.index.end()) {
    cache.entries.splice(cache.entries.begin(), cache.entries, found->second);
    return *found->second;
  }
  cache.entries.push_front(make_entry(cache, key, g));
  cache.index[key] = cache.entries.begin();
  if (cache.entries.size() > cache.capacity) {
    cache.index.erase(cache.entries.back().key);
    cache.entries.pop_back();
  }
  return cache.entries.front();
}

/// scratch: memory that the caller carved from kGemmScratch already, with room for the primitive's own; null: take it.
void execute(CpuBackend& backend, const Gemm& g, void* scratch) {
  Cache& cache = backend.gemm_cache();
  Cache::Entry& e = find_entry(cache, g);
  auto bind = [](dnnl::memory& memory, const void* data) { memory.set_data_handle(const_cast<void*>(data)); };
  bind(e.a, g.a.data);
  bind(e.c, g.c);
  if (g.packed_b)
    e.args[DNNL_ARG_WEIGHTS] = g.packed_b->memory;
  else
    bind(e.b, g.b.data);
  if (g.bias) bind(e.bias, g.bias.data);
  if (g.addend.data) bind(e.addend, g.addend.data);
  if (e.scratch_bytes > 0)
    bind(e.scratch, scratch ? scratch : backend.scratch(CpuBackend::kGemmScratch, e.scratch_bytes));
  e.primitive.execute(cache.stream, e.args);
  cache.stream.wait();
}

/// For CPUs without a bf16 unit: everything widened to f32, which is exact, the product in f32, the result rounded.
void gemm_widened(CpuBackend& backend, const Gemm& g) {
  struct Part {
    const void* data;
    int64_t ld, rows, cols, offset;
  };
  int64_t total = 0;
  auto part = [&](const void* data, int64_t ld, int64_t rows, int64_t cols, bool wanted) {
    Part p{data, ld, rows, cols, total};
    if (wanted) total += (rows * cols + 15) / 16 * 16;
    return p;
  };
  const bool round_c = g.c_dtype == Dtype::bf16;
  const bool wide_bias = g.bias && g.bias.dtype == Dtype::bf16;
  const bool wide_addend = g.addend.data && g.addend.dtype == Dtype::bf16;
  const Part a = part(g.a.data, g.a.ld, g.a.transposed ? g.k : g.m, g.a.transposed ? g.m : g.k, true);
  const Part b = part(g.b.data, g.b.ld, g.b.transposed ? g.n : g.k, g.b.transposed ? g.k : g.n, true);
  const Part c = part(g.c, g.ldc, g.m, g.n, round_c);
  const Part bias = part(g.bias.data, g.n, 1, g.n, wide_bias);
  const Part addend = part(g.addend.data, g.addend.ld, g.m, g.n, wide_addend);

  Gemm wide = g;
  wide.a = {nullptr, Dtype::f32, a.cols, g.a.transposed};
  wide.b = {nullptr, Dtype::f32, b.cols, g.b.transposed};
  wide.c_dtype = Dtype::f32;
  if (round_c) wide.ldc = g.n;
  if (wide_bias) wide.bias.dtype = Dtype::f32;
  if (wide_addend) wide.addend = {g.addend.data, Dtype::f32, g.n, false};
  const int64_t own = static_cast<int64_t>(find_entry(backend.gemm_cache(), wide).scratch_bytes / sizeof(float)) + 16;
  float* const memory = backend.scratch<float>(CpuBackend::kGemmScratch, total + own);
  auto widen = [&](const Part& p) {
    convert_rows(static_cast<const bf16*>(p.data), p.ld, memory + p.offset, p.cols, p.rows, p.cols);
    return memory + p.offset;
  };
  wide.a.data = widen(a);
  wide.b.data = widen(b);
  if (wide_bias) wide.bias.data = widen(bias);
  if (wide_addend) wide.addend.data = widen(addend);
  if (round_c) wide.c = g.accumulate ? widen(c) : memory + c.offset;
  execute(backend, wide, memory + total);
  if (round_c) convert_rows(memory + c.offset, g.n, static_cast<bf16*>(g.c), g.ldc, g.m, g.n);
}

}  // namespace

void gemm(CpuBackend& backend, const Gemm& g) {
  assert(g.k > 0 && (g.alpha == 1 || !g.bias) && (g.packed_b || g.a.dtype == g.b.dtype));
  if (g.m == 0 || g.n == 0) return;
  if (g.a.dtype == Dtype::bf16 && !backend.gemm_cache().native_bf16)
    gemm_widened(backend, g);
  else
    execute(backend, g, nullptr);
}

}  // namespace cpu
}  // namespace lorica
