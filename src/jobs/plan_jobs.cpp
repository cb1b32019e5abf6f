// SPDX-License-Identifier: MIT
#include "jobs/plan_jobs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/parallel.h"
#include "hardware/catalog.h"
#include "hardware/compat.h"
#include "jobs/nix_store.h"
#include "jobs/schedule.h"
#include "matrix/expand.h"
#include "matrix/variant.h"
#include "os/file.h"
#include "recipe/extra_files.h"
#include "recipe/render.h"

namespace lathe {
namespace {

std::filesystem::path recipe_path(const std::filesystem::path& state, const Variant& variant) {
  return state / "recipes" / variant.file();
}

void write_shared(const MatrixSpec& spec, const std::filesystem::path& state) {
  for (const SharedRecipe& shared : render_shared(spec))
    write_file_atomically(state / "recipes" / shared.file, shared.text);
  for (const SharedRecipe& file : read_extra_files(spec)) {
    create_folders((state / "recipes" / file.file).parent_path());
    write_file_atomically(state / "recipes" / file.file, file.text);
  }
}

// Which builders can take it; with none it is skipped.
void find_rooms(Job& job, const DriverOptions& options) {
  if (options.builders.empty()) return;
  job.cost.builders.clear();
  std::string reasons;
  for (const BuilderIndex index : options.builders.ids()) {
    const Builder& builder = options.builders[index];
    const std::string reason =
        builder.machine.max_jobs == 0 ? "takes no jobs" : why_not_there(builder, job.needs);
    if (reason.empty()) job.cost.builders.push_back(index);
    else
      reasons += fmt::format("{}{} {}", reasons.empty() ? "" : "; ",
                             builder.is_here() ? "this machine" : builder.name, reason);
  }
  if (!job.cost.builders.empty()) return;
  job.state = JobState::skipped;
  job.reason = options.builders.size() == 1 ? fmt::format("needs another builder (--builders): {}", reasons)
                                            : fmt::format("no builder can take it: {}", reasons);
}

// What its derivation asks for beside the variant: features, or the system of shared work.
void ask_derivation(Job& job, const DriverOptions& options) {
  if (options.builders.size() < 2 || job.derivation.empty()) return;
  const Isa* isa = job.needs.isa;
  job.needs = needs_of(job.derivation, options);
  job.needs.isa = isa;
  find_rooms(job, options);
}

void skip_what_cannot_be(Job& job, const DriverOptions& options) {
  const Variant& variant = *job.variant;
  if (variant.cell->status == PairStatus::impossible && !options.impossible) {
    job.state = JobState::skipped;
    job.reason = variant.cell->reason;
    return;
  }
  job.needs = {.system = system_of(variant.cell->isa->machine),
               .isa = options.any_cpu ? nullptr : variant.cell->isa};
  find_rooms(job, options);
}

// "/nix/store/HASH-magma-2.9.0.drv" -> "magma-2.9.0"
std::string short_name(const std::string& path) {
  std::string file = std::filesystem::path(path).filename().string();
  if (file.ends_with(".drv")) file.resize(file.size() - 4);
  const std::size_t dash = file.find('-');
  return dash == std::string::npos ? file : file.substr(dash + 1);
}

// Counts, for each derivation that has to be built, the jobs that wait for it.
class NeedCounter {
 public:
  NeedCounter(const NeedsGraph& graph, const MissingPaths& missing) : graph_(graph), missing_(missing) {}

  void add(const std::string& derivation, std::map<std::string, std::size_t>& needed) {
    seen_ = {derivation};
    std::vector<std::string> open = {derivation};
    while (!open.empty()) {
      const auto found = graph_.find(open.back());
      open.pop_back();
      if (found == graph_.end()) continue;
      for (const std::string& path : found->second) {
        if (!missing_.build.contains(path) || !seen_.insert(path).second) continue;
        ++needed[path];
        open.push_back(path);
      }
    }
  }

 private:
  const NeedsGraph& graph_;
  const MissingPaths& missing_;
  std::set<std::string> seen_;
};

// Jobs by name and by what they build; of several the first.
class JobLookup {
 public:
  explicit JobLookup(std::vector<Job>& jobs) {
    for (Job& job : jobs) {
      by_name_.try_emplace(job.name, &job);
      by_derivation_.try_emplace(job.derivation, &job);
    }
  }

  Job* named(const std::string& name) const { return find(by_name_, name); }
  Job* building(const std::string& derivation) const { return find(by_derivation_, derivation); }

