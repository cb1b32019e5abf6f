// SPDX-License-Identifier: MIT
// A matrix file as read: axes, rows, settings, each with its place. docs/formats/matrix.md describes the
// file.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "hardware/capability.h"
#include "hardware/catalog.h"
#include "matrix/variant.h"

namespace lathe {

// A word of an axis, with its place for errors that are found later.
template <typename T>
struct Placed {
  T value;
  Place where;
};

// One product of axes: [[build]], or a row: [[include]].
struct Block {
  Place where;
  bool gpu = true;  // false: CPU only, no CUDA
  std::vector<std::string> pytorch, python;
  std::vector<Placed<Version>> cuda;
  std::vector<Placed<std::vector<Capability>>> gpus;
  std::vector<Placed<const Isa*>> isas;
  // of axes that are off unless used: "blas" -> "mkl", "openblas"
  std::map<std::string, std::vector<Placed<std::string>>, std::less<>> words;
  std::string nixpkgs;
  std::string name, pname;  // patterns
  std::string branch;       // the [[branch]] that it was made for; "": it has its own axes
  Place branch_where;

  // Number of variants; nullopt when it does not fit 64 bits.
  std::optional<std::uint64_t> size() const;
};

// Which variants a row means: globs over the words that names are made of; an absent one means any.
struct Match {
  // "gpu" -> {"12.*"}, "isa", "cuda", "python", "pytorch", "package", "name"
  std::map<std::string, std::vector<std::string>> globs;
};

struct Exclude {
  Match match;
  std::string reason;
  Place where;
};

struct Override {
  Match match;
  Settings settings;  // only the fields in `sets` count
  std::vector<std::string> sets;
  Place where;
};

struct Alias {
  std::string old_name;
  std::string name;
  Place where;
};

struct Silenced {
  std::string rule;
  std::string reason;
  std::string name = "*";  // glob over variant names
  Place where;
};

// Where recipes that carve get torchlathe from: its source tree, with nix/carve.nix in it.
struct Carver {
  std::string url;
  std::optional<std::string> sha256;
  // base = "nixpkgs": out of nixpkgs' own torch, instead of one build for all GPUs
  bool nixpkgs_base = false;
  Place where;
};

// CUDA's own packages from another place than nixpkgs: a repository with one recipe for each, or recipes
// beside the others.
struct CudaPackages {
  enum class From { fetch, copy };
  From from = From::fetch;
  Version cuda;                       // of the builds that take them
  std::string url;                    // fetch: of a .tar.gz
  std::optional<std::string> sha256;  // fetch; "": a first build tells it
  std::string folder = ".flox/pkgs";  // fetch: where in the repository the recipes are
  std::string local;                  // fetch: a checkout to take instead, absolute; "": none
  // copy: file of a table of archives instead of the shipped one; "": that
  std::string table;
  std::map<std::string, Placed<std::string>> hashes;  // copy: by archive, instead of the table's own
  Place where;
};

struct MatrixSpec {
  std::string file;  // as given, for messages and for the recipes' first line
  std::string name;
  std::string description;
  std::string package = "pytorch";
  std::vector<std::string> drop;  // statuses that are left out of the expansion: "impossible", "redundant"
  Settings settings;
  // strategy = "carve": one build for all GPUs of a block for each instruction set, and every other variant
  // cut out of it.
  std::optional<Carver> carver;
  std::optional<CudaPackages> cuda_packages;
  std::map<std::string, std::shared_ptr<const Nixpkgs>> nixpkgs;
  std::map<std::string, std::shared_ptr<const PytorchSource>> pytorch;
  // "torchvision", "torchaudio": each variant of PyTorch is followed by one of each
  std::vector<std::string> companions;
  // by package and PyTorch
  std::map<std::pair<std::string, std::string>, std::shared_ptr<const CompanionSource>> companion_sources;
  std::vector<Block> blocks;  // [[build]] and [[include]], in the file's order
  std::vector<Exclude> excludes;
  std::vector<Override> overrides;
  std::vector<Alias> aliases;
  std::vector<Silenced> silenced;
};

// At most this many variants; an axis that makes more is a slip.
inline constexpr std::uint64_t most_variants = 10'000'000;

// Can settings.compile_cache be this: a whole path of letters that neither a shell, nor Nix, nor a list of
// sandbox paths reads.
bool is_cache_folder(std::string_view path);

// Every mistake is an Error with file, line and column.
MatrixSpec parse_matrix(std::string_view text, const std::string& file);

}  // namespace lathe
