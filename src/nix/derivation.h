// SPDX-License-Identifier: MIT
// A derivation as its .drv file says it: what Nix will run, with which variables, and what it needs. The
// text is the same in all releases of Nix; `nix derivation show` is not. Runs nothing.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace lathe {

struct Derivation {
  struct Output {
    std::string path, hash_algorithm, hash;  // hash: of a fixed output, "" else
  };
  std::map<std::string, Output> outputs;                   // by name
  std::map<std::string, std::vector<std::string>> inputs;  // .drv files, and which outputs of each
  std::vector<std::string> sources;                        // store paths that are no outputs
  std::string system, builder;
  std::vector<std::string> arguments;
  // Variables. Structured attributes (__json) are there too: texts as they are, lists joined with spaces,
  // what is in `env` without it.
  std::map<std::string, std::string> variables;

  const std::string& variable(std::string_view name) const;  // "" where there is none
};

// An Error, with the offset, for a text that is not a derivation. `file` is for the Error.
Derivation parse_derivation(std::string_view text, const std::string& file);
Derivation read_derivation(const std::string& path);

// "/nix/store/HASH-magma-2.9.0.drv" -> "magma-2.9.0"
std::string_view store_name(std::string_view path);

}  // namespace lathe
