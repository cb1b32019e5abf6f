// SPDX-License-Identifier: MIT
// Something to choose from: a variant of a matrix, or one that somebody has published. What each is, not
// where it runs.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hardware/catalog.h"
#include "hardware/compat.h"
#include "matrix/spec.h"

namespace lathe {

struct Candidate {
  std::string name = {};
  std::vector<DeviceCode> code = {};  // empty: CPU only
  const Isa* isa = nullptr;           // nullptr: any CPU of its machine
  Machine machine = Machine::x86_64;
  std::optional<Version> cuda = {};
  std::string pytorch = {}, python = {};  // "" where nobody says
  std::optional<Version> driver = {};     // lowest one, as its publisher says
  std::string driver_because = {};        // "zstd": what asks for it; or ""
  std::optional<Version> glibc = {};      // lowest one; nullopt: it brings its own, as all of Nix's do
  std::string impossible = {};            // why it cannot be built at all; or ""
  // the catalogue has no machine with this GPU and CPU: nobody will have built it
  bool no_machine = false;
  std::string from = {};  // the matrix that it is in, as -m takes it; "" for published ones
  // names: the torchvision and torchaudio made for exactly this, installed with it
  std::vector<std::string> companions = {};
  std::string get = {};  // commands that install it, one a line, as its publisher says

  bool is_gpu() const { return !code.empty(); }
};

// Adds all variants of a matrix; `from` is what -m takes for it.
void add_candidates(std::vector<Candidate>& out, const MatrixSpec& spec, const std::string& from);

// A catalogue of published variants: either names, one a line ('#' starts a comment), or the JSON that `list
// --format json` writes; of its members only `name` must be there, and "glibc" and "get" may be added.
// docs/commands/select.md. Or an index that `torchlathe publish` wrote (select/index.h), fetched from
// `file`: then the commands are made here. An Error with the place for what is none of these.
std::vector<Candidate> read_published(std::string_view text, const std::string& file);

}  // namespace lathe
