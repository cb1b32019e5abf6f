// SPDX-License-Identifier: MIT
#include "jobs/nix_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "diagnose/diagnose.h"
#include "jobs/build_told.h"
#include "jobs/builders/builder.h"
#include "jobs/job.h"
#include "nix/nix.h"
#include "os/process.h"

namespace lathe {
namespace {

void add_settings(std::vector<std::string>& words, const DriverOptions& options) {
  std::ranges::move(nix_options(options.settings), std::back_inserter(words));
}

std::string own_program() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).string();
}

Process evaluation(std::span<Job* const> jobs, const DriverOptions& options) {
  Process process{.arguments = {require_nix("nix-instantiate")}, .output_limit = std::size_t{256} << 20};
  for (const Job* job : jobs) process.arguments.push_back(std::filesystem::absolute(job->recipe).string());
  if (!options.nixpkgs.empty()) {
    process.arguments.insert(process.arguments.end(),
                             {"--arg", "nixpkgs", std::filesystem::absolute(options.nixpkgs).string()});
  }
  if (!options.torchlathe.empty()) {
    process.arguments.insert(process.arguments.end(),
                             {"--argstr", "torchlathe",
                              std::filesystem::absolute(options.torchlathe).lexically_normal().string()});
  }
  // For a package set that takes its programs from the machine: this one carves there.
  if (std::getenv("TORCHLATHE_PROGRAM") == nullptr) process.environment["TORCHLATHE_PROGRAM"] = own_program();
  if (!options.cuda_toolkit.empty()) {
    process.arguments.insert(
        process.arguments.end(),
        {"--arg", "cudaToolkitRepo", std::filesystem::absolute(options.cuda_toolkit).string()});
  }
  add_settings(process.arguments, options);
  return process;
}

// Of the first jobs, as many as were printed: recipes are evaluated in order.
std::size_t take_derivations(const std::string& out, std::span<Job* const> jobs) {
  std::size_t taken = 0;
  for (const std::string_view line : split(out, '\n')) {
    if (line.starts_with("/") && taken++ < jobs.size())
      jobs[taken - 1]->derivation = line.substr(0, line.find('!'));
  }
  return taken;
}

void fail_evaluation(Job& job, const ProcessResult& result) {
  job.state = JobState::failed;
  job.why = diagnose(result.err, job.name, job.variant ? build_told(*job.variant) : BuildTold{});
  const std::string message = parse_nix_error(result.err).message;
  job.reason =
      "does not evaluate: " + (message.empty() ? result.ending() : message.substr(0, message.find('\n')));
}

void stop_jobs(std::span<Job* const> jobs, const std::string& why) {
  for (Job* job : jobs) {
    job->state = JobState::stopped;
    job->reason = why;
  }
}

bool has_same_nixpkgs(const Job& one, const Job& other) {
  return one.variant && other.variant && one.variant->nixpkgs && other.variant->nixpkgs &&
         one.variant->nixpkgs->rev == other.variant->nixpkgs->rev;
}

// A package set that cannot be fetched for one recipe cannot be fetched for another a second later: a matrix
// would wait for each of its recipes in turn.
std::vector<Job*> others_to_try(std::span<Job* const> jobs, const Job& failed) {
  const bool network = !failed.why.empty() && failed.why.front().finding.rule == "network";
  std::vector<Job*> others;
  for (Job* job : jobs) {
    if (network && has_same_nixpkgs(*job, failed))
      stop_jobs({&job, 1}, fmt::format("not tried: it uses the same nixpkgs as {}", failed.name));
    else others.push_back(job);
  }
  return others;
}

std::string query(const DriverOptions& options, std::vector<std::string> words, bool wants_err = false) {
  words.insert(words.begin(), require_nix("nix-store"));
  add_settings(words, options);
  const ProcessResult result = options.run({.arguments = words, .output_limit = std::size_t{256} << 20});
  if (!result.ok()) {
    throw Error(
        {.what = fmt::format("nix-store: {}",
                             trim(result.err).empty() ? result.ending() : std::string(trim(result.err))),
         .kind = ErrorKind::fault});
  }
  return wants_err ? result.err : result.out;
}

// A command line has room for some megabytes.
constexpr std::size_t jobs_at_once = 1000;

std::vector<std::span<const std::string>> in_portions(const std::vector<std::string>& all) {
  std::vector<std::span<const std::string>> portions;
  for (std::span<const std::string> rest = all; !rest.empty(); rest = rest.subspan(portions.back().size()))
    portions.push_back(rest.first(std::min(jobs_at_once, rest.size())));
  return portions;
}

