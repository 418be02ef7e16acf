#pragma once
#include <filesystem>

#include "io/data/byte_reader.h"
#include "io/data/row_builder.h"

// One function a kind of file: hands every record to the builder, in file order, holding one at a time. They throw
// Fault where the rest of the file cannot be read.
namespace lorica {

/// One JSON value a line, blank lines skipped.
void read_json_lines(ByteReader& bytes, RowBuilder& rows, size_t largest);
/// The elements of a list; with the source's `field` those of the list of that name in an object; where the file begins
/// with neither, one value a line.
void read_json(ByteReader& bytes, RowBuilder& rows, size_t largest);
/// Records under a header row.
void read_table(ByteReader& bytes, RowBuilder& rows, char delimiter, size_t largest);
/// Plain text as the source's sample_by says; line ends become LF.
void read_plain_text(ByteReader& bytes, RowBuilder& rows, size_t largest);
/// CoNLL: blocks of lines, each a record of its comments "# key = value" or "# key: value".
void read_conll(ByteReader& bytes, RowBuilder& rows, size_t largest);
/// Throws Error where this build reads no Parquet, and for a file that is none.
void read_parquet(const std::filesystem::path& path, RowBuilder& rows);

/// "a row of more than 67108864 bytes"
Fault too_large(size_t largest);

}  // namespace lorica
