#include "io/hub/hub.h"

#include <fnmatch.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "io/formats/file_bytes.h"
#include "io/hub/checksum.h"
#include "io/hub/download_progress.h"
#include "io/hub/http.h"
#include "io/hub/hub_cache.h"
#include "kernels/error.h"

namespace lorica {
namespace fs = std::filesystem;
namespace {

constexpr const char* kModelFiles[] = {"*.safetensors",     "*.safetensors.index.json",
                                       "config.json",       "generation_config.json",
                                       "tokenizer*",        "special_tokens_map.json",
                                       "added_tokens.json", "vocab.json",
                                       "vocab.txt",         "merges.txt",
                                       "*.jinja",           "adapter_config.json",
                                       "LICENSE*",          "README.md"};

struct RemoteFile {
  std::string path, hash;
  int64_t size = 0;
};

/// A path in the cache must not lead out of it, whatever the hub says.
bool harmless(const std::string& path) {
  if (path.empty() || path.front() == '/' || path.find('\\') != std::string::npos) return false;
  for (const fs::path& part : fs::path(path))
    if (part == ".." || part == "." || part.empty()) return false;
  return true;
}

bool is_hash(const std::string& text) {
  return (text.size() == 40 || text.size() == 64) &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

/// The part of a URL's path that stands for any text: bytes other than letters, digits and "-_.~/" as %XX.
std::string escaped(const std::string& text) {
  std::string result;
  for (const unsigned char c : text) {
    if (std::isalnum(c) || (c != 0 && std::string_view("-_.~/").find(static_cast<char>(c)) != std::string_view::npos))
      result += static_cast<char>(c);
    else
      result += fmt::format("%{:02X}", c);
  }
  return result;
}

/// One download: the hub's calls, with tries.
class Download {
 public:
  Download(const HubRequest& request, const HubSettings& settings, const HubProgress& progress)
      : request_(request),
        settings_(settings),
        progress_(progress),
        cache_(settings.cache, request.repo),
        http_(settings.stall_seconds) {}

  fs::path run();

 private:
  std::string place() const { return "hub: " + request_.repo; }
  [[noreturn]] void refused(const HttpResponse& response, const std::string& what) const;
  /// GETs until it works or the tries are used up. `attempt` does one try; it returns a response whose error says why
  /// another try may help, and throws what no try can mend.
  void with_tries(const std::string& what, const std::function<HttpResponse()>& attempt);
  /// The JSON at the URL; `next` becomes the URL of the following page, or empty.
  nlohmann::json json_at(const std::string& url, const std::string& what, std::string* next = nullptr);
  std::string find_commit();
  std::vector<RemoteFile> list(const std::string& commit);
  bool wanted(const std::string& path) const;
  void fetch(const RemoteFile& file, const std::string& commit);
  HttpResponse fetch_once(const RemoteFile& file, const std::string& url);
  void check(const RemoteFile& file) const;

  const HubRequest& request_;
  const HubSettings& settings_;
  const HubProgress& progress_;
  HubCache cache_;
  Http http_;
};

void Download::refused(const HttpResponse& response, const std::string& what) const {
  const auto code = response.headers.find("x-error-code");
  const std::string reason = code == response.headers.end() ? "" : code->second;
  if (response.status == 401 || response.status == 403)
    throw Error("{}: no access ({}); if the name is right, set HF_TOKEN to a token that may read it", place(),
                response.status);
  if (reason == "RevisionNotFound") throw Error("{}: no revision '{}'", place(), request_.revision);
  if (response.status == 404) throw Error("{}: {}: not found (404) at {}", place(), what, settings_.endpoint);
  throw RunError("{}: {}: status {}", place(), what, response.status);
}

void Download::with_tries(const std::string& what, const std::function<HttpResponse()>& attempt) {
  double pause = settings_.retry_seconds;
  for (int i = 1;; ++i) {
    const HttpResponse response = attempt();
    const bool busy = response.status >= 500 || response.status == 429 || response.status == 408;
    if (response.error.empty() && !busy && response.status != 200 && response.status != 206) refused(response, what);
    if (response.error.empty() && !busy) return;
    if (i >= settings_.tries)
      throw RunError("{}: {}: {} ({} tries); what came in is kept, run it again to go on", place(), what,
                     response.error.empty() ? fmt::format("status {}", response.status) : response.error, i);
    std::this_thread::sleep_for(std::chrono::duration<double>(pause));
    pause *= 2;
  }
}

nlohmann::json Download::json_at(const std::string& url, const std::string& what, std::string* next) {
  std::string body;
  with_tries(what, [&] {
    body.clear();
    HttpResponse response = http_.get({.url = url, .token = settings_.token}, [&](std::string_view piece) {
      body += piece;
      return body.size() <= (size_t{64} << 20);
    });
    if (!next) return response;
    next->clear();
    const std::string link = response.headers["link"];  // <URL>; rel="next"
    const size_t end = link.find('>');
    if (link.starts_with('<') && end != std::string::npos && link.find("rel=\"next\"") != std::string::npos)
      *next = link.substr(1, end - 1);
    return response;
  });
  nlohmann::json value = nlohmann::json::parse(body, nullptr, false);
  if (value.is_discarded()) throw RunError("{}: {}: the answer of {} is not JSON", place(), what, settings_.endpoint);
  return value;
}

std::string Download::find_commit() {
  const nlohmann::json info = json_at(fmt::format("{}/api/models/{}/revision/{}", settings_.endpoint,
                                                  escaped(request_.repo), escaped(request_.revision)),
                                      "revision '" + request_.revision + "'");
  const std::string commit = info.is_object() ? info.value("sha", "") : "";
  if (!is_hash(commit)) throw RunError("{}: the hub names no commit", place());
  return commit;
}

bool Download::wanted(const std::string& path) const {
  const auto matches = [&](const std::string& glob) { return fnmatch(glob.c_str(), path.c_str(), 0) == 0; };
  if (!request_.include.empty()) return std::any_of(request_.include.begin(), request_.include.end(), matches);
  if (path.find('/') != std::string::npos) return false;  // other formats lie in folders of their own
  return std::any_of(std::begin(kModelFiles), std::end(kModelFiles), matches);
}

std::vector<RemoteFile> Download::list(const std::string& commit) {
  std::vector<RemoteFile> files;
  std::string url =
      fmt::format("{}/api/models/{}/tree/{}?recursive=true", settings_.endpoint, escaped(request_.repo), commit);
  for (std::string next; !url.empty(); url = next) {
    const nlohmann::json page = json_at(url, "list of files", &next);
    if (!page.is_array()) throw RunError("{}: list of files: expected an array", place());
    for (const nlohmann::json& entry : page) {
      if (!entry.is_object() || entry.value("type", "") != "file") continue;
      RemoteFile file{
          .path = entry.value("path", ""), .hash = entry.value("oid", ""), .size = entry.value("size", -1L)};
      if (entry.contains("lfs")) {
        file.hash = entry.at("lfs").value("oid", "");
        file.size = entry.at("lfs").value("size", -1L);
      }
      if (!harmless(file.path) || !is_hash(file.hash) || file.size < 0)
        throw RunError("{}: list of files: cannot use the entry '{}'", place(), file.path);
      if (wanted(file.path)) files.push_back(std::move(file));
    }
  }
  if (files.empty()) throw Error("{}: no file of revision '{}' matches", place(), request_.revision);
  return files;
}

HttpResponse Download::fetch_once(const RemoteFile& file, const std::string& url) {
  const fs::path part = cache_.incomplete(file.hash);
  std::error_code missing;
  auto have = static_cast<int64_t>(fs::file_size(part, missing));
  if (missing || have > file.size) have = 0;
  if (have == file.size && file.size > 0) return {.status = 200, .headers = {}, .error = {}};
  std::ofstream out;
  const auto open = [&](long status) {
    if (status == 200) have = 0;  // the server sends it from the start
    out.open(part, have > 0 ? std::ios::binary | std::ios::app : std::ios::binary | std::ios::trunc);
  };
  HttpResponse response = http_.get(
      {.url = url, .token = settings_.token, .resume_from = have},
      [&](std::string_view piece) {
        out.write(piece.data(), static_cast<std::streamsize>(piece.size()));
        have += static_cast<int64_t>(piece.size());
        if (progress_) progress_(file.path, have, file.size);
        return out.good() && have <= file.size;
      },
      open);
  if (file.size == 0 && response.error.empty() && !out.is_open()) open(200);  // an empty body starts nothing
  if (out.is_open() && !out.flush()) throw RunError("{}: cannot write (disk full?)", part.string());
  if (have > file.size) {
    fs::remove(part, missing);
    response.error = fmt::format("more than the {} bytes of the file came in", file.size);
  } else if (response.error.empty() && (response.status == 200 || response.status == 206) && have < file.size) {
    response.error = fmt::format("the transfer ended at {} of {} bytes", have, file.size);
  }
  return response;
}

/// Of the whole file on the disk: parts may stem from several transfers.
void Download::check(const RemoteFile& file) const {
  const fs::path part = cache_.incomplete(file.hash);
  Checksum checksum(file.hash, static_cast<size_t>(file.size));
  std::ifstream in(part, std::ios::binary);
  std::vector<char> piece(size_t{1} << 20);
  while (in.read(piece.data(), static_cast<std::streamsize>(piece.size())) || in.gcount() > 0)
    checksum.add({piece.data(), static_cast<size_t>(in.gcount())});
  const std::string found = checksum.finish();
  if (found == file.hash) return;
  std::error_code error;
  fs::remove(part, error);
  throw RunError("{}: {}: the bytes that came in have hash {}, the hub says {}", place(), file.path, found, file.hash);
}

void Download::fetch(const RemoteFile& file, const std::string& commit) {
  std::error_code error;
  if (!fs::exists(cache_.blob(file.hash), error)) {
    const HubCache::Lock lock(cache_, file.hash);
    if (!fs::exists(cache_.blob(file.hash), error)) {  // nor did another process bring it meanwhile
      const std::string url =
          fmt::format("{}/{}/resolve/{}/{}", settings_.endpoint, escaped(request_.repo), commit, escaped(file.path));
      with_tries(file.path, [&] { return fetch_once(file, url); });
      check(file);
      rename_durably(cache_.incomplete(file.hash), cache_.blob(file.hash));
    }
  }
  cache_.link(commit, file.path, file.hash);
}

fs::path Download::run() {
  if (settings_.offline) {
    const auto commit = cache_.commit_of(request_.revision);
    if (commit) return cache_.snapshot(*commit);
    throw Error("{}: not in the cache {}, and HF_HUB_OFFLINE forbids fetching it", place(), settings_.cache.string());
  }
  const std::string commit = find_commit();
  for (const RemoteFile& file : list(commit)) fetch(file, commit);
  cache_.remember(request_.revision, commit);
  return cache_.snapshot(commit);
}

}  // namespace

bool is_hub_name(const std::string& text) {
  const size_t slash = text.find('/');
  if (slash == std::string::npos || slash == 0 || slash + 1 == text.size()) return false;
  const auto good = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.';
  };
  for (size_t i = 0; i < text.size(); ++i)
    if (i != slash && !good(text[i])) return false;
  return text[0] != '.' && text[0] != '-' && text[slash + 1] != '.' && text[slash + 1] != '-';
}

fs::path download_from_hub(const HubRequest& request, const HubSettings& settings, const HubProgress& progress) {
  if (!is_hub_name(request.repo)) throw Error("hub: expected OWNER/NAME, got '{}'", request.repo);
  if (!harmless(request.revision)) throw Error("hub: {}: not a revision: '{}'", request.repo, request.revision);
  return Download(request, settings, progress).run();
}

fs::path model_folder(const std::string& path_or_name) {
  std::error_code missing;
  if (fs::exists(path_or_name, missing) || !is_hub_name(path_or_name)) return path_or_name;
  DownloadProgress line;
  try {
    return download_from_hub(
        {.repo = path_or_name, .include = {}}, HubSettings::from_environment(),
        [&](const std::string& path, int64_t done, int64_t total) { line.show(path, done, total); });
  } catch (const RunError& error) {  // a mistyped path looks like a name
    throw RunError("{}: no such folder here; {}", path_or_name, error.what());
  } catch (const Error& error) {
    throw Error("{}: no such folder here; {}", path_or_name, error.what());
  }
}

}  // namespace lorica