std::vector<std::string> words_and(std::vector<std::string> before, std::span<const std::string> paths) {
  before.insert(before.end(), paths.begin(), paths.end());
  return before;
}

}  // namespace

void instantiate(std::vector<Job>& jobs, const DriverOptions& options) {
  std::vector<Job*> open;
  for (Job& job : jobs) {
    if (job.state == JobState::waiting) open.push_back(&job);
  }
  for (std::span<Job*> rest = open; !rest.empty();) {
    const std::span<Job*> some = rest.first(std::min(jobs_at_once, rest.size()));
    const ProcessResult result = options.run(evaluation(some, options));
    const std::size_t taken = take_derivations(result.out, some);
    if (result.ok() && taken == some.size()) {
      rest = rest.subspan(taken);
      continue;
    }
    if (result.stopped) return stop_jobs(rest, "stopped before it started");
    if (taken >= some.size())
      throw Error(
          {.what = "nix-instantiate: more derivations than recipes", .where = {}, .kind = ErrorKind::fault});
    Job& failed = *rest[taken];
    fail_evaluation(failed, result);  // Nix stops at the first that fails
    open = others_to_try(rest.subspan(taken + 1), failed);
    rest = open;
  }
}

MissingPaths missing_of(const std::vector<std::string>& derivations, const DriverOptions& options) {
  MissingPaths missing;
  for (const auto& some : in_portions(derivations)) {
    std::set<std::string>* into = nullptr;
    const std::string text = query(options, words_and({"--realise", "--dry-run"}, some), true);
    for (const std::string_view line : split(text, '\n')) {
      if (line.find("will be built") != std::string_view::npos) into = &missing.build;
      else if (line.find("will be fetched") != std::string_view::npos) into = &missing.fetch;
      else if (into && trim(line).starts_with("/")) into->emplace(trim(line));
    }
  }
  return missing;
}

std::vector<std::string> outputs_of_derivation(const std::string& derivation, const DriverOptions& options) {
  return outputs_of(query(options, {"--query", "--outputs", derivation}));
}

std::set<std::string> requisites_of(const std::vector<std::string>& derivations,
                                    const DriverOptions& options) {
  std::set<std::string> needs;
  for (const auto& some : in_portions(derivations)) {
    for (std::string& path : outputs_of(query(options, words_and({"--query", "--requisites"}, some))))
      needs.insert(std::move(path));
  }
  return needs;
}

// Lines like "HASH-needed" -> "HASH-user" [color = "black"];
NeedsGraph read_needs_graph(std::string_view dot, const std::string& store) {
  NeedsGraph graph;
  for (const std::string_view line : split(dot, '\n')) {
    const auto parts = split(line, '"');
    if (parts.size() >= 5 && trim(parts[2]) == "->")
      graph[fmt::format("{}/{}", store, parts[3])].push_back(fmt::format("{}/{}", store, parts[1]));
  }
  return graph;
}

NeedsGraph needs_graph(const std::vector<std::string>& derivations, const DriverOptions& options) {
  NeedsGraph graph;
  for (const auto& some : in_portions(derivations)) {
    NeedsGraph part = read_needs_graph(query(options, words_and({"--query", "--graph"}, some)),
                                       std::filesystem::path(some.front()).parent_path().string());
    graph.merge(part);
  }
  return graph;
}

std::set<std::string> users_of(const std::string& derivation, const DriverOptions& options) {
  const std::vector<std::string> users =
      outputs_of(query(options, {"--query", "--referrers-closure", derivation}));
  return {users.begin(), users.end()};
}

BuilderNeeds needs_of(const std::string& derivation, const DriverOptions& options) {
  BuilderNeeds needs{.system =
                         std::string(trim(query(options, {"--query", "--binding", "system", derivation})))};
  const ProcessResult features = options.run({.arguments = {require_nix("nix-store"), "--query", "--binding",
                                                            "requiredSystemFeatures", derivation}});
  if (!features.ok()) return needs;  // the derivation has none
  for (const std::string_view word : words(features.out)) needs.features.emplace_back(word);
  return needs;
}

std::vector<std::string> outputs_of(std::string_view out) {
  std::vector<std::string> paths;
  for (const std::string_view line : split(out, '\n')) {
    if (trim(line).starts_with("/")) paths.emplace_back(trim(line));
  }
  return paths;
}

}  // namespace lathe
