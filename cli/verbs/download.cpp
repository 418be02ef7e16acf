#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "cli/verbs.h"
#include "io/hub/download_progress.h"
#include "io/hub/hub.h"

namespace lorica::cli {
namespace {

void download(const HubRequest& request) {
  DownloadProgress line;
  const auto folder =
      download_from_hub(request, HubSettings::from_environment(),
                        [&](const std::string& path, int64_t done, int64_t total) { line.show(path, done, total); });
  line.end();
  fmt::print("{}\n", folder.string());
}

}  // namespace

void add_download(CLI::App& app) {
  auto request = std::make_shared<HubRequest>();
  CLI::App* verb = app.add_subcommand("download", "Fetch a model from the hub and print its folder");
  verb->add_option("OWNER/NAME", request->repo, "the repository")->required();
  verb->add_option("--revision", request->revision, "branch, tag or commit")->capture_default_str();
  verb->add_option("--include", request->include,
                   "glob of paths to fetch (may be given several times); without it: what a model needs")
      ->allow_extra_args(false);
  verb->footer(
      "HF_ENDPOINT, HF_HOME, HF_HUB_CACHE, HF_TOKEN and HF_HUB_OFFLINE mean what they mean to huggingface_hub,\n"
      "and the cache is shared with it. Every verb takes OWNER/NAME where it takes a model folder.\n"
      "Example:\n  lorica download HuggingFaceTB/SmolLM2-135M-Instruct --revision main");
  verb->callback([request] { download(*request); });
}

}  // namespace lorica::cli
