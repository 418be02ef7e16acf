#pragma once
#include <sys/types.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace lorica::test {

namespace fs = std::filesystem;

/// What a finished run of the program left. `code` is 128 + the signal where a signal ended it.
struct Ran {
  int code = -1;
  std::string out, err;
};

/// A run of the program in a child process, its streams in files.
class Program {
 public:
  /// `folder` is the current directory of the child. `before` words stand in front of the program ("/usr/bin/time -v").
  Program(const fs::path& folder, const std::vector<std::string>& arguments, const std::string& input = "",
          const std::vector<std::string>& before = {});
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  void send(int signal) const;
  /// Waits at most `seconds` for `path` to exist (or for the program to end); says whether it does.
  bool wait_for(const fs::path& path, double seconds = 30);
  /// Waits for the end, at most `seconds`; says whether it came.
  bool ended(double seconds);
  Ran finish();

 private:
  fs::path base_;
  pid_t child_ = -1;
  int status_ = 0;
  bool reaped_ = false;
};

/// A folder of its own for a test, gone afterwards, with shorthands for what the tests do in it.
class Workplace {
 public:
  Workplace();
  ~Workplace();
  const fs::path& path() const { return path_; }
  fs::path operator/(const std::string& name) const { return path_ / name; }

  Ran run(const std::vector<std::string>& arguments, const std::string& input = "") const;
  /// `lorica train recipe.yaml`; the recipe must be written before.
  Ran train(std::vector<std::string> more = {}) const;
  void write(const std::string& name, const std::string& text) const;
  std::string read(const std::string& name) const;
  bool has(const std::string& name) const { return fs::exists(path_ / name); }
  /// A copy of the tiny model that a test may spoil.
  fs::path copy_model(const std::string& name) const;
  /// recipe.yaml: `keys` ("train.max_steps", "6") over a short f32 run of the tiny model into runs/a.
  void write_recipe(const std::map<std::string, std::string>& keys = {}) const;
  std::vector<nlohmann::json> lines(const std::string& name) const;
  std::string adapter(const std::string& run = "runs/a") const {
    return read(run + "/adapter/adapter_model.safetensors");
  }

 private:
  fs::path path_;
};

fs::path tiny_model();
std::string file_text(const fs::path& path);
/// All F32 tensors of a safetensors file by name.
std::map<std::string, std::vector<float>> floats_of(const fs::path& path);
/// Overwrites one F32 value of a tensor in a safetensors file.
void poke(const fs::path& path, const std::string& tensor, size_t index, float value);

}  // namespace lorica::test
