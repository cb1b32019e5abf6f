// SPDX-License-Identifier: MIT
// What nixpkgs ships and does, by time and by revision: what a recipe needs beside it. data/nixpkgs.toml has
// it, with sources. Does not read nixpkgs: a revision that no row has is taken for a newest one, which
// whoever uses it must say.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hardware/capability.h"
#include "hardware/catalog.h"

namespace lathe {

struct NixpkgsFacts {
  std::string since;                                   // "2025-11"
  std::string torch, triton, torchvision, torchaudio;  // the releases in it
  std::string cuda;                                    // its default CUDA: "12.9"
  std::vector<std::string> cuda_sets;                  // "12.8", "13.0": sets with a full name
  std::vector<std::string> cuda_aliases;  // what cudaPackages_12 and cudaPackages_13 are: "12.9", "13.2"
  std::vector<std::string> torch_cuda;    // major releases with which its torch does not call itself broken
  std::string python;                     // what python3 is: "3.13"
  bool magma_cuda13 = false;              // its MAGMA builds with CUDA 13
  // a Python package's pname is looked up in its metadata when all is built
  bool metadata_check = false;
  bool cccl_folder = false;  // CCCL for CUDA 13 has include/cccl itself
  std::string cccl;          // CCCL's name in a CUDA set: "cuda_cccl", "cccl"
  // "rec"; "finalAttrs": an override's version reaches the rest of torch
  std::string torch_style;
  std::vector<std::string> torch_arguments;  // settings that its torch's `override` takes
  // that its torch takes from config.cudaCapabilities, each also with +PTX
  std::vector<std::string> torch_capabilities;
  std::vector<std::string> torch_patches;       // its patches of torch, by the name of their files
  std::vector<std::string> torch_cuda_patches;  // and those that come with CUDA
  // of the release that it ships, on which torch's postPatch insists
  std::vector<std::string> fixed_texts;
  Provenance provenance;
  bool has_patch(std::string_view name) const;
};

// One of nixpkgs' patches of torch, which not every release of PyTorch takes.
struct TorchPatch {
  std::string name;                    // of its file
  std::optional<Version> first, last;  // releases of PyTorch that it is for: 2.13; nullopt: no bound is known
  std::string use;                     // what is lost without it
  Provenance provenance;
  // "2.10.0", "2.11.0a0+git0123456"; true where the release is not known
  bool is_for(std::string_view pytorch) const;
};

// What a release of PyTorch asks of nixpkgs.
struct TorchNeeds {
  std::string release;               // "2.10"
  std::string triton;                // "3.6.0"
  std::optional<Version> cccl_cuda;  // from this CUDA on it includes <cccl/...>; nullopt: it does not
  Provenance provenance;
};

// What MAGMA lacks from a CUDA release on, where nixpkgs' own has not got it.
struct MagmaFix {
  Version first_cuda;
  std::string name, commit, hash;  // of the patch: "cuda-13.0-clockrate-fix.patch", in icl-utk-edu/magma, SRI
  std::string mark;                // in the name of such a patch, whoever wrote it
  std::string what;                // "reads cudaDeviceProp.clockRate, which CUDA 13 removed"
  Provenance provenance;
  bool is(std::string_view patch_name, std::string_view url) const;
};

// A release of triton that can stand in the place of the one that a nixpkgs ships, by its expression there.
struct TritonSource {
  std::string release;                  // "3.6.0"
  std::vector<std::string> instead_of;  // releases whose expression takes it: "3.5.1"
  std::string hash;                     // of its source, SRI
  // the commit of llvm/llvm-project that it is made for; SRI of its archive
  std::string llvm, llvm_version, llvm_hash;
  std::vector<std::string> stale_patches;  // of that expression, which do not apply
  // where it says with which libraries it links at run time, and the text there
  std::string link_file, link_text;
  Provenance provenance;
};

// What nixpkgs' table of capabilities calls a Jetson: its configuration takes it for Arm alone.
struct Jetson {
  Capability capability;
  std::string name;                    // "Jetson Orin"
  std::optional<Version> last_cuda;    // the last with packages of its own, beside those for Arm servers
  std::optional<Version> server_cuda;  // the first whose packages for Arm servers run there
  Provenance provenance;
};

// A library of linear algebra on CPUs that nixpkgs' torch can be linked with: `provider` of its `blas`.
struct BlasLibrary {
  std::string name, provider, title;  // "mkl", "mkl", "Intel MKL"
  std::string part;                   // as torch calls it when it is asked what it has: "MKL"
  std::vector<std::string> machines;  // for which there is one: "x86_64"; empty: for all
  bool unfree = false;
  Provenance provenance;
};

struct NixpkgsTables {
  std::vector<NixpkgsFacts> releases;  // ascending
  std::vector<TorchNeeds> torch;
  std::vector<TorchPatch> patches;
  std::vector<Jetson> jetsons;
  std::vector<MagmaFix> magma_fixes;
  std::vector<TritonSource> tritons;
  std::vector<Capability> lacking;  // that nixpkgs' own table has not got
  std::vector<BlasLibrary> blas;
};

// Read once, where it is asked for first. Thread-safe.
const NixpkgsTables& nixpkgs_tables();

// Of a revision; nullptr where no row has it.
const NixpkgsFacts* nixpkgs_facts(std::string_view rev);
// since when nixpkgs is like that: "2025-11"; "" as above
std::string_view nixpkgs_like(std::string_view rev);

// Of a revision that no row has: as the newest nixpkgs that ships this PyTorch ("2.9.1"), or the newest of
// all ("").
const NixpkgsFacts& assumed_facts(std::string_view torch);
// What MAGMA needs with this CUDA; nullptr where it needs nothing.
const MagmaFix* magma_fix(const Version& toolkit);
const TorchNeeds* torch_needs(std::string_view pytorch);  // of "2.10.0", "2.11.0a0+git0123456"

// The triton that this PyTorch is made for, where nixpkgs has another one (`there`) and its expression takes
// it; else nullptr.
const TritonSource* triton_instead(std::string_view pytorch, std::string_view there);
// A known revision that ships this PyTorch and its triton: of the newest row; "" where there is none.
std::string_view pin_with(std::string_view pytorch, std::string_view triton);

// Does config.cudaCapabilities refuse it, because nixpkgs' own table has not got it, or has it for other
// machines?
bool is_refused_by_config(Capability capability, Machine machine);

bool has_jetson_packages(Capability capability, const Version& toolkit);

// Do packages of this toolkit run on these Jetsons at all? The sentence says why not; "" means they do, or
// that it is not a Jetson.
std::string why_no_packages(Capability capability, const Version& toolkit);

// Can one build on Arm be for all of these GPUs? It has the packages for Jetsons or those for other machines.
std::string why_no_common_packages(std::span<const Capability> capabilities, const Version& toolkit);

}  // namespace lathe
