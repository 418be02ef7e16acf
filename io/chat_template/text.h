#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lorica::jinja {

// UTF-8 text measured and cut in code points, as Python's str does. A byte that is not part of valid UTF-8 counts as
// one code point of its own, so that no text can make these read out of bounds.

/// Bytes of the code point that starts at `at`, 1 to 4.
size_t code_point_size(std::string_view text, size_t at);
char32_t code_point_at(std::string_view text, size_t at);
size_t code_point_count(std::string_view text);
/// The byte offset of every code point and, last, the size of the text.
std::vector<size_t> code_point_offsets(std::string_view text);

enum class CharClass { space, word, printable, letter, lower, upper, title, cased, decimal, digit, numeric };
/// Whether Python's str methods (isspace, isprintable, isalpha, ...) count the code point to the class.
bool in_class(char32_t code, CharClass wanted);

enum class Case { lower, upper, title };
/// str.lower, str.upper, or every code point in its title form.
std::string change_case(std::string_view text, Case wanted);
/// First code point in title form, the rest in lower case.
std::string capitalize(std::string_view text);

enum class Sides { both, left, right };
/// str.strip: removes white space, or the code points of `characters`.
std::string_view strip(std::string_view text, Sides sides, const std::optional<std::string>& characters = std::nullopt);

/// str.splitlines without the line ends.
std::vector<std::string> split_lines(std::string_view text, bool keep_ends = false);

/// HTML escaping of & < > " and ' as MarkupSafe writes it.
std::string escape_html(std::string_view text);

}  // namespace lorica::jinja
