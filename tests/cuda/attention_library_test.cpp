#include "kernels/cuda/attention_library.h"

#include "kernels/cuda/attention_packed.h"
#include "kernels/graph.h"
#include "tests/kernels/attention_fixture.h"
#include "tests/kernels/op_test.h"

namespace lorica::test {
namespace {

/// The context with cuDNN's attention while it lives.
class WithCudnn : public testing::Test {
 protected:
  void SetUp() override {
    before_ = cuda_.attention_kernel();
    try {
      cuda_.set_attention_kernel(AttentionKernel::kCudnn);
    } catch (const Error& error) {
      GTEST_SKIP() << error.what();
    }
  }
  void TearDown() override { cuda_.set_attention_kernel(before_); }
  CudaBackend& cuda_ = *context_under_test().cuda;
  AttentionKernel before_ = AttentionKernel::kAuto;
};

/// Answers what it is told, and counts.
class FakeEngine : public PackedAttentionEngine {
 public:
  explicit FakeEngine(std::optional<size_t> answer) : answer_(answer) {}
  std::optional<size_t> workspace(CudaBackend&, const PackedAttention&) override { return answer_; }
  void execute(CudaBackend&, const PackedAttention&, const PackedAttentionData&, void*) override { ++runs; }
  std::string describe() const override { return "fake"; }
  int runs = 0;