 private:
  using Jobs = std::unordered_map<std::string_view, Job*>;
  static Job* find(const Jobs& jobs, std::string_view key) {
    const auto it = jobs.find(key);
    return it == jobs.end() ? nullptr : it->second;
  }

  Jobs by_name_, by_derivation_;
};

NeedsGraph graph_of(const std::vector<Job>& jobs, const MissingPaths& missing, const DriverOptions& options) {
  std::vector<std::string> derivations;
  for (const Job& job : jobs) {
    const bool carved = job.variant && !job.variant->carved_from.empty();
    if (job.state == JobState::waiting && !carved && missing.build.contains(job.derivation))
      derivations.push_back(job.derivation);
  }
  return needs_graph(derivations, options);
}

std::vector<Job> shared_jobs(std::vector<Job>& jobs, NeedCounter& counter, const MissingPaths& missing) {
  std::map<std::string, std::size_t> needed;
  const JobLookup index(jobs);
  for (const Job& job : jobs) {
    if (job.state != JobState::waiting || !missing.build.contains(job.derivation)) continue;
    // shares its common build, and nothing else that takes long: no need to ask
    if (job.variant && !job.variant->carved_from.empty()) {
      const Job* common = index.named(job.variant->carved_from);
      if (common != nullptr && missing.build.contains(common->derivation)) needed[common->derivation] += 2;
      continue;
    }
    counter.add(job.derivation, needed);
  }
  std::vector<Job> shared;
  for (const auto& [derivation, count] : needed) {
    if (count < 2) continue;
    if (Job* own = index.building(derivation)) {  // a variant that others are cut out of
      own->cost.shared = true;
      continue;
    }
    Job job{.name = short_name(derivation), .variant = {}, .recipe = {}, .derivation = derivation};
    job.cost.shared = true;
    shared.push_back(std::move(job));
  }
  return shared;
}

// Shared work that needs other shared work comes after it: else two machines would build the same.
void order_shared(Jobs& jobs, NeedCounter& counter) {
  std::map<std::string_view, JobIndex> shared;
  for (const JobIndex job : jobs.ids()) {
    if (jobs[job].cost.shared) shared.emplace(jobs[job].derivation, job);
  }
  for (const auto& [derivation, job] : shared) {
    std::map<std::string, std::size_t> needed;
    counter.add(jobs[job].derivation, needed);
    for (const auto& [path, count] : needed) {
      if (const auto other = shared.find(path); other != shared.end())
        jobs[job].cost.after.push_back(other->second);
    }
  }
}

void set_estimate(Job& job, const History& history) {
  job.estimate = history.estimate(job.name, job.variant && job.variant->is_carved());
  if (!job.variant && !job.estimate.same_variant) job.estimate = {};
  job.cost.seconds = job.estimate.seconds;
  job.cost.bytes = job.estimate.peak_bytes;
  if (job.cost.bytes == 0 && job.variant && !job.variant->is_carved()) {
    const Settings& settings = *job.variant->settings;  // what the matrix says, as long as nobody measured
    const unsigned compilers = settings.jobs > 0 ? std::min(settings.jobs, usable_cores()) : usable_cores();
    job.cost.bytes = std::uint64_t{compilers} * settings.memory_per_job_gib << 30;
  }
}

// In front stands what others are cut out of, and the PyTorch of a companion, also where nobody asked for
// that.
std::vector<Variant> with_common_builds(const MatrixSpec& spec, const std::vector<Variant>& wanted) {
  std::vector<Variant> all = with_bases(spec, wanted);
  std::rotate(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(wanted.size()), all.end());
  return all;
}

// The store has it, or a cache.
void take_held(Job& job, const MissingPaths& missing, const DriverOptions& options) {
  job.cost = {.seconds = 0.1};
  job.held = Held::store;
  if (missing.fetch.empty()) return;
  for (const std::string& path : outputs_of_derivation(job.derivation, options)) {
    if (missing.fetch.contains(path)) job.held = Held::cache;
  }
}

// As the matrix says now; the variant of a job that runs is left as it is.
void write_recipes(const MatrixSpec& spec, std::vector<Job>& jobs, const std::vector<Job*>& open,
                   const std::filesystem::path& state) {
  std::map<std::string_view, Job*> by_name;
  for (Job& job : jobs) {
    if (job.variant && job.state != JobState::skipped) by_name[job.name] = &job;
  }
  expand(spec, [&](const Variant& variant) {
    const auto found = by_name.find(variant.name);
    if (found == by_name.end()) return true;
    write_file_atomically(found->second->recipe, render(spec, variant));
    if (std::ranges::find(open, found->second) != open.end()) found->second->variant = variant;
    return true;
  });
  write_shared(spec, state);
}

// Of all that are to be built; nothing where there is no shared work.
std::set<std::string> needs_of_variants(const std::vector<Job*>& open, const DriverOptions& options) {
  if (std::ranges::all_of(open, [](const Job* job) { return job->variant.has_value(); })) return {};
  std::vector<std::string> derivations;
  for (const Job* job : open) {
    if (job->variant && !job->derivation.empty() && job->variant->carved_from.empty())
      derivations.push_back(job->derivation);
  }
  return requisites_of(derivations, options);
}

// A derivation that is no longer needed, and one of its name that is needed now.
std::string successor_of(const std::string& old, const std::set<std::string>& before,
                         const std::set<std::string>& after) {
  if (after.contains(old)) return old;
  const auto fresh = std::ranges::find_if(after, [&](const std::string& path) {
    return !before.contains(path) && short_name(path) == short_name(old);
  });
  return fresh == after.end() ? old : *fresh;
}

}  // namespace

Jobs make_jobs(const MatrixSpec& spec, const std::vector<Variant>& wanted, const std::filesystem::path& state,
               const DriverOptions& options) {
  create_folders(state / "recipes");
  Jobs jobs;
  for (const Variant& variant : with_common_builds(spec, wanted)) {
    jobs.push_back(
        {.name = variant.name, .variant = variant, .recipe = recipe_path(state, variant), .derivation = {}});
    Job& job = jobs.back();
    skip_what_cannot_be(job, options);
    if (job.state == JobState::waiting) write_file_atomically(job.recipe, render(spec, variant));
  }
  write_shared(spec, state);
  return jobs;
}

void remake(Jobs& jobs, Job& broken, const MatrixSpec& spec, const std::filesystem::path& state,
            const Driver& driver, const DriverOptions& options) {
  std::vector<Job*> open;
  for (Job& job : jobs) {
    if (&job == &broken || job.state == JobState::waiting) open.push_back(&job);
  }
  write_recipes(spec, jobs, open, state);
  const std::set<std::string> before = needs_of_variants(open, options);
  std::vector<Job> copies;
  for (const Job* job : open)
    copies.push_back({.name = job->name, .variant = job->variant, .recipe = job->recipe});
  std::erase_if(copies, [](const Job& job) { return !job.variant; });
  driver.evaluate(copies, options);
  for (const Job& copy : copies) {
    if (!copy.derivation.empty())
      (*std::ranges::find(open, copy.name, &Job::name))->derivation = copy.derivation;
  }
  if (before.empty()) return;
  const std::set<std::string> after = needs_of_variants(open, options);
  for (Job* job : open) {
    if (!job->variant) job->derivation = successor_of(job->derivation, before, after);
  }
}

JobPlan complete_plan(Jobs& jobs, const History& history, const DriverOptions& options) {
  JobPlan plan;
  std::vector<std::string> derivations;
  for (const Job& job : jobs) {
    if (job.state == JobState::waiting && !job.derivation.empty()) derivations.push_back(job.derivation);
  }
  const MissingPaths missing = missing_of(derivations, options);
  for (const std::string& path : missing.fetch) plan.fetch.push_back(short_name(path));
  for (Job& job : jobs) {
    if (job.state != JobState::waiting) continue;
    set_estimate(job, history);
    if (job.derivation.empty() || missing.build.contains(job.derivation)) {
      ask_derivation(job, options);
      plan.to_build += job.state == JobState::waiting;
    } else {
      take_held(job, missing, options);
    }
  }
  const NeedsGraph graph = graph_of(jobs, missing, options);
  NeedCounter counter(graph, missing);
  std::vector<Job> shared = shared_jobs(jobs, counter, missing);
  for (Job& job : shared) {
    set_estimate(job, history);
    ask_derivation(job, options);
  }
  jobs.insert(jobs.begin(), std::make_move_iterator(shared.begin()), std::make_move_iterator(shared.end()));
  order_shared(jobs, counter);
  return plan;
}

Capacities capacities_of(const Rows<BuilderIndex, Builder>& builders) {
  Capacities capacities;
  for (const Builder& builder : builders) {
    capacities.push_back({.slots = builder.problem.empty() ? builder.machine.max_jobs : 0,
                          .memory = builder.memory_free,
                          .speed = std::max(0.01, builder.machine.speed)});
  }
  return capacities;
}

}  // namespace lathe
