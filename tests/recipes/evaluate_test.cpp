#include "recipes/evaluate.h"

#include <gtest/gtest.h>

namespace lorica {
namespace {

// By hand: F1 of the classes 4/5, 2/4 and 0/1; the last class neither occurs nor is predicted.
TEST(EvalResult, MacroF1IsTheMeanOverClassesThatAreMet) {
  const EvalResult result{.loss_sum = 0,
                          .trained_tokens = 5,
                          .tokens = 20,
                          .classes = {{.actual = 2, .predicted = 3, .right = 2},
                                      {.actual = 2, .predicted = 2, .right = 1},
                                      {.actual = 1, .predicted = 0, .right = 0},
                                      {}}};
  EXPECT_DOUBLE_EQ(result.accuracy(), 3.0 / 5);
  EXPECT_DOUBLE_EQ(result.macro_f1(), (4.0 / 5 + 2.0 / 4 + 0) / 3);
}

}  // namespace
}  // namespace lorica
