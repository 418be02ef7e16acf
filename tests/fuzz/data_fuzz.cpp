// Readers of rows on arbitrary bytes. The first two bytes choose the kind of file, the format and its settings; nothing
// may crash, read past the end, hand out a row together with an error, or hand out text that is not UTF-8.
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>

#include "io/data/rows.h"
#include "io/tokenizer/utf8.h"

namespace {

void check_text(const nlohmann::ordered_json& value) {
  if (!value.is_string() || !lorica::utf8::is_valid(value.get_ref<const std::string&>())) std::abort();
}

void check(const lorica::Row& row) {
  bool left_out = false;
  for (const auto& note : row.notes) {
    left_out = left_out || note.check == lorica::Check::kLeftOut ||
               lorica::severity_of(note.check) == lorica::Severity::kError;
  }
  if (row.messages != nullptr && row.is_text) std::abort();
  if (left_out != (row.messages == nullptr && !row.is_text)) std::abort();
  if (row.is_text) check_text(row.text);
  if (row.messages == nullptr) return;
  if (!row.messages->is_array() || row.messages->empty()) std::abort();
  for (const auto& message : *row.messages) {
    check_text(message.at("role"));
    check_text(message.at("content"));
  }
  if (row.tools && (!row.tools->is_array() || row.tools->empty())) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  lorica::DataSource source;
  source.format = static_cast<lorica::DataFormat>((data[0] & 15) % 8);
  if ((data[0] & 16) != 0) source.slice_column = "s";
  if ((data[0] & 32) != 0) source.system_prompt = "Be kind.";
  if ((data[0] & 64) != 0) source.prompt_template = "<{q}>";
  if ((data[0] & 128) != 0) source.field = "f";
  const auto kind = static_cast<lorica::DataFileKind>((data[1] & 7) % 6);
  source.sample_by = static_cast<lorica::SampleBy>(((data[1] >> 3) & 3) % 3);
  const size_t largest = (data[1] & 64) != 0 ? 40 : lorica::kLargestRow;
  int64_t last_line = 0;
  lorica::read_rows(
      bytes, "f", kind, source,
      [&](lorica::Row&& row) {
        // a fault of the file as a whole may be told at its header
        const bool whole_file = !row.notes.empty() && lorica::spoils_file(row.notes.back().check);
        if (row.line < last_line && !whole_file) std::abort();
        last_line = row.line;
        check(row);
      },
      largest);
  return 0;
}