 private:
  std::optional<size_t> answer_;
};

TEST(AttentionLibrary, IsAskedByShapesAndOptionsAlone) {
  AttentionRun r(attention_case({70, 0, 200}, 6, 2, 64, 50), Dtype::bf16);
  AttentionFwd op = r.forward_op();
  const PackedAttention whole{.documents = 3,
                              .tokens = 270,
                              .longest = 384,
                              .heads = 6,
                              .kv_heads = 2,
                              .d = 64,
                              .window = 50,
                              .scale = op.scale};
  EXPECT_EQ(packed_attention(op), whole);
  op.longest = 200;
  EXPECT_EQ(packed_attention(op).value().longest, 256);
  op.longest = 130;
  EXPECT_EQ(packed_attention(op).value().longest, 256);
  op.longest = 1;
  EXPECT_EQ(packed_attention(op).value().longest, 128);
  op.longest = 4096;  // more than there are tokens
  EXPECT_EQ(packed_attention(op).value().longest, 384);
  PackedAttention backward = whole;
  backward.backward = true;
  EXPECT_EQ(packed_attention(r.backward_op()), backward);

  op.softcap = 4;
  EXPECT_FALSE(packed_attention(op).has_value());
  EXPECT_FALSE(packed_attention(AttentionRun(attention_case({9}, 2, 1, 64), Dtype::f32).forward_op()).has_value());
  EXPECT_FALSE(packed_attention(AttentionRun(attention_case({9}, 2, 1, 60), Dtype::bf16).forward_op()).has_value());
  EXPECT_FALSE(packed_attention(AttentionRun(attention_case({9}, 2, 1, 264), Dtype::bf16).forward_op()).has_value());
  EXPECT_FALSE(packed_attention(AttentionRun(attention_case({}, 2, 1, 64), Dtype::bf16).forward_op()).has_value());
  op = r.forward_op();
  op.q.shape = {int64_t{1} << 20, 32, 64};  // 2^31 elements
  EXPECT_FALSE(packed_attention(op).has_value());
}

TEST(AttentionLibrary, LeavesAnOpAloneThatTheEngineRefuses) {
  AttentionRun r(attention_case({70}, 2, 1, 64), Dtype::bf16);
  for (const auto& [answer, taken] : {std::pair{std::optional<size_t>(), false},
                                      {std::optional(AttentionLibrary::most_workspace(*r.context.cuda) + 1), false},
                                      {std::optional(size_t{100}), true}}) {
    auto owned = std::make_unique<FakeEngine>(answer);
    const FakeEngine& engine = *owned;
    AttentionLibrary library(std::move(owned));
    EXPECT_EQ(library.takes(*r.context.cuda, r.forward_op()), taken);
    EXPECT_EQ(library.run(*r.context.cuda, r.forward_op()), taken);
    EXPECT_EQ(library.run(*r.context.cuda, r.backward_op()), taken);
    EXPECT_EQ(engine.runs, taken ? 2 : 0);
  }
}

TEST(AttentionLibrary, OffsetsFollowTheDocuments) {
  const std::vector<int32_t> lengths = {70, 1, 0, 133, 64, 0};
  const AttentionCase c = attention_case(lengths, 6, 2, 24);
  const PackedAttention p{.documents = 6, .tokens = 268, .longest = 256, .heads = 6, .kv_heads = 2, .d = 24};
  const HostTensor cu = HostTensor::ints(c.cu);
  HostTensor queries({7}, Dtype::i32), keys({7}, Dtype::i32), rows({7}, Dtype::i32), counts({6}, Dtype::i32);
  CudaBackend& cuda = *context_under_test().cuda;
  write_packed_offsets(cuda, p, cu.in().as<int32_t>(),
                       {.query_offsets = queries.out().as<int32_t>(),
                        .key_offsets = keys.out().as<int32_t>(),
                        .row_offsets = rows.out().as<int32_t>(),
                        .lengths = counts.out().as<int32_t>()});
  int32_t ignored = 0;
  cuda.memory().copy_out(&ignored, counts.in().data, sizeof(ignored));  // waits
  for (size_t i = 0; i < 7; ++i) {
    EXPECT_EQ(queries.get(i), c.cu[i] * 6 * 24);
    EXPECT_EQ(keys.get(i), c.cu[i] * 2 * 24);
    EXPECT_EQ(rows.get(i), c.cu[i] * 6);
    if (i < 6) {
      EXPECT_EQ(counts.get(i), lengths[i]);
    }
  }
}

TEST_F(WithCudnn, DoesTheOpsOfAModelAndLeavesOthersToOurKernels) {
  AttentionRun r(attention_case({70, 200}, 4, 2, 64), Dtype::bf16);
  AttentionFwd op = r.forward_op();
  EXPECT_TRUE(library_takes(cuda_, op));
  EXPECT_TRUE(library_takes(cuda_, r.backward_op()));
  op.softcap = 4;
  EXPECT_FALSE(library_takes(cuda_, op));
  cuda_.set_attention_kernel(AttentionKernel::kMma);
  EXPECT_FALSE(library_takes(cuda_, r.forward_op()));
}

/// Empty documents at the end, as padding makes them; lse is the op's own, whoever made it.
TEST_F(WithCudnn, AgreesWithOurKernelsOnPaddedDocuments) {
  for (const int64_t window : {0, 60}) {
    const AttentionCase c = attention_case({130, 1, 77, 0, 0}, 4, 2, 64, window);
    AttentionRun library(c, Dtype::bf16), own(c, Dtype::bf16);
    library.forward();
    library.backward();
    cuda_.set_attention_kernel(AttentionKernel::kMma);
    own.forward();
    own.backward();
    cuda_.set_attention_kernel(AttentionKernel::kCudnn);
    EXPECT_CLOSE(library.lse.values(), own.lse.values(), {.dtype = Dtype::f32, .c = 64, .scale = 1});
    for (const auto& [a, b] :
         {std::pair{&library.o, &own.o}, {&library.dq, &own.dq}, {&library.dk, &own.dk}, {&library.dv, &own.dv}})
      EXPECT_CLOSE(a->values(), b->values(), {.dtype = Dtype::bf16, .c = 8, .scale = 1});
  }
}

TEST_F(WithCudnn, IsRecordedInAGraph) {
  const AttentionCase c = attention_case({130, 77}, 4, 2, 64);
  AttentionRun eager(c, Dtype::bf16), replayed(c, Dtype::bf16);
  eager.forward();
  eager.backward();
  const auto graph = capture(cuda_, [&] {
    replayed.forward();
    replayed.backward();
  });
  graph->replay();
  int32_t ignored = 0;
  cuda_.memory().copy_out(&ignored, replayed.o.in().data, sizeof(ignored));  // waits
  for (const auto& [a, b] : {std::pair{&eager.o, &replayed.o},
                             {&eager.dq, &replayed.dq},
                             {&eager.dk, &replayed.dk},
                             {&eager.dv, &replayed.dv}})
    EXPECT_TRUE(same_bits(*a, *b));
}

}  // namespace
}  // namespace lorica::test
