// Readers of rows on arbitrary bytes. The first byte chooses the format; nothing may crash, read past the end, hand out
// a conversation together with an error, or hand out text that is not UTF-8.
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>

#include "io/data/rows.h"
#include "io/tokenizer/utf8.h"

namespace {

void check(const lorica::Row& row) {
  bool error = false;
  for (const auto& note : row.notes) error = error || lorica::severity_of(note.check) == lorica::Severity::kError;
  if (error != (row.messages == nullptr)) std::abort();
  if (row.messages == nullptr) return;
  if (!row.messages->is_array() || row.messages->empty()) std::abort();
  for (const auto& message : *row.messages) {
    if (!message.at("role").is_string()) std::abort();
    const auto& content = message.at("content");
    if (content.is_string() && lorica::utf8::find_invalid(content.get_ref<const std::string&>()) != std::string::npos)
      std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  lorica::DataSource source;
  source.prompt_column = "q";
  source.response_column = "r";
  if ((data[0] & 1) != 0) source.format = lorica::DataFormat::kPromptResponse;
  if ((data[0] & 2) != 0) source.slice_column = "s";
  if ((data[0] & 4) != 0) source.system_prompt = "Be kind.";
  const bool csv = (data[0] & 1) != 0 && (data[0] & 8) != 0;
  const auto kind = csv ? lorica::DataFileKind::kCsv : lorica::DataFileKind::kJsonLines;
  int64_t last_line = 0;
  lorica::read_rows(bytes, "f", kind, source, [&](lorica::Row&& row) {
    if (row.line != 0 && row.line <= last_line) std::abort();
    last_line = row.line;
    check(row);
  });
  return 0;
}
