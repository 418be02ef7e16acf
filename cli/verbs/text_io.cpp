#include "cli/verbs/text_io.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <iterator>

#include "io/formats/file_bytes.h"
#include "kernels/error.h"

namespace lorica::cli {

std::string read_input(const std::string& file_or_dash) {
  if (file_or_dash != "-") return read_file(file_or_dash);
  return {std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
}

void print(std::string_view text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (!written || std::fflush(stdout) != 0) throw RunError("cannot write the result: {}", std::strerror(errno));
}

void each_line(std::string_view text, const std::string& file, const std::function<void(std::string_view)>& f) {
  size_t number = 1;
  for (size_t at = 0; at < text.size(); ++number) {
    const size_t end = std::min(text.find('\n', at), text.size());
    try {
      f(text.substr(at, end - at));
    } catch (const RunError&) {
      throw;
    } catch (const Error& error) {
      throw Error("{}:{}: {}", file, number, error.what());
    }
    at = end + 1;
  }
}

}  // namespace lorica::cli
