// SPDX-License-Identifier: MIT
// One hardware-specialised build, and the grammar of its name, both ways:
//
//   pytorch-python313-cuda13_0-sm120-avx512        package - python - CUDA - GPU - instruction set
//   pytorch210-python313-cpu-avx2 the package may carry its release's digits; CPU builds have no CUDA
//   torchvision-python313-cuda12_8-sm86_sm89-avx2 several GPUs in one build
//   pytorch-python313-cpu-avx2-mkl                behind it, words of axes that are off unless used
//
// Knows nothing of files or recipes.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "hardware/capability.h"
#include "hardware/catalog.h"
#include "hardware/compat.h"
#include "matrix/extra.h"

namespace lathe {

// What decides where a build goes and how: shared by all variants that have it.
struct Settings {
  enum class Narrow { torch, closure };
  // closure: config.cudaCapabilities too, so that MAGMA, NCCL and companions follow
  Narrow narrow = Narrow::torch;
  bool ptx = false;                 // add PTX of the highest capability
  unsigned jobs = 0;                // compile jobs at most; 0: as many as Nix gives cores
  unsigned memory_per_job_gib = 0;  // one compile job for this much memory; 0: not limited
  std::string compile_cache;        // folder in which ccache keeps what compilers made; "": no cache
  std::optional<std::vector<std::string>> cpu_flags;  // instead of the catalogue's flags
  // what a matrix has no word for; of PyTorch's own recipes, not of companions
  Extra extra;
};

struct NixpkgsFacts;

// A nixpkgs revision, with what it ships (from the catalogue's pins, or said in the matrix file).
struct Nixpkgs {
  std::string name;  // the matrix file's word for it
  std::string rev;
  std::optional<std::string> sha256;
  std::string torch;                   // its own torch release; "" when not known
  std::string cuda;                    // its default CUDA; "" when not known
  std::vector<std::string> cuda_sets;  // empty when not known
  bool magma_cuda13 = false;
  const NixpkgsFacts* facts = nullptr;  // what it does, from the table; never null once a matrix is read
  // the table does not have this revision: `facts` are those of a nixpkgs that it may be like
  bool assumed = false;
  Place where;
  std::string url() const;
  std::string assumption() const;  // "not known: assumed as nixpkgs of 2026-09"; "" where it is known
};

struct PytorchSource {
  std::string version;  // "2.10.0"
  std::string hash;     // SRI, of fetchFromGitHub with submodules; "" when it must be found by a first build
  std::string owner = "pytorch", repo = "pytorch", rev;  // rev: "v2.10.0"
  // of capabilities that its build takes: "a", "af"; nullopt: as the catalogue has it
  std::optional<std::string> suffixes;
  // of its select_compute_arch.cmake, as `torchlathe arch-patch` writes it; "": none
  std::string arch_patch;
  Place where;
};

// torchvision or torchaudio for one PyTorch.
struct CompanionSource {
  std::string package;       // "torchvision"
  std::string version = {};  // "0.25.0"; "": whatever the nixpkgs revision ships beside its own PyTorch
  std::string hash = {}, owner = {}, repo = {}, rev = {};  // as those of PytorchSource
  Place where = {};
};

// What a set of GPUs, an instruction set and a CUDA release mean together.
struct Cell {
  std::vector<Capability> gpus;  // as written, ascending; empty: CPU only
  const Isa* isa = nullptr;
  std::optional<Version> cuda;  // nullopt: CPU only
  // of axes that are off unless used: "blas" -> "mkl"
  std::map<std::string, std::string, std::less<>> words = {};
  PairStatus status = PairStatus::valid;
  std::string reason;                // one sentence
  std::string not_served = {};       // base = "nixpkgs": why nixpkgs' own torch is not this; "" where it is
  std::vector<std::string> runs_on;  // products whose machines can run it, best served first
  std::optional<Version> min_driver;
  std::string gpu_text;   // "sm120", "sm86_sm89", "" for CPU builds: as in names
  std::string cuda_text;  // "13_0", "" for CPU builds: as in names
};

struct Variant {
  std::string name;  // of the package, and of its file without ".nix"
  std::string pname;
  std::string package;  // "pytorch", "torchvision", "torchaudio"
  std::string python;   // "3.13"
  std::shared_ptr<const PytorchSource> pytorch;
  std::shared_ptr<const Nixpkgs> nixpkgs;
  std::shared_ptr<const Cell> cell;
  std::shared_ptr<const Settings> settings;
  std::vector<std::string> aliases;  // older names
  // strategy = "carve": the variant that this one is cut out of; "": it is built itself
  std::string carved_from;
  bool of_nixpkgs = false;  // base = "nixpkgs": cut out of nixpkgs' own torch, which is not a variant
  bool fat = false;         // strategy = "carve": others are cut out of this one

  // Of a companion: what it is, the PyTorch variant that it is built for, and what that is cut out of ("":
  // it is built).
  std::shared_ptr<const CompanionSource> companion = nullptr;  // nullptr: this is PyTorch
  std::string torch, torch_carved_from;

  bool is_gpu() const { return cell->cuda.has_value(); }
  bool is_carved() const { return of_nixpkgs || !carved_from.empty(); }
  std::string file() const { return name + ".nix"; }
  const std::vector<std::string>& cpu_flags() const {
    return settings->cpu_flags ? *settings->cpu_flags : cell->isa->flags;
  }
  // "12.0", "8.6;8.9", "12.0+PTX": the value of TORCH_CUDA_ARCH_LIST. One that others are cut out of has PTX
  // for each.
  std::vector<std::string> arch_list() const;
};

// A name, taken apart.
struct VariantName {
  std::string package;
  std::string release;          // digits behind the package, "210"; or ""
  std::string python;           // "3.13"
  std::optional<Version> cuda;  // nullopt: cpu
  std::vector<Capability> gpus;
  std::string isa;                      // the catalogue's spelling
  std::vector<std::string> words = {};  // of axes that are off unless used, in their order: "mkl"
  std::vector<std::string> extra;       // what followed: "magma", "nightly", "cu128"

  std::string text() const;  // the canonical spelling, extras kept
};

struct NameProblem {
  std::size_t offset = 0;  // in bytes from the start of the name
  std::string what;
  std::string next;
};

// Reads as much as can be read. `name` is set when package, python and at least the instruction set were
// understood; it is canonical ("armv8.2" has become armv8_2) even where `problems` says that the spelling
// was not.
struct NameReading {
  std::optional<VariantName> name;
  std::vector<NameProblem> problems;
};
NameReading read_variant_name(std::string_view text);

// The same for text that must be right: the first problem is an Error.
VariantName parse_variant_name(std::string_view text);

// What Nix and Flox can use as an attribute and file name: a letter or _, then letters, digits, _ and -. ""
// when usable, else what is wrong with it.
std::string why_not_a_package_name(std::string_view name);

std::string digits_of(std::string_view version);  // "3.13" -> "313", "2.10.0" -> "210": as used in names

}  // namespace lathe
