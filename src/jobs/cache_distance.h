// SPDX-License-Identifier: MIT
// How far a variant is from being there without a compile: of all that it needs, what is in the store, what
// a binary cache has, and what has to be built. Nix is asked, as it would ask when it builds; nothing is
// fetched or built.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/driver.h"
#include "jobs/job.h"

namespace lathe {

// A binary cache, and whether it answered. One that does not is never taken for one that has nothing.
struct CacheState {
  std::string uri;
  std::string trouble = {};  // Nix's words; "": it answers
};

struct CacheInput {
  std::string name;        // "magma-2.9.0"
  std::string state;       // "store", "cache", "build", "unknown" (a cache did not answer)
  std::string cache = {};  // which, where it is in one
};

struct CacheDistance {
  std::string name;                          // of the variant
  std::string state;                         // of itself, as those of its inputs
  std::size_t build = 0, fetch = 0;          // derivations to build, store paths to fetch, itself included
  std::uint64_t download = 0, unpacked = 0;  // bytes of what is to be fetched, as far as a cache says
  std::vector<std::string> to_build = {};    // names, itself included
  std::vector<CacheInput> inputs = {};       // those that its derivation names
};

// A package that is not a variant and of which variants are cut: nixpkgs' own torch.
struct CacheBase {
  CacheInput package;
  std::size_t variants = 0;
};

struct CacheReport {
  bool asked = true;  // false: --offline
  std::vector<CacheState> caches;
  std::vector<CacheDistance> variants;
  std::vector<CacheBase> bases = {};
};

// The caches that Nix is configured with; those of "substituters=..." in `options.settings`, if it is there.
// None where substitution is off.
std::vector<std::string> configured_caches(const DriverOptions& options);

// Asks each of them whether it is there.
std::vector<CacheState> ask_caches(const DriverOptions& options);
// The setting of Nix with which those that do not answer are left out: Nix would give up at the first of
// them.
std::string answering_caches(const std::vector<CacheState>& caches);

// Of each job that has a variant and a derivation.
CacheReport cache_report(const std::vector<Job>& jobs, std::vector<CacheState> caches,
                         const DriverOptions& options);

// "these 3 paths will be fetched (1.2 MiB download, 5.3 MiB unpacked):" and what follows, in Nix 2.8 and
// newer.
struct DryRun {
  std::vector<std::string> build, fetch;  // .drv files; store paths
};
DryRun read_dry_run(std::string_view text);

// What `nix path-info --json` says: by path, those that the store has. Nix 2.8 prints an array, Nix 2.20 and
// newer an object.
struct PathInfo {
  std::uint64_t download = 0, unpacked = 0;
};
std::map<std::string, PathInfo> read_path_infos(std::string_view json);

}  // namespace lathe
