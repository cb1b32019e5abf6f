// SPDX-License-Identifier: MIT
// What Nix' store and its evaluator are asked: derivations, what they need, what is there. Runs queries,
// never builds.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/builders/builder.h"
#include "jobs/driver.h"
#include "jobs/job.h"

namespace lathe {

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

// The store paths that it printed.
std::vector<std::string> outputs_of(std::string_view out);

}  // namespace lathe
