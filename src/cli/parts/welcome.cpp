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

// The first file of this folder with one of these ends, by name; "" where there is none.
std::string file_here(const fs::path& folder, std::initializer_list<std::string_view> ends) {
  std::string first;
  std::error_code failed;
  for (fs::directory_iterator entry(folder, failed), end; !failed && entry != end; entry.increment(failed)) {
    const std::string name = entry->path().filename().string();
    const bool fits =
        std::ranges::any_of(ends, [&](std::string_view suffix) { return name.ends_with(suffix); });
    if (fits && (first.empty() || name < first)) first = name;
  }
  return first;
}

void add_files(std::vector<FirstCommand>& starts) {
  constexpr const char* recipes = ".flox/pkgs";
  const MatrixOption matrix;
  const bool has_matrix = matrix.is_there();
  if (!file_here(recipes, {".nix"}).empty())
    starts.push_back({safe_format("torchlathe audit {}{}", recipes, has_matrix ? "" : " -m cuda-13_0"),
                      "check the recipes of this folder"});
  if (has_matrix) starts.push_back({"torchlathe list", safe_format("the variants of {}", matrix.file())});
  if (const std::string wheel = file_here(".", {".whl"}); !wheel.empty())
    starts.push_back({safe_format("torchlathe inspect {}", wheel), "which GPUs and CPUs it has code for"});
  if (const std::string image = file_here(".", {".tar", ".sif", ".sqsh"}); !image.empty())
    starts.push_back({safe_format("torchlathe inspect {}", image), "whether the image holds GPU code"});
}

void add_machine(std::vector<FirstCommand>& starts) {
  const HostInfo host = detect_host({.gpus = true});
  const std::vector<InstalledTorch> torches = installed_torches();
  if (!torches.empty()) {
    const std::string folder = torches.front().folder.string();
    starts.push_back({safe_format("torchlathe inspect {}", folder), "which GPUs your PyTorch has code for"});
    if (!host.gpus.empty())
      starts.push_back({safe_format("torchlathe carve {} --gpu native --dry-run", folder),
                        "how small it gets for this GPU"});
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
