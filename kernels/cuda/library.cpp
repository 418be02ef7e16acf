#include "kernels/cuda/library.h"

#include <dlfcn.h>
#include <link.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "kernels/error.h"

namespace lorica {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin < list.size();) {
    const size_t end = std::min(list.find(':', begin), list.size());
    if (end > begin) parts.push_back(list.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value ? value : "";
}

/// The folders in `parent` whose names start with `prefix`, sorted; a folder that cannot be read has none.
std::vector<fs::path> folders(const fs::path& parent, const std::string& prefix = "") {
  std::vector<fs::path> found;
  std::error_code failed;
  for (fs::directory_iterator it(parent, failed), end; !failed && it != end; it.increment(failed))
    if (it->is_directory(failed) && it->path().filename().string().starts_with(prefix)) found.push_back(it->path());
  std::sort(found.begin(), found.end());
  return found;
}

/// The package folders of the Pythons under `prefix`/lib.
void add_packages_of(const fs::path& prefix, std::vector<std::string>& places) {
  for (const fs::path& version : folders(prefix / "lib", "python3"))
    for (const char* packages : {"site-packages", "dist-packages"}) places.push_back(version / packages);
}

}  // namespace

LibraryPlaces LibraryPlaces::from_environment() {
  LibraryPlaces places;
  places.chosen = split(variable("LORICA_CUDA_LIBS"));
  for (const char* name : {"CUDA_HOME", "CUDA_PATH"})
    if (const std::string root = variable(name); !root.empty()) places.toolkit.push_back(root + "/lib64");
  places.toolkit.push_back("/usr/local/cuda/lib64");
  for (const fs::path& root : folders("/usr/local", "cuda-")) places.toolkit.push_back(root / "lib64");

  for (const std::string& entry : split(variable("PYTHONPATH"))) places.python.push_back(entry);
  for (const char* name : {"VIRTUAL_ENV", "CONDA_PREFIX"})
    if (const std::string root = variable(name); !root.empty()) add_packages_of(root, places.python);
  if (const std::string home = variable("HOME"); !home.empty()) add_packages_of(home + "/.local", places.python);
  for (const char* root : {"/usr/local", "/usr", "/opt/conda", "/opt/venv"}) add_packages_of(root, places.python);
  return places;
}

std::vector<std::string> LibraryPlaces::candidates(const std::string& name) const {
  std::vector<std::string> found;
  const auto add = [&](const fs::path& folder) {
    std::error_code failed;
    if (fs::exists(folder / name, failed)) found.push_back(folder / name);
  };
  for (const std::string& folder : chosen) add(folder);
  found.push_back(name);
  for (const std::string& folder : toolkit) add(folder);
  for (const std::string& packages : python)
    for (const fs::path& wheel : folders(fs::path(packages) / "nvidia")) add(wheel / "lib");
  return found;
}

SharedLibrary::SharedLibrary(const std::string& name, const LibraryPlaces& places) {
  std::string said;
  for (const std::string& candidate : places.candidates(name)) {
    handle_ = dlopen(candidate.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle_) break;
    said += (said.empty() ? "" : "; ") + std::string(dlerror());
  }
  if (!handle_)
    throw Error(
        "device: cuda: {} was not found ({}); install the CUDA toolkit or Python's nvidia packages, or name its folder "
        "in LORICA_CUDA_LIBS",
        name, said);
  const link_map* map = nullptr;
  path_ = dlinfo(handle_, RTLD_DI_LINKMAP, &map) == 0 && map->l_name && *map->l_name ? map->l_name : name;
}

void* SharedLibrary::address(const char* symbol) const {
  void* const found = dlsym(handle_, symbol);
  if (!found) throw Error("device: cuda: {} has no {}", path_, symbol);
  return found;
}

}  // namespace lorica
