#include "kernels/cpu/features.h"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <cstring>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace lorica {
namespace {

struct Features {
  bool avx2 = false, avx512 = false, avx512_bf16 = false, amx_bf16 = false;
  std::string name = "unknown CPU";
};

Features detect() {
  Features f;
#if defined(__x86_64__)
  uint32_t a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
    f.avx2 = (b >> 5) & 1u;
    f.avx512 = (b >> 16) & 1u;
    f.amx_bf16 = (d >> 22) & 1u;
    const uint32_t subleaves = a;
    if (subleaves >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d)) f.avx512_bf16 = f.avx512 && ((a >> 5) & 1u);
  }
  std::array<char, 49> brand{};
  for (uint32_t leaf = 0; leaf < 3; ++leaf) {
    if (!__get_cpuid(0x80000002u + leaf, &a, &b, &c, &d)) return f;
    const std::array<uint32_t, 4> words = {a, b, c, d};
    std::memcpy(brand.data() + leaf * 16, words.data(), 16);
  }
  f.name = brand.data();
  f.name.erase(f.name.find_last_not_of(' ') + 1);
#endif
  return f;
}

const Features& features() {
  static const Features found = detect();
  return found;
}

}  // namespace

bool cpu_has_bf16() { return features().avx512_bf16 || features().amx_bf16; }

std::string cpu_description() {
  std::string units;
  const auto unit = [&](bool has, const char* name) {
    if (has) units += (units.empty() ? "" : ", ") + std::string(name);
  };
  unit(features().avx2, "avx2");
  unit(features().avx512, "avx512");
  unit(features().avx512_bf16, "avx512-bf16");
  unit(features().amx_bf16, "amx-bf16");
  return fmt::format("{} ({})", features().name, units.empty() ? "no vector units known" : units);
}

}  // namespace lorica
