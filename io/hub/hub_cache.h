#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace lorica {

/// One repository in the cache of huggingface_hub: blobs/HASH holds a file's bytes, snapshots/COMMIT/PATH links to it,
/// refs/REVISION names the commit.
class HubCache {
 public:
  HubCache(const std::filesystem::path& cache, const std::string& repo);

  std::filesystem::path snapshot(const std::string& commit) const { return folder_ / "snapshots" / commit; }
  std::filesystem::path blob(const std::string& hash) const { return folder_ / "blobs" / hash; }
  std::filesystem::path incomplete(const std::string& hash) const { return folder_ / "blobs" / (hash + ".incomplete"); }
  /// The commit that the revision named when it was last fetched.
  std::optional<std::string> commit_of(const std::string& revision) const;
  void remember(const std::string& revision, const std::string& commit) const;
  /// Makes snapshots/COMMIT/PATH point to the blob.
  void link(const std::string& commit, const std::string& path, const std::string& hash) const;

  /// Held while a blob is written: two processes do not write into one file. Waits for the other one.
  class Lock {
   public:
    Lock(const HubCache& cache, const std::string& hash);
    ~Lock();
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

   private:
    int descriptor_ = -1;
  };

 private:
  std::filesystem::path folder_, locks_;
};

}  // namespace lorica
