// SPDX-License-Identifier: MIT
#include "cli/parts/welcome.h"

#include <algorithm>
#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/safe_format.h"
#include "cli/options/matrix_option.h"
#include "host/detect.h"
#include "host/host_info.h"
#include "inspect/installed.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

struct FirstCommand {
  std::string command, what;
};

// The files of this folder with one of these ends, by name.
std::vector<std::string> files_here(std::initializer_list<std::string_view> ends,
                                    const fs::path& folder = ".") {
  std::vector<std::string> names;
  std::error_code failed;
  for (fs::directory_iterator entry(folder, failed), end; !failed && entry != end; entry.increment(failed)) {
    const std::string name = entry->path().filename().string();
    if (std::ranges::any_of(ends, [&](std::string_view suffix) { return name.ends_with(suffix); }))
      names.push_back(name);
  }
  std::ranges::sort(names);
  return names;
}

void add_files(std::vector<FirstCommand>& starts) {
  constexpr const char* recipes = ".flox/pkgs";
  const MatrixOption matrix;
  const bool has_matrix = matrix.is_there();
  if (!files_here({".nix"}, recipes).empty())
    starts.push_back({safe_format("torchlathe audit {}{}", recipes, has_matrix ? "" : " -m cuda-13_0"),
                      "check the recipes of this folder"});
  if (has_matrix) starts.push_back({"torchlathe list", safe_format("the variants of {}", matrix.file())});
  const std::vector<std::string> wheels = files_here({".whl"}),
                                 images = files_here({".tar", ".sif", ".sqsh"});
  if (!wheels.empty()) {
    starts.push_back(
        {safe_format("torchlathe inspect {}", wheels.front()), "which GPUs and CPUs it has code for"});
  }
  if (wheels.size() > 1) {
    starts.push_back({"torchlathe serve --wheels . --gpu H100,A100",
                      "an index of these wheels for pip and uv, carved for the GPUs that you name"});
  }
  if (!images.empty()) {
    starts.push_back(
        {safe_format("torchlathe inspect {}", images.front()), "whether the image holds GPU code"});
  }
}

// The folder whose packages `shrink` takes.
std::string packages_with(const InstalledTorch& torch) {
  const fs::path site = torch.folder.parent_path();
  return (site.filename().string().ends_with("-packages") ? site : torch.folder).string();
}

void add_machine(std::vector<FirstCommand>& starts) {
  const HostInfo host = detect_host({.gpus = true});
  const std::vector<InstalledTorch> torches = installed_torches();
  if (!torches.empty()) {
    const std::string folder = torches.front().folder.string();
    starts.push_back({safe_format("torchlathe inspect {}", folder), "which GPUs your PyTorch has code for"});
    if (!host.gpus.empty())
      starts.push_back(
          {safe_format("torchlathe shrink {} --gpu native --dry-run", packages_with(torches.front())),
           "how small it and the packages beside it get for this GPU"});
  }
  if (!host.gpus.empty() || !host.system.nix.empty())
    starts.push_back({"torchlathe select", "the best build for this machine, and how to get it"});
  if (!host.system.nix.empty())
    starts.push_back({"torchlathe list -m cuda-13_0", "44 builds that Nix can make"});
}

}  // namespace

std::string welcome() {
  constexpr std::size_t most = 3;
  std::vector<FirstCommand> starts = {
      {"torchlathe doctor", "this machine, its PyTorch, and the one command that fits"}};
  add_files(starts);
  add_machine(starts);
  starts.push_back(
      {"torchlathe inspect PATH", "which GPUs and CPUs a wheel, folder or library has code for"});
  starts.push_back(
      {"torchlathe select --gpu \"RTX 5090\" --cpu \"Zen 4\"", "the best build for another machine"});
  starts.resize(most);
  std::string text =
      "torchlathe shows which GPUs and CPUs a PyTorch has code for, cuts it down to\n"
      "yours, and builds it for your hardware from one matrix file.\n\n";
  for (const FirstCommand& start : starts) text += safe_format("  {}\n      {}\n", start.command, start.what);
  return text + "\nAll commands: torchlathe --help\n";
}

}  // namespace lathe
