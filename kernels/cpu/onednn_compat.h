#pragma once
#include <oneapi/dnnl/dnnl.hpp>

// All that differs between oneDNN 2 (operation descriptors) and oneDNN 3 (none) is in this file.
namespace lorica::cpu {

/// Descriptor of  dst = src * weights (+ bias, unless its descriptor is zero);  throws dnnl::error where unsupported.
inline dnnl::matmul::primitive_desc make_matmul(const dnnl::engine& engine, const dnnl::memory::desc& src,
                                                const dnnl::memory::desc& weights, const dnnl::memory::desc& bias,
                                                const dnnl::memory::desc& dst, const dnnl::primitive_attr& attr) {
  const bool has_bias = bias != dnnl::memory::desc();
#if DNNL_VERSION_MAJOR >= 3
  return has_bias ? dnnl::matmul::primitive_desc(engine, src, weights, bias, dst, attr)
                  : dnnl::matmul::primitive_desc(engine, src, weights, dst, attr);
#else
  const dnnl::matmul::desc desc =
      has_bias ? dnnl::matmul::desc(src, weights, bias, dst) : dnnl::matmul::desc(src, weights, dst);
  return dnnl::matmul::primitive_desc(desc, attr, engine);
#endif
}

/// Post-operation  dst = factor * dst.
inline void append_scale(dnnl::post_ops& ops, float factor) {
#if DNNL_VERSION_MAJOR >= 3
  ops.append_eltwise(dnnl::algorithm::eltwise_linear, factor, 0.0f);
#else
  ops.append_eltwise(1.0f, dnnl::algorithm::eltwise_linear, factor, 0.0f);
#endif
}

}  // namespace lorica::cpu
