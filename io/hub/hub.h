#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace lorica {

/// Where the hub is and where its files are kept, as huggingface_hub reads it from the environment: HF_ENDPOINT,
/// HF_HOME, HF_HUB_CACHE, HF_TOKEN or the token file, HF_HUB_OFFLINE, HF_HUB_DOWNLOAD_TIMEOUT.
struct HubSettings {
  std::string endpoint;
  std::filesystem::path cache;  ///< the folder of models--OWNER--NAME
  std::string token;
  bool offline = false;
  int stall_seconds = 10;
  int tries = 5;
  double retry_seconds = 1;  ///< before the second try; doubles with each

  static HubSettings from_environment();
};

struct HubRequest {
  std::string repo;  ///< OWNER/NAME
  std::string revision = "main";
  /// Globs of paths in the repository; empty: what a model needs (weights as safetensors, configuration, tokenizer,
  /// chat template).
  std::vector<std::string> include;
};

/// Called while a file comes in; `done` of `total` bytes of it are there.
using HubProgress = std::function<void(const std::string& path, int64_t done, int64_t total)>;

/// Whether the text is a repository's name rather than a path: OWNER/NAME, of letters, digits and "-_.".
bool is_hub_name(const std::string& text);

/// Brings the files of a repository into the cache, in the layout that huggingface_hub shares, and returns the
/// snapshot's folder. What is there is not fetched again; a broken transfer goes on where it stopped; every file's hash
/// is checked. Throws Error where the hub refuses (unknown name or revision, no access) and RunError where the transfer
/// fails.
std::filesystem::path download_from_hub(const HubRequest& request, const HubSettings& settings,
                                        const HubProgress& progress = {});

/// A model's folder: the path itself where it is one, else the snapshot of that name on the hub, fetched if need be,
/// with a line of progress on stderr where that is a terminal.
std::filesystem::path model_folder(const std::string& path_or_name);

}  // namespace lorica
