// SPDX-License-Identifier: MIT
#include "cli/options/matrix_option.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <span>

#include "base/embedded.h"
#include "base/error.h"
#include "base/text.h"
#include "os/file.h"
#include "os/terminal.h"

namespace lathe::shipped {
std::span<const EmbeddedFile> matrices();
}

namespace lathe {
namespace {

const EmbeddedFile* find_shipped(const std::string& name) {
  for (const EmbeddedFile& file : shipped::matrices()) {
    if (file.name == name || file.name == name + ".toml") return &file;
  }
  return nullptr;
}

std::string shipped_list() { return fmt::format("{}", fmt::join(shipped_matrices(), ", ")); }

}  // namespace

std::vector<std::string> shipped_matrices() {
  std::vector<std::string> names;
  for (const EmbeddedFile& file : shipped::matrices())
    names.emplace_back(file.name.substr(0, file.name.rfind('.')));
  return names;
}

void MatrixOption::declare(OptionSet& set) {
  set.text("-m,--matrix", path, "FILE", "matrix file, or the name of a shipped one [matrix.toml]",
           ValueKind::file);
  set.values(shipped_matrices());
}

MatrixSpec MatrixOption::load() const {
  const std::string name = file();
  if (name == "-" || std::filesystem::exists(name)) {
    return parse_matrix(read_file(name), name == "-" ? "standard input" : name);
  }
  if (const EmbeddedFile* file = find_shipped(name)) return parse_matrix(file->text, std::string(file->name));
  if (path.empty()) {
    throw Error({.what = "there is no matrix.toml in this folder",
                 .where = {},
                 .next = fmt::format("start one with `torchlathe init`, or name a shipped one: -m {}",
                                     shipped_list())});
  }
  throw Error(
      {.what = "there is no such matrix file",
       .where = {.file = name},
       .next = did_you_mean_text(name, shipped_matrices(), fmt::format("shipped ones: {}", shipped_list()))});
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
