// A tokenizer.json and a text, divided by a zero byte, or a SentencePiece model (whose first byte is a line end, the
// tag of its first piece; so no JSON is lost that begins otherwise): loading either throws Error or gives a tokenizer
// that encodes, decodes and streams without a fault.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "io/tokenizer/tokenizer.h"
#include "io/tokenizer/utf8.h"
#include "kernels/error.h"

namespace {

void use(const lorica::Tokenizer& tokenizer, std::string_view text) {
  const std::vector<int32_t> ids = tokenizer.encode(text, true);
  std::string streamed;
  lorica::StreamDecoder stream(tokenizer, false);
  for (const int32_t id : ids) {
    const std::string part = stream.push(id);
    if (lorica::utf8::find_invalid(part) != std::string::npos) std::abort();
    streamed += part;
  }
  streamed += stream.finish();
  if (streamed != tokenizer.decode(ids)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t end = input.find('\0');
  try {
    const auto tokenizer = input.starts_with('\n') ? lorica::Tokenizer::from_sentencepiece(input, "fuzz")
                                                   : lorica::Tokenizer::from_json(input.substr(0, end), "fuzz");
    use(*tokenizer, "It's  na\u00efve caf\u00e9 \u65e5\u672c 123\n\n <|end|> \U0001f600");
    if (end != std::string_view::npos) use(*tokenizer, input.substr(end + 1));
  } catch (const lorica::Error&) {
  }
  return 0;
}
