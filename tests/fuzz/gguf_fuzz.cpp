#include <nlohmann/json.hpp>

#include "io/formats/gguf.h"
#include "io/formats/gguf_dequant.h"
#include "io/formats/gguf_model.h"

namespace {

void dequantize_rows(const lorica::GgufFile& file) {
  for (const auto& tensor : file.tensors()) {
    if (!lorica::can_dequantize(tensor.block->type)) continue;
    std::vector<float> values(static_cast<size_t>(tensor.shape.elements()));
    lorica::dequantize(tensor.block->type, tensor.bytes.data(), tensor.shape.elements(), values.data());
  }
}

template <class Fn>
void expect_result_or_error(Fn fn) {
  try {
    fn();
  } catch (const lorica::Error&) {
  }
}

}  // namespace

// Any bytes either make a file that can be read through, or an Error; the same for each step of the conversion.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  expect_result_or_error([&] {
    const lorica::GgufFile file({reinterpret_cast<const char*>(data), size}, "fuzz");
    dequantize_rows(file);
    expect_result_or_error([&] { lorica::gguf_tokenizer_json(file).dump(); });
    expect_result_or_error([&] {
      const lorica::GgufModel model = lorica::read_gguf_model(file);
      lorica::gguf_tokenizer_config_json(file, model).dump();
      for (const auto& weight : lorica::gguf_weights(file, model, lorica::Dtype::f16)) {
        const int64_t rows = weight.view.shape[0];
        std::vector<char> bytes(static_cast<size_t>(weight.view.bytes()));
        expect_result_or_error([&] { weight.fill(0, rows, bytes.data()); });
      }
    });
  });
  return 0;
}
