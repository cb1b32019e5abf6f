// SPDX-License-Identifier: MIT
#include "cli/parts/surroundings.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>

#include "host/named_host.h"
#include "os/process.h"

namespace lathe {
namespace {

// uv where it installed what is there, else what is there.
std::string pip_here(const ExaminedTorch* torch) {
  const bool uv = find_program("uv").has_value();
  if (uv && torch && torch->torch.installer == "uv") return "uv pip";
  for (const char* program : {"pip", "pip3"}) {
    if (find_program(program)) return program;
  }
  return uv ? "uv pip" : "";
}

// The folder that has the recipes of all of them; "" where one is missing.
std::string recipes_of(const Candidate& best) {
  const std::string folder = ".flox/pkgs";
  const auto has_recipe = [&](const std::string& name) {
    return std::filesystem::exists(std::filesystem::path(folder) / (name + ".nix"));
  };
  return has_recipe(best.name) && std::ranges::all_of(best.companions, has_recipe) ? folder : "";
}

}  // namespace

Surroundings surroundings(const HostInfo& host, const Candidate* best, const ExaminedTorch* torch) {
  // What is for a machine that is made up is built on this one.
  const bool recorded = host.elsewhere && host.comment != made_up_comment;
  Surroundings here = {.pip = host.elsewhere ? "pip" : pip_here(torch),
                       .nix = recorded ? !host.system.nix.empty() : find_program("nix-build").has_value(),
                       .flox = recorded ? !host.system.flox.empty() : find_program("flox").has_value()};
  if (best && !recorded) here.recipes = recipes_of(*best);
  if (!torch || !torch->torch.cuda || !torch->serves(host)) return here;
  here.installed = torch->torch.folder.string();
  here.in_place = !torch->torch.installer.empty() && ::access(here.installed.c_str(), W_OK) == 0;
  return here;
}

}  // namespace lathe
