#include "kernels/philox.h"

#include <gtest/gtest.h>

namespace lorica {
namespace {

/// The known answers for philox4x32-10 in kat_vectors of the Random123 distribution. Counter words 0 and 1 are the
/// index, 2 and 3 the stream; low words first.
TEST(Philox, GivesThePublishedKnownAnswers) {
  using Words = std::array<uint32_t, 4>;
  EXPECT_EQ(philox(0, 0, 0), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox(~0ull, ~0ull, ~0ull), (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox(0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

}  // namespace
}  // namespace lorica
