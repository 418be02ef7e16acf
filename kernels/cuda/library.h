#pragma once
#include <string>
#include <vector>

namespace lorica {

/// Where a shared library of NVIDIA's may lie: tried in this order.
struct LibraryPlaces {
  std::vector<std::string> chosen;   ///< folders that the user named in LORICA_CUDA_LIBS
  std::vector<std::string> toolkit;  ///< lib folders of CUDA toolkits
  std::vector<std::string> python;   ///< site-packages folders, whose nvidia/*/lib hold the wheels' libraries

  /// From LORICA_CUDA_LIBS, CUDA_HOME, CUDA_PATH, VIRTUAL_ENV, CONDA_PREFIX, PYTHONPATH and the usual folders.
  static LibraryPlaces from_environment();
  /// What to hand to dlopen(), in order: files that exist, and the bare name, for which the loader looks in its own
  /// places, behind those that the user chose.
  std::vector<std::string> candidates(const std::string& name) const;
};

/// A library that is loaded at run time, so that programs start where it is absent. It stays loaded.
class SharedLibrary {
 public:
  /// The first candidate that loads. Throws Error "device: cuda: libx.so.1 was not found ..." with what the loader
  /// said.
  SharedLibrary(const std::string& name, const LibraryPlaces& places);
  /// The file that was taken.
  const std::string& path() const { return path_; }
  /// As dlopen() gave it.
  void* handle() const { return handle_; }
  /// Sets `function` to the symbol of that name. Throws Error where the library lacks it.
  template <class Function>
  void get(const char* symbol, Function*& function) const {
    function = reinterpret_cast<Function*>(address(symbol));
  }

 private:
  void* address(const char* symbol) const;
  void* handle_ = nullptr;
  std::string path_;
};

}  // namespace lorica
