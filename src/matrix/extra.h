// SPDX-License-Identifier: MIT
// [extra] and the `extra` of an [[override]]: what a recipe of PyTorch has that a matrix has no word for. It
// is checked so far that it stays in its place, and written into the recipe as it is.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/toml.h"

namespace lathe {

struct Extra {
  // exported at the end of preConfigure: see shell_text_as_nix
  std::map<std::string, std::string> environment = {};
  std::map<std::string, std::string> override_arguments = {};  // of torch's `override`: Nix expressions
  std::map<std::string, std::string> config = {};              // of nixpkgs: Nix expressions
  // arguments of `import nixpkgs`: Nix expressions
  std::map<std::string, std::string> nixpkgs = {};
  // Packages in the place of nixpkgs', Python's, CUDA's: Nix expressions of `pkgs`, `python`, `cuda`, the
  // sets before that.
  std::map<std::string, std::string> packages = {}, python = {}, cuda = {};
  std::vector<std::string> attributes = {};  // bindings for overrideAttrs, one call each

  bool empty() const { return *this == Extra{}; }
  bool replaces_packages() const { return !packages.empty() || !python.empty() || !cuda.empty(); }
  bool operator==(const Extra&) const = default;
  // `more` on top: its variables and arguments win, its attributes come after these.
  void add(const Extra& more);
};

Extra read_extra(const Toml& table);

// Why `value` cannot stand between the double quotes of an assignment; "" when it can. It may hold $NAME,
// ${NAME}, ${NAME:+...} of the shell and ${pkgs.PATH} of Nix, and nothing that runs a command.
std::string why_no_shell_text(std::string_view value);

// That `value` inside a ''string'' of Nix.
std::string shell_text_as_nix(std::string_view value);

// Does a matrix say the variable, argument or setting by a word of its own? Then which; "" otherwise.
std::string_view word_for_variable(std::string_view name);
std::string_view word_for_argument(std::string_view name);
std::string_view word_for_config(std::string_view name);
std::string_view word_for_nixpkgs(std::string_view name);

}  // namespace lathe
