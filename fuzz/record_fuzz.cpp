// SPDX-License-Identifier: MIT
// What comes back from an evaluation, of which a hostile recipe chooses much: 'r' and 'n' lines (JSON),
// Nix's errors, phase scripts, recipe texts. The first byte says which.
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "nix/mentioned.h"
#include "nix/nix.h"
#include "nix/record.h"
#include "nix/shell_flags.h"

namespace {

void read_line(char kind, std::string_view text) {
  lathe::Recorded recorded{.file = "x.nix"};
  const lathe::Json json = lathe::parse_json(text, "x.nix", {.bytes = 1 << 20, .depth = 100});
  if (kind == 'r') lathe::read_result(json, recorded, "/recipes", "shown");
  else lathe::read_note(json, recorded, "/recipes", "shown");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const char kind = static_cast<char>(data[0]);
  try {
    lathe::ShellVariables variables;
    if (kind == 'e') lathe::parse_nix_error(text, "/recipes");
    else if (kind == 's') lathe::apply_assignments(text, variables);
    else if (kind == 'm') lathe::names_in(text);
    else if (kind == 'v') lathe::parse_nix_version(text);
    else read_line(kind, text);
  } catch (const lathe::Error&) {
  }
  return 0;
}
