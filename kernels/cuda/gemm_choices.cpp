#include "kernels/cuda/gemm_choices.h"

#include <fmt/ranges.h>
#include <unistd.h>

#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace lorica {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTitle = "lorica gemm choices 1";

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

bool parse_line(const std::string& line, std::string& key, GemmChoice& choice) {
  std::istringstream words(line);
  words >> key >> std::hex;
  for (uint64_t& word : choice.algorithm) words >> word;
  words >> std::dec >> choice.workspace_bytes >> choice.microseconds;
  std::string more;
  return !words.fail() && !(words >> more) && choice.microseconds >= 0;
}

std::string text_of(const char* name, const GemmKey::Operand& operand) {
  return fmt::format(":{}{}-{}-{}-{}", name, operand.transposed ? "t" : "", name_of(operand.dtype), operand.stride,
                     operand.alignment);
}

}  // namespace

std::string GemmKey::text() const {
  return fmt::format("m{}n{}k{}{}{}{}{}{}", m, n, k, text_of("a", a), text_of("b", b), text_of("d", d),
                     has_addend ? fmt::format(":addend{}", addend_alignment) : "", has_bias ? ":bias" : "");
}

int alignment_of(const void* address) {
  const auto bits = reinterpret_cast<uintptr_t>(address) | 16u;
  return static_cast<int>(bits & (~bits + 1));
}

std::string GemmChoices::print(const Table& table, std::string_view library) {
  std::string text = fmt::format("{}\n{}\n", kTitle, library);
  for (const auto& [key, choice] : table)
    text += fmt::format("{} {:x} {} {:.2f}\n", key, fmt::join(choice.algorithm, " "), choice.workspace_bytes,
                        choice.microseconds);
  return text + "end\n";
}

bool GemmChoices::parse(std::string_view text, std::string_view library, Table& table) {
  table.clear();
  std::istringstream lines{std::string(text)};
  std::string line;
  if (!std::getline(lines, line) || line != kTitle || !std::getline(lines, line) || line != library) return false;
  while (std::getline(lines, line)) {
    if (line == "end" && !lines.eof()) return true;
    std::string key;
    GemmChoice choice;
    if (!parse_line(line, key, choice)) break;
    table[key] = choice;
  }
  table.clear();
  return false;
}

GemmChoices::GemmChoices(std::string path, std::string library) : path_(std::move(path)), library_(std::move(library)) {
  std::error_code failed;
  if (path_.empty() || !fs::exists(path_, failed)) return;
  if (!parse(read_file(path_), library_, table_))
    warning_ = fmt::format("{}: not a table of choices for {}; left aside, products are timed anew", path_, library_);
}

const GemmChoice* GemmChoices::find(const std::string& key) const {
  const auto found = table_.find(key);
  return found == table_.end() ? nullptr : &found->second;
}

void GemmChoices::remember(const std::string& key, const GemmChoice& choice) {
  table_[key] = choice;
  if (!path_.empty()) save();
}

void GemmChoices::save() {
  Table others;
  parse(read_file(path_), library_, others);
  others.merge(Table(table_));  // what another process chose first stays, in the file
  std::error_code failed;
  fs::create_directories(fs::path(path_).parent_path(), failed);
  const std::string aside = fmt::format("{}.{}", path_, getpid());
  {
    std::ofstream file(aside, std::ios::binary);
    file << print(others, library_);
    if (!file.flush()) failed = std::make_error_code(std::errc::io_error);
  }
  if (!failed) fs::rename(aside, path_, failed);
  if (failed) fs::remove(aside, failed);
}

std::string gemm_choices_path(std::string_view card, std::string_view version) {
  const char* const cache = std::getenv("XDG_CACHE_HOME");
  const char* const home = std::getenv("HOME");
  fs::path folder;
  if (cache && *cache)
    folder = cache;
  else if (home && *home)
    folder = fs::path(home) / ".cache";
  else
    return "";
  std::string name = fmt::format("gemm-{}-{}", card, version);
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '.') c = '_';
  return folder / "lorica" / (name + ".txt");
}

int fastest(std::span<const double> microseconds) {
  double best = 0;
  for (const double time : microseconds)
    if (time > 0 && (best == 0 || time < best)) best = time;
  for (size_t i = 0; i < microseconds.size(); ++i)
    if (microseconds[i] > 0 && microseconds[i] <= 1.02 * best) return static_cast<int>(i);
  return -1;
}

}  // namespace lorica
