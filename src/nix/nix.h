// SPDX-License-Identifier: MIT
// Which Nix is on this machine, what it calls itself, and how its errors read. Runs nothing but `--version`
// and `--parse`; evaluation is record.h.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace lathe {

struct NixVersion {
  std::string flavour;  // "Nix", "Lix", "Determinate Nix"
  int major = 0, minor = 0, patch = 0;

  std::string text() const;  // "Nix 2.8.0"
  bool operator==(const NixVersion&) const = default;
};

// Reads what `nix --version` and `nix-instantiate --version` print: "nix (Nix) 2.8.0", "nix-instantiate
// (Nix) 2.18.1", "nix (Lix, like Nix) 2.91.1", "nix (Determinate Nix 3.6.2) 2.29.0". nullopt when it is none
// of these.
std::optional<NixVersion> parse_nix_version(std::string_view text);

// The full path of one of Nix's programs ("nix-instantiate", "nix", "nix-store"): in PATH, or where Nix's
// installers put it.
std::optional<std::string> find_nix(std::string_view program = "nix-instantiate");

// The same; without one, an Error that says how to get it.
std::string require_nix(std::string_view program = "nix-instantiate");

NixVersion nix_version(const std::string& program);  // runs `program --version`

// The words with which a command of the new interface begins: nix with its feature turned on. Error without
// a Nix.
std::vector<std::string> nix_command();

// "NAME=VALUE" -> "--option", NAME, VALUE, for each. Error for one without '='.
std::vector<std::string> nix_options(const std::vector<std::string>& settings);

// What Nix said went wrong, and where.
struct NixFailure {
  std::string message;  // Nix's own words, without "error: "
  Place where;          // nearest to the cause; empty if Nix named no place in a file
};

// Reads an error as Nix 2.8 (cause first) and Nix 2.20 and newer (cause last) print it, with or without
// --show-trace. Only places in files under `folder` count ("": any file); text that Nix was given on stdin
// is never named.
NixFailure parse_nix_error(std::string_view text, std::string_view folder = "");

}  // namespace lathe
