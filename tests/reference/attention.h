#pragma once
#include <cmath>
#include <complex>
#include <cstdint>
#include <vector>

namespace lorica::test {

inline double real_part(double x) { return x; }
inline double real_part(const std::complex<double>& x) { return x.real(); }

/// What the reference needs to know besides the values.
struct AttentionCase {
  int64_t heads = 1, kv_heads = 1, d = 8;
  std::vector<int32_t> cu;  // documents
  double scale = 1;
  int64_t window = 0;
  double softcap = 0;

  int64_t tokens() const { return cu.back(); }
  bool sees(int64_t t, int64_t s) const { return s <= t && (window == 0 || t - s < window); }
};

/// One row of attention by plain loops: query q_row against keys [0, t] of a document whose first key and value rows
/// are given (stride in elements). Writes the output row and returns log sum exp.
template <class T>
T reference_attention_row(const AttentionCase& c, const T* q_row, const T* k, const T* v, int64_t stride, int64_t t,
                          T* out) {
  std::vector<T> scores(static_cast<size_t>(t + 1));
  double largest = -HUGE_VAL;
  for (int64_t s = 0; s <= t; ++s) {
    if (!c.sees(t, s)) continue;
    T x = 0;
    for (int64_t i = 0; i < c.d; ++i) x += q_row[i] * k[s * stride + i];
    x *= c.scale;
    if (c.softcap > 0) x = c.softcap * std::tanh(x / c.softcap);
    scores[static_cast<size_t>(s)] = x;
    if (!(real_part(x) <= largest)) largest = real_part(x);
  }
  T sum = 0;
  for (int64_t i = 0; i < c.d; ++i) out[i] = 0;
  for (int64_t s = 0; s <= t; ++s) {
    if (!c.sees(t, s)) continue;
    const T p = std::exp(scores[static_cast<size_t>(s)] - largest);
    sum += p;
    for (int64_t i = 0; i < c.d; ++i) out[i] += p * v[s * stride + i];
  }
  for (int64_t i = 0; i < c.d; ++i) out[i] /= sum;
  return std::log(sum) + largest;
}

/// o [T, H, d] and, where asked for, lse [H, T].
template <class T>
std::vector<T> reference_attention(const AttentionCase& c, const std::vector<T>& q, const std::vector<T>& k,
                                   const std::vector<T>& v, std::vector<T>* lse = nullptr) {
  std::vector<T> o(q.size());
  if (lse) lse->resize(static_cast<size_t>(c.heads * c.tokens()));
  const int64_t stride = c.kv_heads * c.d;
  for (size_t document = 0; document + 1 < c.cu.size(); ++document)
    for (int64_t t = c.cu[document]; t < c.cu[document + 1]; ++t)
      for (int64_t h = 0; h < c.heads; ++h) {
        const int64_t first = c.cu[document], row = (t * c.heads + h) * c.d;
        const int64_t kv = first * stride + h / (c.heads / c.kv_heads) * c.d;
        const T l =
            reference_attention_row(c, q.data() + row, k.data() + kv, v.data() + kv, stride, t - first, o.data() + row);
        if (lse) (*lse)[static_cast<size_t>(h * c.tokens() + t)] = l;
      }
  return o;
}

struct AttentionGrads {
  std::vector<double> dq, dk, dv;
  std::vector<double> dq_scale, dk_scale, dv_scale;  // sums of absolute terms
};

/// The formulas of the op header, by plain loops in double (checked against the complex step at small sizes).
inline AttentionGrads reference_attention_grads(const AttentionCase& c, const std::vector<double>& q,
                                                const std::vector<double>& k, const std::vector<double>& v,
                                                const std::vector<double>& dy) {
  std::vector<double> lse;
  const std::vector<double> o = reference_attention(c, q, k, v, &lse);
  AttentionGrads g;
  g.dq.assign(q.size(), 0), g.dk.assign(k.size(), 0), g.dv.assign(k.size(), 0);
  g.dq_scale = g.dq, g.dk_scale = g.dk, g.dv_scale = g.dv;
  auto at = [](int64_t i) { return static_cast<size_t>(i); };
  auto add = [&](std::vector<double>& sum, std::vector<double>& scale, int64_t i, double x, double size) {
    sum[at(i)] += x, scale[at(i)] += size;
  };
  for (size_t document = 0; document + 1 < c.cu.size(); ++document)
    for (int64_t t = c.cu[document]; t < c.cu[document + 1]; ++t)
      for (int64_t h = 0; h < c.heads; ++h) {
        const int64_t row = (t * c.heads + h) * c.d;
        double d_sum = 0;
        for (int64_t i = 0; i < c.d; ++i) d_sum += dy[at(row + i)] * o[at(row + i)];
        for (int64_t s = c.cu[document]; s <= t; ++s) {
          if (!c.sees(t, s)) continue;
          const int64_t kv = (s * c.kv_heads + h / (c.heads / c.kv_heads)) * c.d;
          double x = 0, dp = 0, dp_size = std::abs(d_sum);
          for (int64_t i = 0; i < c.d; ++i) {
            x += q[at(row + i)] * k[at(kv + i)];
            dp += dy[at(row + i)] * v[at(kv + i)];
            dp_size += std::abs(dy[at(row + i)] * v[at(kv + i)]);
          }
          x *= c.scale;
          double slope = 1;
          if (c.softcap > 0) x = c.softcap * std::tanh(x / c.softcap), slope = 1 - std::pow(x / c.softcap, 2);
          const double p = std::exp(x - lse[at(h * c.tokens() + t)]);
          const double ds = p * (dp - d_sum) * slope * c.scale, ds_size = p * dp_size * std::abs(c.scale);
          for (int64_t i = 0; i < c.d; ++i) {
            add(g.dq, g.dq_scale, row + i, ds * k[at(kv + i)], ds_size * std::abs(k[at(kv + i)]));
            add(g.dk, g.dk_scale, kv + i, ds * q[at(row + i)], ds_size * std::abs(q[at(row + i)]));
            add(g.dv, g.dv_scale, kv + i, p * dy[at(row + i)], p * std::abs(dy[at(row + i)]));
          }
        }
      }
  return g;
}

}  // namespace lorica::test
