#include "kernels/cuda/gemm.h"

#include "tests/kernels/op_test.h"

namespace lorica::test {
namespace {

struct Case {
  int64_t m, n, k;
  bool a_transposed, b_transposed, adding, in_place;
  Dtype in, out, bias;
  bool has_bias;
};

/// A stored matrix with `more` unused elements at the end of every row; a test sees whether they change.
struct Stored {
  Stored(int64_t rows, int64_t columns, Dtype dtype, uint64_t seed, int64_t more)
      : stride(columns + more), tensor(HostTensor::random({rows, stride}, dtype, seed)) {}
  double at(int64_t row, int64_t column) const { return tensor.get(static_cast<size_t>(row * stride + column)); }
  int64_t stride;
  HostTensor tensor;
};

void expect_product(const Case& c, int64_t more) {
  const Stored a(c.a_transposed ? c.k : c.m, c.a_transposed ? c.m : c.k, c.in, 1, more);
  const Stored b(c.b_transposed ? c.n : c.k, c.b_transposed ? c.k : c.n, c.in, 2, more);
  const Stored addend(c.m, c.n, c.out, 3, more);
  const HostTensor bias = HostTensor::random({c.n}, c.bias, 4);
  Stored d = addend;
  CudaProduct product{.a = matrix(a.tensor.in(), c.a_transposed), .b = matrix(b.tensor.in(), c.b_transposed)};
  product.d = d.tensor.out().data, product.d_dtype = c.out, product.d_stride = d.stride;
  product.m = c.m, product.n = c.n, product.k = c.k, product.alpha = 0.75f;
  if (c.adding) product.addend = c.in_place ? product.d : addend.tensor.in().data;
  if (c.has_bias) product.bias = bias.in();
  gemm(*context_under_test().cuda, product);

  Doubles got, ref, scales;
  for (int64_t i = 0; i < c.m; ++i)
    for (int64_t j = 0; j < c.n; ++j) {
      double sum = 0, scale = 0;
      for (int64_t l = 0; l < c.k; ++l) {
        const double term = (c.a_transposed ? a.at(l, i) : a.at(i, l)) * (c.b_transposed ? b.at(j, l) : b.at(l, j));
        sum += 0.75 * term, scale += std::abs(term);
      }
      if (c.adding) sum += addend.at(i, j), scale += std::abs(addend.at(i, j));
      if (c.has_bias) sum += bias.get(static_cast<size_t>(j)), scale += std::abs(bias.get(static_cast<size_t>(j)));
      got.push_back(d.at(i, j)), ref.push_back(sum);
      // the sum is made in f32: for a bf16 result its error shows at a thousandth of bf16's
      scales.push_back(c.out == Dtype::f32 ? scale : scale / 1000);
    }
  // tensor cores cut off bits that an f32 sum would round
  EXPECT_CLOSE(got, ref, {.dtype = c.out, .c = c.in == Dtype::bf16 ? 16.0 : 4.0, .scales = &scales})
      << fmt::format("m {} n {} k {} {}{} adding {} bias {}", c.m, c.n, c.k, c.a_transposed ? "t" : "n",
                     c.b_transposed ? "t" : "n", c.adding, c.has_bias);
  for (int64_t i = 0; i < c.m; ++i)
    for (int64_t j = c.n; j < d.stride; ++j) ASSERT_EQ(d.at(i, j), addend.at(i, j)) << "beyond a row of d";
}

TEST(CudaGemm, AgreesWithTheSumInEveryForm) {
  const std::vector<std::array<int64_t, 3>> shapes = {{1, 1, 1}, {3, 5, 0}, {7, 33, 65}, {64, 16, 48}, {130, 257, 71}};
  for (const auto& [m, n, k] : shapes)
    for (const int64_t more : {int64_t{0}, int64_t{3}})
      for (int form = 0; form < 16; ++form)
        for (const auto& [in, out] :
             {std::pair{Dtype::f32, Dtype::f32}, {Dtype::bf16, Dtype::f32}, {Dtype::bf16, Dtype::bf16}})
          for (const Dtype bias : {Dtype::f32, out})
            expect_product({m, n, k, (form & 1) != 0, (form & 2) != 0, (form & 4) != 0, m % 2 == 1, in, out, bias,
                            (form & 8) != 0},
                           more);
}

TEST(CudaGemm, EmptyIsNoWorkAndARerunGivesTheSameBits) {
  CudaBackend& cuda = *context_under_test().cuda;
  gemm(cuda, {.m = 0, .n = 5, .k = 3});
  const HostTensor a = HostTensor::random({67, 515}, Dtype::bf16, 1), b = HostTensor::random({515, 43}, Dtype::bf16, 2);
  HostTensor first({67, 43}, Dtype::bf16), second({67, 43}, Dtype::bf16);
  for (HostTensor* d : {&first, &second})
    gemm(cuda, {.a = matrix(a.in()),
                .b = matrix(b.in()),
                .d = d->out().data,
                .d_dtype = Dtype::bf16,
                .d_stride = 43,
                .m = 67,
                .n = 43,
                .k = 515});
  cuda.memory().copy_out(first.out().data, first.in().data, 2);  // waits
  EXPECT_TRUE(same_bits(first, second));
}

}  // namespace
}  // namespace lorica::test
