#include "kernels/ops/embedding.h"

#include "tests/kernels/op_test.h"
#include "tests/reference/embedding.h"

namespace lorica::test {
namespace {

constexpr int64_t kVocabulary = 37;

std::vector<int32_t> random_ids(int64_t n) {
  std::mt19937 generator(5);
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < n; ++i) ids.push_back(static_cast<int32_t>(generator() % (kVocabulary - 1)));
  return ids;
}

TEST(Embedding, ForwardAgreesWithTheReference) {
  Context& context = context_under_test();
  for (Dtype from : kFloatDtypes)
    for (Dtype to : kFloatDtypes)
      for (int64_t d : kWidths)
        for (int64_t rows : kRows) {
          const std::vector<int32_t> ids = random_ids(rows);
          const HostTensor table = HostTensor::random({kVocabulary, d}, from, 1);
          HostTensor y({rows, d}, to);
          const HostTensor numbers = HostTensor::ints(ids);
          launch(context, EmbeddingFwd{.table = table.in(), .ids = numbers.in(), .y = y.out(), .scale = 24});
          const Doubles ref = reference::embedding(table.values(), ids, static_cast<size_t>(d), 24);
          expect_op_close(y, ref, absolute(ref), 1);
        }
}

TEST(Embedding, GradientAgreesWithTheReference) {
  Context& context = context_under_test();
  for (Dtype dtype : kFloatDtypes)
    for (int64_t d : kWidths)
      for (int64_t rows : kRows) {
        SCOPED_TRACE(fmt::format("{} [{}, {}]", name_of(dtype), rows, d));
        const std::vector<int32_t> ids = random_ids(rows);
        const HostTensor dy = HostTensor::random({rows, d}, dtype, 2), id = HostTensor::ints(ids);
        const size_t width = static_cast<size_t>(d);
        const Doubles ref = reference::embedding_grad(dy.values(), ids, kVocabulary, width, 0.75);
        const Doubles terms = reference::embedding_grad(absolute(dy.values()), ids, kVocabulary, width, 0.75);
        expect_gradient({kVocabulary, d}, Dtype::f32, ref, terms, 4, [&](const GradOut& dtable) {
          launch(context, EmbeddingBwd{.dy = dy.in(), .ids = id.in(), .dtable = dtable, .scale = 0.75f});
        });
      }
}

/// One id is most of the tokens, as a separator is: its rows lie in many blocks of the search.
TEST(Embedding, GradientOfAFrequentId) {
  Context& context = context_under_test();
  constexpr int64_t kTokens = 600;
  std::vector<int32_t> ids = random_ids(kTokens);
  for (size_t t = 0; t < ids.size(); ++t)
    if (t % 5 != 2) ids[t] = 9;
  const HostTensor dy = HostTensor::random({kTokens, 130}, Dtype::bf16, 2), numbers = HostTensor::ints(ids);
  const Doubles ref = reference::embedding_grad(dy.values(), ids, kVocabulary, 130, 1);
  const Doubles terms = reference::embedding_grad(absolute(dy.values()), ids, kVocabulary, 130, 1);
  expect_gradient({kVocabulary, 130}, Dtype::f32, ref, terms, 16, [&](const GradOut& dtable) {
    launch(context, EmbeddingBwd{.dy = dy.in(), .ids = numbers.in(), .dtable = dtable});
  });
}

TEST(Embedding, GradientAgreesWithTheComplexStep) {
  Context& context = context_under_test();
  const std::vector<int32_t> ids = {3, 0, 3, 36, 3};
  const HostTensor dy = HostTensor::random({5, 7}, Dtype::f32, 2);
  HostTensor dtable({kVocabulary, 7}, Dtype::f32);
  const HostTensor numbers = HostTensor::ints(ids);
  launch(context,
         EmbeddingBwd{.dy = dy.in(), .ids = numbers.in(), .dtable = dtable.grad(GradMode::kWrite), .scale = 1.5f});
  const Doubles table(kVocabulary * 7, 0.5);
  const Doubles ref = complex_step(table, dy.values(),
                                   [&](const std::vector<Complex>& z) { return reference::embedding(z, ids, 7, 1.5); });
  expect_op_close(dtable, ref, Doubles(ref.size(), 1.0), 4);
}

TEST(Embedding, RefusesIdsOutOfRange) {
  HostTensor table({10, 4}, Dtype::f32), y({3, 4}, Dtype::f32);
  for (const int32_t bad : {-1, 10}) {
    const HostTensor ids = HostTensor::ints({0, bad, 2});
    const auto message = [&](const auto& op) {
      try {
        launch_and_wait(op);
      } catch (const Error& error) {
        return std::string(error.what());
      }
      return std::string();
    };
    EXPECT_EQ(message(EmbeddingFwd{.table = table.in(), .ids = ids.in(), .y = y.out()}),
              fmt::format("EmbeddingFwd: ids[1]: expected an index from 0 to 9, got {}", bad));
    EXPECT_EQ(message(EmbeddingBwd{.dy = y.in(), .ids = ids.in(), .dtable = table.grad(GradMode::kAdd)}),
              fmt::format("EmbeddingBwd: ids[1]: expected an index from 0 to 9, got {}", bad));
  }
}

TEST(Embedding, RefusesWrongArguments) {
  HostTensor table({10, 4}, Dtype::f32), y({3, 4}, Dtype::bf16), wide({3, 5}, Dtype::f32), half({10, 4}, Dtype::bf16);
  const HostTensor ids = HostTensor::ints({0, 1, 2});
  const EmbeddingFwd fwd{.table = table.in(), .ids = ids.in(), .y = y.out()};
  EXPECT_NO_THROW(fwd.check());
  const auto with = [](auto op, auto&& change) {
    change(op);
    return op;
  };
  expect_refused(with(fwd, [&](auto& op) { op.table = ids.in(); }), "EmbeddingFwd: table: expected 2 dimensions");
  expect_refused(with(fwd, [&](auto& op) { op.table.dtype = Dtype::f16; }),
                 "EmbeddingFwd: table: expected f32 or bf16");
  expect_refused(with(fwd, [&](auto& op) { op.ids = y.in(); }), "EmbeddingFwd: ids: expected 1 dimensions");
  expect_refused(with(fwd, [&](auto& op) { op.ids.dtype = Dtype::i64; }), "EmbeddingFwd: ids: expected i32");
  expect_refused(with(fwd, [&](auto& op) { op.y = wide.out(); }), "EmbeddingFwd: y: expected shape [3, 4]");
  expect_refused(with(fwd, [&](auto& op) { op.y.dtype = Dtype::i32; }), "EmbeddingFwd: y: expected f32 or bf16");
  const EmbeddingBwd bwd{.dy = y.in(), .ids = ids.in(), .dtable = table.grad(GradMode::kWrite)};
  EXPECT_NO_THROW(bwd.check());
  expect_refused(with(bwd, [&](auto& op) { op.dy = ids.in(); }), "EmbeddingBwd: dy: expected 2 dimensions");
  expect_refused(with(bwd, [&](auto& op) { op.ids.shape = {2}; }), "EmbeddingBwd: ids: expected shape [3]");
  expect_refused(with(bwd, [&](auto& op) { op.dtable.tensor = half.out(); }), "EmbeddingBwd: dtable: expected f32");
  expect_refused(with(bwd, [&](auto& op) { op.dtable.tensor = wide.out(); }), "EmbeddingBwd: dtable: expected shape");
}

}  // namespace
}  // namespace lorica::test
