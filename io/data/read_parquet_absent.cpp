#include "io/data/records.h"
#include "kernels/error.h"

namespace lorica {

void read_parquet(const std::filesystem::path& path, RowBuilder&) {
  const std::string file = path.string();
  const std::string converted = std::filesystem::path(path).replace_extension(".jsonl").string();
  throw Error(
      "{}: Parquet needs a build with Apache Arrow (install libparquet-dev, then build again), or convert it: python3 "
      "-c "
      "\"import pandas; pandas.read_parquet('{}').to_json('{}', orient='records', lines=True)\"",
      file, file, converted);
}

}  // namespace lorica
