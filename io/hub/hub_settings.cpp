#include <cstdlib>

#include "io/formats/blanks.h"
#include "io/formats/file_bytes.h"
#include "io/hub/hub.h"
#include "kernels/error.h"

namespace lorica {
namespace fs = std::filesystem;
namespace {

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value ? value : "";
}

fs::path home_folder() {
  if (const std::string home = variable("HF_HOME"); !home.empty()) return home;
  const std::string cache = variable("XDG_CACHE_HOME");
  return (cache.empty() ? fs::path(variable("HOME")) / ".cache" : fs::path(cache)) / "huggingface";
}

bool is_on(const std::string& value) {
  return value == "1" || value == "ON" || value == "on" || value == "YES" || value == "yes" || value == "TRUE" ||
         value == "true";
}

}  // namespace

HubSettings HubSettings::from_environment() {
  HubSettings settings;
  settings.endpoint = variable("HF_ENDPOINT");
  if (settings.endpoint.empty()) settings.endpoint = "https://huggingface.co";
  while (settings.endpoint.ends_with('/')) settings.endpoint.pop_back();
  const fs::path home = home_folder();
  const std::string cache = variable("HF_HUB_CACHE");
  settings.cache = cache.empty() ? home / "hub" : fs::path(cache);
  settings.token = trimmed(variable("HF_TOKEN"));
  if (settings.token.empty()) settings.token = trimmed(variable("HUGGING_FACE_HUB_TOKEN"));
  const std::string token_path = variable("HF_TOKEN_PATH");
  const fs::path file = token_path.empty() ? home / "token" : fs::path(token_path);
  std::error_code error;
  if (settings.token.empty() && fs::is_regular_file(file, error)) settings.token = trimmed(read_file(file));
  settings.offline = is_on(variable("HF_HUB_OFFLINE"));
  if (const std::string seconds = variable("HF_HUB_DOWNLOAD_TIMEOUT"); !seconds.empty()) {
    settings.stall_seconds = std::atoi(seconds.c_str());
    if (settings.stall_seconds < 1)
      throw Error("HF_HUB_DOWNLOAD_TIMEOUT: expected a number of seconds, got '{}'", seconds);
  }
  return settings;
}

}  // namespace lorica
