// SPDX-License-Identifier: MIT
#include "inspect/installed.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/text.h"
#include "inspect/user_python.h"
#include "os/small_file.h"
#include "package/wheel_names.h"

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

std::vector<fs::path> folders_in(const fs::path& parent, std::string_view start) {
  std::vector<fs::path> found;
  std::error_code failed;
  for (fs::directory_iterator entry(parent, failed), end; !failed && entry != end; entry.increment(failed)) {
    if (entry->path().filename().string().starts_with(start)) found.push_back(entry->path());
  }
  std::ranges::sort(found, std::greater<>());
  return found;
}

// What the installer wrote beside the package: "torch-2.11.0+cu130.dist-info".
void read_record(const fs::path& folder, InstalledTorch& torch) {
  constexpr std::string_view start = "torch-", end = ".dist-info";
  std::error_code failed;
  fs::path whole = fs::absolute(folder, failed).lexically_normal();
  if (!whole.has_filename()) whole = whole.parent_path();  // "torch/"
  for (const fs::path& record : folders_in(whole.parent_path(), start)) {
    const std::string name = record.filename().string();
    if (!name.ends_with(end)) continue;
    if (torch.version.empty())
      torch.version = printable(name.substr(start.size(), name.size() - start.size() - end.size()));
    const auto tags = field_values(small_file(record / "WHEEL").value_or(""), "Tag:");
    if (!tags.empty()) torch.wheel_tag = printable(tags.front());
    torch.installer = printable(trim(small_file(record / "INSTALLER").value_or("")));
    return;
  }
}

// "2.11.0+cu130" -> "13.0"
std::optional<std::string> cuda_of_version(std::string_view version) {
  constexpr std::string_view label = "+cu";
  const std::size_t at = version.find(label);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view digits = version.substr(at + label.size());
  if (digits.size() != 3 || !std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; }))
    return std::nullopt;
  return fmt::format("{}.{}", digits.substr(0, 2), digits.substr(2));
}

// A torch is one by its libraries or by its version.py. It may lack all else: some images strip the Python
// files, and a carved copy may hold libraries alone.
std::optional<InstalledTorch> package_at(const fs::path& folder) {
  const std::string version = small_file(folder / "version.py").value_or("");
  const auto has = [&](const char* name) {
    std::error_code failed;
    return fs::exists(folder / name, failed);
  };
  const bool gpu = has("lib/libtorch_cuda.so");
  const bool libraries = gpu || has("lib/libtorch_cpu.so") || has("lib/libtorch.so");
  const auto told = assigned(version, "__version__");
  if (!libraries && (!told || (!has("__init__.py") && folder.filename() != "torch"))) return std::nullopt;
  InstalledTorch torch = {.folder = folder,
                          .version = told.value_or(""),
                          .cuda = assigned(version, "cuda"),
                          .python = python_of(folder)};
  read_record(folder, torch);
  if (!torch.cuda && gpu) torch.cuda = cuda_of_version(torch.version).value_or("");
  return torch;
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

// Of the user's python3: where it is called, and where a link leads.
std::vector<fs::path> prefixes_of_python() {
  const auto python = user_python();
  if (!python) return {};
  std::error_code failed;
  return {python->parent_path().parent_path(),
          fs::weakly_canonical(*python, failed).parent_path().parent_path()};
}

}  // namespace

std::vector<InstalledTorch> installed_torches() {
  std::vector<InstalledTorch> out;
  for (const char* variable : {"VIRTUAL_ENV", "FLOX_ENV", "CONDA_PREFIX"}) add_from(out, variable);
  add_from(out, "HOME", ".local");
  add_from(out, "HOME", ".nix-profile");
  for (const fs::path& prefix : prefixes_of_python()) add_prefix(out, prefix);
  for (const char* prefix : {"/usr/local", "/usr"}) add_prefix(out, prefix);
  std::set<fs::path> seen;
  std::erase_if(out, [&](const InstalledTorch& torch) {
    std::error_code failed;
    return !seen.insert(fs::weakly_canonical(torch.folder, failed)).second;
  });
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
