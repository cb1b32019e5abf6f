// SPDX-License-Identifier: MIT
#include "inspect/installed.h"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/text.h"
#include "os/small_file.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

// The text between quotes in the line that starts with `name`: version.py has `__version__ = '2.11.0+cu130'`
// and `cuda: Optional[str] = '13.0'`.
std::optional<std::string> assigned(std::string_view text, std::string_view name) {
  for (const std::string_view line : split(text, '\n')) {
    if (!line.starts_with(name) || line.size() == name.size()) continue;
    const char next = line[name.size()];
    const std::size_t equals = line.find('=');
    if ((next != ' ' && next != ':' && next != '=') || equals == std::string_view::npos) continue;
    const std::string_view value = trim(line.substr(equals + 1));
    if (value.size() < 2 || (value[0] != '\'' && value[0] != '"') || value.back() != value[0])
      return std::nullopt;
    return printable(value.substr(1, value.size() - 2));
  }
  return std::nullopt;
}

// "_C.cpython-312-x86_64-linux-gnu.so" -> "3.12"
std::string python_of(const fs::path& folder) {
  std::error_code failed;
  for (fs::directory_iterator entry(folder, failed), end; !failed && entry != end; entry.increment(failed)) {
    const std::string name = entry->path().filename().string();
    constexpr std::string_view start = "_C.cpython-3";
    if (!name.starts_with(start)) continue;
    const std::string_view digits = std::string_view(name).substr(start.size(), 2);
    return "3." + std::string(digits.substr(0, digits.find('-')));
  }
  return "";
}

std::optional<InstalledTorch> package_at(const fs::path& folder) {
  const auto version = small_file(folder / "version.py");
  std::error_code failed;
  if (!version || !fs::exists(folder / "__init__.py", failed)) return std::nullopt;
  return InstalledTorch{.folder = folder,
                        .version = assigned(*version, "__version__").value_or(""),
                        .cuda = assigned(*version, "cuda"),
                        .python = python_of(folder)};
}

std::vector<fs::path> folders_in(const fs::path& parent, std::string_view start) {
  std::vector<fs::path> found;
  std::error_code failed;
  for (fs::directory_iterator entry(parent, failed), end; !failed && entry != end; entry.increment(failed)) {
    if (entry->path().filename().string().starts_with(start)) found.push_back(entry->path());
  }
  std::ranges::sort(found, std::greater<>());
  return found;
}

// PREFIX/lib/python3.*/site-packages/torch, and Debian's dist-packages.
void add_prefix(std::vector<InstalledTorch>& out, const fs::path& prefix) {
  for (const fs::path& python : folders_in(prefix / "lib", "python3")) {
    for (const char* packages : {"site-packages", "dist-packages"}) {
      if (auto torch = package_at(python / packages / "torch")) out.push_back(std::move(*torch));
    }
  }
}

void add_from(std::vector<InstalledTorch>& out, const char* variable, const char* below = "") {
  const char* prefix = std::getenv(variable);
  if (prefix && *prefix) add_prefix(out, fs::path(prefix) / below);
}

}  // namespace

std::vector<InstalledTorch> installed_torches() {
  std::vector<InstalledTorch> out;
  for (const char* variable : {"VIRTUAL_ENV", "FLOX_ENV", "CONDA_PREFIX"}) add_from(out, variable);
  add_from(out, "HOME", ".local");
  add_from(out, "HOME", ".nix-profile");
  for (const char* prefix : {"/usr/local", "/usr"}) add_prefix(out, prefix);
  return out;
}

std::optional<InstalledTorch> torch_in(const fs::path& path) {
  for (const fs::path& folder : {path, path / "torch"}) {
    if (auto torch = package_at(folder)) return torch;
  }
  std::vector<InstalledTorch> found;
  add_prefix(found, path);
  return found.empty() ? std::nullopt : std::optional(found.front());
}

}  // namespace lathe
