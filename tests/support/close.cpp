#include "tests/support/close.h"

#include <fmt/format.h>

#include <cmath>

namespace lorica::test {

std::string close_failure(const std::vector<double>& got, const std::vector<double>& ref, const Limit& limit) {
  if (got.size() != ref.size()) return fmt::format("sizes differ: got {}, reference {}", got.size(), ref.size());
  const double eps = limit.dtype == Dtype::bf16 ? 0x1p-9 : 0x1p-24;
  double worst = 0;
  size_t at = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    const double allowed = limit.c * eps * (std::abs(ref[i]) + (limit.scales ? (*limit.scales)[i] : limit.scale));
    const double error = std::abs(got[i] - ref[i]);
    double share = error == 0 ? 0 : error / allowed;
    if (std::isnan(got[i]) != std::isnan(ref[i])) share = HUGE_VAL;
    if (std::isnan(got[i]) && std::isnan(ref[i])) share = 0;
    if (std::isnan(share)) share = HUGE_VAL;
    if (share > worst) worst = share, at = i;
  }
  if (worst <= 1) return "";
  return fmt::format("worst at {} of {}: got {:.9g}, reference {:.9g}, {:.3g} times the limit", at, got.size(), got[at],
                     ref[at], worst);
}

}  // namespace lorica::test
