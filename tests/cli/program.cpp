#include "tests/cli/program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>

namespace lorica::test {
namespace {

using Clock = std::chrono::steady_clock;

Clock::time_point after(double seconds) {
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

void redirect(const std::string& path, int flags, int to) {
  const int fd = ::open(path.c_str(), flags, 0644);
  if (fd < 0 || ::dup2(fd, to) < 0) _exit(126);
  ::close(fd);
}

void put(const fs::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
}

}  // namespace

std::string file_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

Program::Program(const fs::path& folder, const std::vector<std::string>& arguments, const std::string& input,
                 const std::vector<std::string>& before) {
  static int number = 0;
  base_ = folder / fmt::format(".streams-{}", number++);
  const std::string in = base_.string() + ".in", out = base_.string() + ".out", err = base_.string() + ".err";
  put(in, input);
  std::vector<std::string> words = before;
  words.emplace_back(LORICA_PROGRAM);
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  child_ = ::fork();
  if (child_ != 0) return;
  redirect(in, O_RDONLY, STDIN_FILENO);
  redirect(out, O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO);
  redirect(err, O_WRONLY | O_CREAT | O_TRUNC, STDERR_FILENO);
  if (::chdir(folder.c_str()) != 0) _exit(126);
  ::execv(argv[0], argv.data());
  _exit(127);
}

Program::~Program() {
  if (reaped_ || child_ <= 0) return;
  ::kill(child_, SIGKILL);
  ::waitpid(child_, &status_, 0);
}

void Program::send(int signal) const {
  if (!reaped_) ::kill(child_, signal);
}

bool Program::ended(double seconds) {
  for (const auto limit = after(seconds); !reaped_;) {
    reaped_ = ::waitpid(child_, &status_, WNOHANG) == child_;
    if (reaped_ || Clock::now() > limit) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return reaped_;
}

bool Program::wait_for(const fs::path& path, double seconds) {
  for (const auto limit = after(seconds); !fs::exists(path) && Clock::now() < limit;)
    if (ended(0.002)) break;
  return fs::exists(path);
}

Ran Program::finish() {
  if (!ended(120)) {
    ADD_FAILURE() << "the program does not end";
    send(SIGKILL);
    ended(10);
  }
  return {WIFSIGNALED(status_) ? 128 + WTERMSIG(status_) : WEXITSTATUS(status_), file_text(base_.string() + ".out"),
          file_text(base_.string() + ".err")};
}

Workplace::Workplace() {
  std::string name = (fs::temp_directory_path() / "lorica_cli_XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
  path_ = name;
}

Workplace::~Workplace() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

Ran Workplace::run(const std::vector<std::string>& arguments, const std::string& input) const {
  return Program(path_, arguments, input).finish();
}

Ran Workplace::train(std::vector<std::string> more) const {
  more.insert(more.begin(), {"train", "recipe.yaml"});
  return run(more);
}

void Workplace::write(const std::string& name, const std::string& text) const { put(path_ / name, text); }
std::string Workplace::read(const std::string& name) const { return file_text(path_ / name); }

fs::path Workplace::copy_model(const std::string& name) const {
  fs::copy(tiny_model(), path_ / name);
  return path_ / name;
}

void Workplace::write_recipe(const std::map<std::string, std::string>& keys) const {
  std::map<std::string, std::string> all = {{"model.path", tiny_model().string()},
                                            {"model.precision", "f32"},
                                            {"data.train", (tiny_model() / "train.jsonl").string()},
                                            {"adapter.r", "4"},
                                            {"train.max_steps", "12"},
                                            {"train.examples_per_step", "4"},
                                            {"train.learning_rate", "1e-2"},
                                            {"output.dir", "runs/a"}};
  for (const auto& [key, value] : keys) all[key] = value;
  std::map<std::string, std::string> sections;
  for (const auto& [key, value] : all) {
    const size_t dot = key.find('.');
    if (!value.empty()) sections[key.substr(0, dot)] += "  " + key.substr(dot + 1) + ": " + value + "\n";
  }
  std::string text;
  for (const auto& [section, body] : sections) text += section + ":\n" + body;
  write("recipe.yaml", text);
}

std::vector<nlohmann::json> Workplace::lines(const std::string& name) const {
  std::vector<nlohmann::json> result;
  std::istringstream text(read(name));
  for (std::string line; std::getline(text, line);) result.push_back(nlohmann::json::parse(line));
  return result;
}

fs::path tiny_model() { return fs::path(TEST_DATA) / "tiny_model"; }

namespace {

/// Where a tensor's bytes are in a safetensors file, read here without the program's own reader.
std::map<std::string, std::pair<size_t, size_t>> ranges_of(const std::string& bytes) {
  uint64_t header = 0;
  std::memcpy(&header, bytes.data(), sizeof header);
  const auto json = nlohmann::json::parse(bytes.substr(8, header));
  std::map<std::string, std::pair<size_t, size_t>> result;
  for (const auto& [name, entry] : json.items())
    if (entry.contains("data_offsets") && entry["dtype"] == "F32")
      result[name] = {8 + header + entry["data_offsets"][0].get<size_t>(),
                      8 + header + entry["data_offsets"][1].get<size_t>()};
  return result;
}

}  // namespace

std::map<std::string, std::vector<float>> floats_of(const fs::path& path) {
  const std::string bytes = file_text(path);
  std::map<std::string, std::vector<float>> result;
  for (const auto& [name, range] : ranges_of(bytes)) {
    std::vector<float> values((range.second - range.first) / sizeof(float));
    std::memcpy(values.data(), bytes.data() + range.first, values.size() * sizeof(float));
    result[name] = std::move(values);
  }
  return result;
}

void poke(const fs::path& path, const std::string& tensor, size_t index, float value) {
  std::string bytes = file_text(path);
  std::memcpy(bytes.data() + ranges_of(bytes).at(tensor).first + index * sizeof value, &value, sizeof value);
  put(path, bytes);
}

}  // namespace lorica::test
