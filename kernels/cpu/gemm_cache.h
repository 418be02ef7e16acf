#pragma once
#include <array>
#include <cstdint>
#include <list>
#include <unordered_map>

#include "kernels/context.h"
#include "kernels/cpu/onednn_compat.h"

namespace lorica {

/// The oneDNN primitives made so far, by shape, the most recently used first. Only kernels/cpu/gemm.cpp looks inside.
/// Making one costs about half a millisecond of code generation, so a run that meets the same batch lengths again
/// should find them; the bound keeps a run with ever new lengths from growing without end.
struct CpuBackend::GemmCache {
  size_t capacity = 512;

  using Key = std::array<int64_t, 9>;
  struct KeyHash {
    size_t operator()(const Key& key) const {
      uint64_t h = 0x9e3779b97f4a7c15u;
      for (int64_t part : key) h = (h ^ static_cast<uint64_t>(part)) * 0xff51afd7ed558ccdu, h ^= h >> 32;
      return static_cast<size_t>(h);
    }
  };
  struct Entry {
    Key key;
    dnnl::matmul primitive;
    size_t scratch_bytes;
    dnnl::memory a, b, bias, addend, c, scratch;
    std::unordered_map<int, dnnl::memory> args;  // the memories above, by oneDNN's argument numbers
  };

  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  /// Whether oneDNN multiplies bf16 on this CPU by other than its reference loops (it needs AVX-512).
  bool native_bf16 = false;
  std::list<Entry> entries;
  std::unordered_map<Key, std::list<Entry>::iterator, KeyHash> index;

  GemmCache();
};

}  // namespace lorica
