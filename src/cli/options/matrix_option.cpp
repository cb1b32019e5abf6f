// SPDX-License-Identifier: MIT
#include "cli/options/matrix_option.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <system_error>

#include "base/error.h"
#include "matrix/shipped/shipped.h"
#include "os/terminal.h"

namespace lathe {

void MatrixOption::declare(OptionSet& set) {
  set.text("-m,--matrix", path, "FILE",
           "matrix file, or the name of a shipped one [matrix.toml here or above]", ValueKind::file);
  set.values(shipped_matrices());
}

std::string MatrixOption::file() const {
  if (!path.empty()) return path;
  const std::string name = "matrix.toml";
  std::error_code failed;
  std::filesystem::path up;
  const std::filesystem::path here = std::filesystem::current_path(failed);
  for (std::filesystem::path folder = here; !failed; folder = folder.parent_path(), up /= "..") {
    std::error_code ignored;
    if (std::filesystem::exists(folder / name, ignored)) return (up / name).string();
    if (folder == folder.parent_path()) break;
  }
  return name;
}

bool MatrixOption::is_there() const { return !path.empty() || std::filesystem::exists(file()); }

MatrixSpec MatrixOption::load() const {
  if (!is_there()) {
    throw Error({.what = "found no matrix.toml here or in a parent folder",
                 .where = {},
                 .next = fmt::format("start one with `torchlathe init`, or name a shipped one: -m {}",
                                     fmt::join(shipped_matrices(), ", "))});
  }
  return load_matrix(file());
}

MatrixSpec MatrixOption::load(Terminal& terminal) const {
  MatrixSpec spec = load();
  say_assumptions(spec, terminal);
  return spec;
}

void say_assumptions(const MatrixSpec& spec, Terminal& terminal) {
  for (const auto& [name, pin] : spec.nixpkgs) {
    if (pin->assumed)
      terminal.say(Tone::note,
                   safe_format("torchlathe: [nixpkgs.{}] {}: {}\n", name, pin->rev, pin->assumption()));
  }
}

}  // namespace lathe
