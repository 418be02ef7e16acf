#include "recipes/padding.h"

#include <algorithm>
#include <bit>

namespace lorica {
namespace {

int64_t round_up(int64_t n, int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }

}  // namespace

int64_t longest_document(const Batch& batch) {
  return *std::max_element(batch.positions.begin(), batch.positions.end()) + int64_t{1};
}

PaddedSizes padded_sizes(const Batch& batch, int64_t micro_batch_tokens) {
  PaddedSizes sizes;
  const auto tokens = static_cast<int64_t>(batch.ids.size());
  sizes.tokens = round_up(tokens, std::max<int64_t>(micro_batch_tokens / 4, 1));
  const int64_t longest = longest_document(batch);
  const int64_t documents =
      static_cast<int64_t>(batch.cu_seqlens.size()) - 1 + (sizes.tokens - tokens + longest - 1) / longest;
  sizes.documents = static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(std::max<int64_t>(documents, 8))));
  sizes.rows = round_up(static_cast<int64_t>(batch.rows.size()), std::max<int64_t>(sizes.tokens / 8, 1));
  return sizes;
}

Batch padded(const Batch& batch, const PaddedSizes& sizes) {
  Batch result = batch;
  const auto tokens = static_cast<size_t>(sizes.tokens);
  const auto longest = static_cast<size_t>(longest_document(batch));
  for (size_t t = batch.ids.size(), begin = t; t < tokens; ++t) {
    if (t == begin + longest) {
      result.cu_seqlens.push_back(static_cast<int32_t>(t));
      begin = t;
    }
    result.ids.push_back(result.ids[t - batch.ids.size()]);
    result.positions.push_back(static_cast<int32_t>(t - begin));
  }
  result.cu_seqlens.resize(static_cast<size_t>(sizes.documents) + 1, static_cast<int32_t>(sizes.tokens));
  result.rows.resize(static_cast<size_t>(sizes.rows), -1);
  result.targets.resize(static_cast<size_t>(sizes.rows), -1);
  return result;
}

Batch padded_for(Device device, const Batch& batch, int64_t micro_batch_tokens) {
  return device == Device::kCpu ? batch : padded(batch, padded_sizes(batch, micro_batch_tokens));
}

}  // namespace lorica
