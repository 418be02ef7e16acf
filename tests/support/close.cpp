#include "tests/support/close.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace lorica::test {
namespace {

/// What was compared in one test.
struct Closeness {
  size_t tensors = 0, largest = 0;
  double worst_share = 0, worst_error = 0;  ///< of the limit; relative to the largest magnitude of its tensor
};
std::map<std::string, Closeness>& closeness() {
  static std::map<std::string, Closeness> table;
  return table;
}

void note(const std::vector<double>& got, const std::vector<double>& ref, double share) {
  const testing::TestInfo* const info = testing::UnitTest::GetInstance()->current_test_info();
  if (!info) return;
  Closeness& c = closeness()[std::string(info->test_suite_name()) + "." + info->name()];
  ++c.tensors;
  c.largest = std::max(c.largest, ref.size());
  c.worst_share = std::max(c.worst_share, share);
  double magnitude = 0, error = 0;
  for (size_t i = 0; i < ref.size(); ++i) {
    if (!std::isfinite(ref[i])) continue;
    magnitude = std::max(magnitude, std::abs(ref[i]));
    error = std::max(error, std::abs(got[i] - ref[i]));
  }
  if (magnitude > 0) c.worst_error = std::max(c.worst_error, error / magnitude);
}

}  // namespace

void print_closeness() {
  if (closeness().empty()) return;
  fmt::print("{:<60} {:>8} {:>9} {:>12} {:>10}\n", "test", "tensors", "largest", "worst error", "of limit");
  for (const auto& [test, c] : closeness())
    fmt::print("{:<60} {:>8} {:>9} {:>12.1e} {:>9.0f} %\n", test, c.tensors, c.largest, c.worst_error,
               100 * c.worst_share);
}

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
  note(got, ref, worst);
  if (worst <= 1) return "";
  return fmt::format("worst at {} of {}: got {:.9g}, reference {:.9g}, {:.3g} times the limit", at, got.size(), got[at],
                     ref[at], worst);
}

}  // namespace lorica::test
