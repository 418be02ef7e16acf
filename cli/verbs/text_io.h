#pragma once
#include <functional>
#include <string>
#include <string_view>

namespace lorica::cli {

/// The whole of a file, or of standard input for "-". Throws Error as read_file() does.
std::string read_input(const std::string& file_or_dash);

/// Writes to standard output. Throws RunError when that fails (a full disk, a closed pipe).
void print(std::string_view text);

/// Calls f for each line of `text`, without its end. An Error from f is thrown on as "FILE:LINE: ...".
void each_line(std::string_view text, const std::string& file, const std::function<void(std::string_view)>& f);

}  // namespace lorica::cli
