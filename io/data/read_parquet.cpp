#include <arrow/api.h>
#include <arrow/io/file.h>
#include <fmt/format.h>
#include <parquet/arrow/reader.h>
#include <parquet/exception.h>

#include "io/data/records.h"
#include "io/formats/printable.h"
#include "kernels/error.h"

namespace lorica {
namespace {

Json value_at(const arrow::Array& array, int64_t i);

/// Members of a struct that are null stay: what reads them takes null for "not there".
Json object_at(const arrow::StructArray& array, int64_t i) {
  Json object = Json::object();
  for (int field = 0; field < array.num_fields(); ++field) {
    object[array.type()->field(field)->name()] = value_at(*array.field(field), i);
  }
  return object;
}

template <class List>
Json list_at(const List& array, int64_t i) {
  Json list = Json::array();
  for (int64_t k = 0; k < array.value_length(i); ++k) {
    list.push_back(value_at(*array.values(), array.value_offset(i) + k));
  }
  return list;
}

template <class Array>
Json number_at(const arrow::Array& array, int64_t i) {
  return static_cast<const Array&>(array).Value(i);
}

template <class Array>
Json text_at(const arrow::Array& array, int64_t i) {
  const std::string text = static_cast<const Array&>(array).GetString(i);
  check_text(text);
  return text;
}

/// Any other type than those named, a date say, as Arrow writes it.
Json value_at(const arrow::Array& array, int64_t i) {
  if (array.IsNull(i)) return nullptr;
  switch (array.type_id()) {
    case arrow::Type::BOOL:
      return number_at<arrow::BooleanArray>(array, i);
    case arrow::Type::INT8:
      return number_at<arrow::Int8Array>(array, i);
    case arrow::Type::INT16:
      return number_at<arrow::Int16Array>(array, i);
    case arrow::Type::INT32:
      return number_at<arrow::Int32Array>(array, i);
    case arrow::Type::INT64:
      return number_at<arrow::Int64Array>(array, i);
    case arrow::Type::UINT8:
      return number_at<arrow::UInt8Array>(array, i);
    case arrow::Type::UINT16:
      return number_at<arrow::UInt16Array>(array, i);
    case arrow::Type::UINT32:
      return number_at<arrow::UInt32Array>(array, i);
    case arrow::Type::UINT64:
      return number_at<arrow::UInt64Array>(array, i);
    case arrow::Type::FLOAT:
      return number_at<arrow::FloatArray>(array, i);
    case arrow::Type::DOUBLE:
      return number_at<arrow::DoubleArray>(array, i);
    case arrow::Type::STRING:
      return text_at<arrow::StringArray>(array, i);
    case arrow::Type::LARGE_STRING:
      return text_at<arrow::LargeStringArray>(array, i);
    case arrow::Type::LIST:
      return list_at(static_cast<const arrow::ListArray&>(array), i);
    case arrow::Type::LARGE_LIST:
      return list_at(static_cast<const arrow::LargeListArray&>(array), i);
    case arrow::Type::STRUCT:
      return object_at(static_cast<const arrow::StructArray&>(array), i);
    case arrow::Type::DICTIONARY: {
      const auto& coded = static_cast<const arrow::DictionaryArray&>(array);
      return value_at(*coded.dictionary(), coded.GetValueIndex(i));
    }
    default: {
      const auto scalar = array.GetScalar(i);
      const std::string text = scalar.ok() ? (*scalar)->ToString() : array.type()->ToString();
      check_text(text);
      return text;
    }
  }
}

void check(const arrow::Status& status) {
  if (!status.ok())
    throw Fault{{Check::kBrokenFile, fmt::format("not read as Parquet: {}", printable(status.message()))}};
}

/// Arrow 21 made the result a value.
template <class Reader>
std::shared_ptr<arrow::RecordBatchReader> batches_of(Reader& reader) {
  if constexpr (requires { reader.GetRecordBatchReader().status(); }) {
    auto batches = reader.GetRecordBatchReader();
    check(batches.status());
    return std::move(batches).ValueUnsafe();
  } else {
    std::unique_ptr<arrow::RecordBatchReader> batches;
    check(reader.GetRecordBatchReader(&batches));
    return batches;
  }
}

}  // namespace

void read_parquet(const std::filesystem::path& path, RowBuilder& rows) {
  constexpr int64_t kRowsAtOnce = 1024;
  const auto file = arrow::io::ReadableFile::Open(path.string());
  if (!file.ok()) throw Error("{}: cannot open: {}", path.string(), printable(file.status().message()));
  try {
    parquet::arrow::FileReaderBuilder builder;
    check(builder.Open(*file));
    parquet::ArrowReaderProperties properties;
    properties.set_batch_size(kRowsAtOnce);
    std::unique_ptr<parquet::arrow::FileReader> reader;
    check(builder.properties(properties)->Build(&reader));
    const auto batches = batches_of(*reader);
    std::vector<std::string> columns = batches->schema()->field_names();
    rows.set_columns(1, columns);
    int64_t row = 0;
    for (std::shared_ptr<arrow::RecordBatch> batch;;) {
      check(batches->ReadNext(&batch));
      if (!batch) return;
      for (int64_t i = 0; i < batch->num_rows() && !rows.stopped(); ++i) {
        rows.add(++row, [&] {
          Json record = Json::object();
          for (int c = 0; c < batch->num_columns(); ++c)
            record.emplace(columns[static_cast<size_t>(c)], value_at(*batch->column(c), i));
          return record;
        });
      }
    }
  } catch (const parquet::ParquetException& error) {
    throw Fault{{Check::kBrokenFile, fmt::format("not read as Parquet: {}", printable(error.what()))}};
  }
}

}  // namespace lorica
