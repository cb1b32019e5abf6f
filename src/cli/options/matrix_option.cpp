// SPDX-License-Identifier: MIT
#include "cli/options/matrix_option.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>

#include "base/error.h"
#include "matrix/shipped/shipped.h"
#include "os/terminal.h"

namespace lathe {

void MatrixOption::declare(OptionSet& set) {
  set.text("-m,--matrix", path, "FILE", "matrix file, or the name of a shipped one [matrix.toml]",
           ValueKind::file);
  set.values(shipped_matrices());
}

MatrixSpec MatrixOption::load() const {
  if (path.empty() && !std::filesystem::exists(file())) {
    throw Error({.what = "there is no matrix.toml in this folder",
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
