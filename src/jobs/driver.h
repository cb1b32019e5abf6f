// SPDX-License-Identifier: MIT
// What builds jobs: Nix, or Flox. What is peculiar to one of them stands in its own file behind Driver;
// another one is such a file and a row of driver.cpp. Says what to run and reads what comes back, never
// builds.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/builders/builder.h"
#include "jobs/job.h"
#include "jobs/schedule.h"
#include "nix/events.h"
#include "nix/machines.h"
#include "os/process.h"

namespace lathe {

struct CacheReport;
struct CacheState;
struct JobPlan;

struct DriverOptions {
  // source tree of torchlathe for recipes that carve; "": as the recipe says
  std::string torchlathe = {};
  // path of a build-cudatoolkit checkout instead of the fetched one; "": as the recipe says
  std::string cuda_toolkit = {};
  // path of a package set instead of the pinned one; "": as the recipe says
  std::string nixpkgs = {};
  unsigned cores = 0;  // of one build; 0: the driver's own setting
  // the first is this machine; with no other, Nix keeps to its own configuration
  Rows<BuilderIndex, Builder> builders = {};
  std::vector<std::string> settings = {};   // "NAME=VALUE", Nix's --option
  std::filesystem::path flox_project = {};  // folder that has .flox/pkgs
  bool impossible = false;                  // build also what the catalogue says can exist nowhere
  bool any_cpu = false;                     // also on machines that cannot run what they build
  RunProcess run = run_process;
};

// Has no state. What is virtual and has a body is what a driver need not be able to do.
class Driver {
 public:
  virtual ~Driver() = default;
  virtual std::string_view name() const = 0;  // as --driver takes it

  // An Error where this machine lacks what it needs.
  virtual void require() const {}
  // The remote builders that it can use, of those that --builders names.
  virtual std::vector<NixMachine> machines(const std::string& builders) const;

  // Fills the derivations of jobs; those that do not evaluate become failed jobs.
  virtual void evaluate(std::vector<Job>&, const DriverOptions&) const {}
  // What is there, what is to be built, what several need; estimates (plan_jobs.h).
  virtual JobPlan plan(Jobs& jobs, const History& history, const DriverOptions& options) const;

  // Can it say what binary caches have? Then these two do (cache_distance.h).
  virtual bool asks_caches() const { return false; }
  virtual std::vector<CacheState> caches(const DriverOptions& options) const;
  virtual CacheReport distances(const std::vector<Job>& jobs, std::vector<CacheState> caches,
                                const DriverOptions& options) const;

  // The process that builds a job; `link` is where it puts its result, if it is asked; "": nowhere.
  virtual Process process(const Job& job, const std::filesystem::path& link,
                          const DriverOptions& options) const = 0;
  // What a line says that the process prints; nullopt: nothing for people, it is kept for outputs().
  virtual std::optional<NixEvent> event(Stream stream, std::string_view line) const = 0;
  // Do its events tell whether anything was built? Else what ended well was there.
  virtual bool tells_builds() const { return false; }
  // Store paths of a job that ended well, or links to them; `kept`: the lines that event() left.
  virtual std::vector<std::string> outputs(const Job& job, std::string_view kept,
                                           const DriverOptions& options) const = 0;
};

// The first is what builds where nobody says otherwise.
std::span<const Driver* const> drivers();
// An Error where there is none.
const Driver& driver_named(std::string_view name);

}  // namespace lathe
