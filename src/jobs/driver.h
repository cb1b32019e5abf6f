// SPDX-License-Identifier: MIT
// How Nix and Flox are called for building. Says what to run and reads what comes back; runs queries, never
// builds.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "jobs/builders/builder.h"
#include "jobs/job.h"
#include "os/process.h"

namespace lathe {

struct DriverOptions {
  std::string kind = "nix";  // nix, flox
  // source tree of torchlathe for recipes that carve; "": as the recipe says
  std::string torchlathe = {};
  // path of a build-cudatoolkit checkout instead of the fetched one; "": as the recipe says
  std::string cuda_toolkit = {};
  // path of a package set instead of the pinned one; "": as the recipe says
  std::string nixpkgs = {};
  unsigned cores = 0;  // of one build; 0: Nix's own setting
  // the first is this machine; with no other, Nix keeps to its own configuration
  std::vector<Builder> builders = {};
  std::vector<std::string> settings = {};   // "NAME=VALUE", Nix's --option
  std::filesystem::path flox_project = {};  // folder that has .flox/pkgs
  bool impossible = false;                  // build also what the catalogue says can exist nowhere
  bool any_cpu = false;                     // also on machines that cannot run what they build
  RunProcess run = run_process;
};

// Fills the derivations of `jobs` by evaluating their recipes, all in one process, and another one behind
// each that does not evaluate: that becomes a failed job with its diagnosis.
void instantiate(std::vector<Job>& jobs, const DriverOptions& options);

// Derivations among the needs of `derivations` that the store would have to build, and those that a cache
// has.
struct MissingPaths {
  std::set<std::string> build, fetch;
};
MissingPaths missing_of(const std::vector<std::string>& derivations, const DriverOptions& options);

// The store paths that it makes.
std::vector<std::string> outputs_of_derivation(const std::string& derivation, const DriverOptions& options);

// Everything that derivations need, themselves included.
std::set<std::string> requisites_of(const std::vector<std::string>& derivations,
                                    const DriverOptions& options);

// What each of `derivations`, and each that they need, needs directly. In one question: asked for one at a
// time, a thousand variants took a minute.
using NeedsGraph = std::map<std::string, std::vector<std::string>>;
NeedsGraph needs_graph(const std::vector<std::string>& derivations, const DriverOptions& options);
NeedsGraph read_needs_graph(std::string_view dot, const std::string& store);

// Every derivation of the store that needs it, itself included.
std::set<std::string> users_of(const std::string& derivation, const DriverOptions& options);

// System and features that a derivation asks for.
BuilderNeeds needs_of(const std::string& derivation, const DriverOptions& options);

// The process that builds a job and links its result at `link`.
Process build_process(const Job& job, const std::filesystem::path& link, const DriverOptions& options);

// The store paths that it printed.
std::vector<std::string> outputs_of(std::string_view out);

}  // namespace lathe
