// SPDX-License-Identifier: MIT
// `torchlathe build`: a matrix to built, verified store paths, with every failure explained.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/safe_format.h"
#include "cli/parts/build_repairs.h"
#include "cli/commands.h"
#include "cli/options/cuda_toolkit_option.h"
#include "cli/options/matrix_option.h"
#include "cli/options/variant_filter.h"
#include "matrix/expand.h"
#include "cli/exit/stop_signals.h"
#include "cli/options/options.h"
#include "diagnose/diagnose.h"
#include "jobs/builders/process_tree.h"
#include "jobs/cache_distance.h"
#include "jobs/compile_cache.h"
#include "jobs/driver.h"
#include "jobs/history/matrix_cost.h"
#include "jobs/job.h"
#include "jobs/plan_jobs.h"
#include "jobs/run.h"
#include "jobs/schedule.h"
#include "jobs/state_lock.h"
#include "matrix/spec.h"
#include "matrix/variant.h"
#include "nix/machines.h"
#include "nix/nix.h"
#include "os/keyboard.h"
#include "os/process.h"
#include "os/terminal.h"
#include "report/build_plan.h"
#include "report/build_result.h"
#include "report/builders.h"
#include "cli/parts/heartbeat.h"
#include "report/progress.h"

namespace lathe {
namespace build_command {

struct Options {
  MatrixOption matrix;
  VariantFilter filter;
  CudaToolkitOption cuda_toolkit;
  std::string state = ".torchlathe";
  std::string driver = std::string(drivers().front()->name());
  std::string substituters, nixpkgs, torchlathe, builders = "@/etc/nix/machines", copy_to, flox_project = ".";
  std::vector<std::string> settings;
  std::uint64_t jobs = 1, cores = 0, memory = 0, heartbeat = 30;
  std::string format = "text";
  bool yes = false, offline = false, resume = false, with_companions = false, fail_fast = false,
       keep_going = false, dry_run = false, fix_hashes = false, fix = false, no_verify = false, wait = false,
       impossible = false, any_cpu = false;
};

std::vector<std::string> driver_names() {
  std::vector<std::string> names;
  for (const Driver* driver : drivers()) names.emplace_back(driver->name());
  return names;
}

void declare(OptionSet& set, Options& options) {
  declare_variants(set, options.matrix, options.filter);
  set.group("How to build");
  set.text("--state", options.state, "DIR", "recipes, logs, result links and history [.torchlathe]",
           ValueKind::folder);
  set.choice("--driver", options.driver, driver_names(), "what builds [nix]");
  set.text("--nixpkgs", options.nixpkgs, "DIR", "build from this package set instead of the pinned one",
           ValueKind::folder);
  set.text("--torchlathe", options.torchlathe, "DIR",
           "carve with this source tree of torchlathe instead of the pinned one", ValueKind::folder);
  options.cuda_toolkit.declare(set);
  set.number("-j,--jobs", options.jobs, "N",
             "builds at once on this machine, as far as memory allows; 0: all on builders [1]");
  set.number("--cores", options.cores, "N", "cores of one build [Nix's own setting]");
  set.number("--memory", options.memory, "GIB", "memory for all builds together [what is free]");
  set.text("--builders", options.builders, "TEXT|@FILE",
           "remote builders, as Nix writes them; \"\": none [@/etc/nix/machines]");
  set.texts("--nix-option", options.settings, "NAME=VALUE", "a setting of Nix");
  set.text("--flox-project", options.flox_project, "DIR", "folder with .flox/pkgs, for --driver flox [.]",
           ValueKind::folder);
  set.text("--copy-to", options.copy_to, "URI",
           "copy each result to this binary cache: file:///cache, ssh-ng://host");
  set.group("");
  set.flag("--with-companions", options.with_companions,
           "with each PyTorch also the torchvision and torchaudio that follow it");
  set.flag("-y,--yes", options.yes, "do not ask before a whole matrix is built");
  set.flag("--resume", options.resume, "go on with what the last run has not built");
  set.flag("--fail-fast", options.fail_fast, "stop at the first failure");
  set.flag("--keep-going", options.keep_going,
           "go on after three builds in a row failed for a reason that the rest share, such as a full disk");
  set.flag("-n,--dry-run", options.dry_run, "print order, estimates and what caches have; build nothing");
  set.group("How to build");
  set.text("--substituters", options.substituters, "URIS",
           "binary caches to take from instead of those that Nix is configured with");
  set.flag("--offline", options.offline, "ask no binary cache");
  set.group("Repairs and checks");
  set.flag("--fix-hashes", options.fix_hashes,
           "write hashes that Nix computed into the matrix file, and go on");
  set.flag("--fix", options.fix,
           "also apply the other safe repairs: fewer cores after the compiler was killed, one more try after "
           "a network failure");
  set.flag("--impossible", options.impossible, "also build what no machine can run, by the catalogue");
  set.flag("--no-verify", options.no_verify, "do not inspect the results");
  set.flag("--any-cpu", options.any_cpu,
           "also build on machines that cannot run the result; steps that run it may end with an illegal "
           "instruction");
  set.group("");
  set.flag("--wait", options.wait, "wait while another build is running in the same state folder");
  set.number("--heartbeat", options.heartbeat, "SECONDS",
             "without a terminal: seconds between progress lines [30]");
  set.choice("-f,--format", options.format, {"text", "json"}, "how to print; json: one event a line [text]");
}

std::vector<std::string> settings_of(const Options& options) {
  std::vector<std::string> settings = options.settings;
  if (!options.substituters.empty())
    settings.insert(settings.end(), {"substitute=true", "substituters=" + options.substituters});
  if (options.offline) settings.push_back("substitute=false");
  return settings;
}

DriverOptions driver_options(const Options& options) {
  return {.torchlathe = options.torchlathe,
          .nixpkgs = options.nixpkgs,
          .cores = static_cast<unsigned>(options.cores),
          .settings = settings_of(options),
          .flox_project = options.flox_project,
          .impossible = options.impossible,
          .any_cpu = options.any_cpu};
}

// This machine, and what remote builders answer.
Rows<BuilderIndex, Builder> find_builders(const Options& options, Terminal& terminal) {
  const std::uint64_t memory = options.memory > 0 ? options.memory << 30 : available_memory();
  Rows<BuilderIndex, Builder> builders = {this_builder(static_cast<unsigned>(options.jobs), memory)};
  const std::vector<NixMachine> machines = driver_named(options.driver).machines(options.builders);
  if (machines.empty() && options.jobs == 0)
    throw Error({.what = "--jobs 0 builds nothing here, and there are no builders",
                 .where = {},
                 .next = "name some: --builders"});
  if (machines.empty()) return builders;
  Progress progress(terminal);
  progress.show(fmt::format("probing {} builders", machines.size()));
  std::ranges::move(probe_builders(machines, run_process), std::back_inserter(builders));
  progress.done();
  builders.front().nix = nix_version(require_nix("nix-store")).text();
  terminal.out(options.format == "json" ? builders_json(builders) : builders_text(builders, terminal));
  terminal.flush();
  return builders;
}

std::vector<Variant> wanted_variants(const Options& options, const MatrixSpec& spec, const History& history) {
  // Killed before it had written down what it wants: then all is still wanted.
  const auto unfinished = options.resume ? history.unfinished() : std::nullopt;
  std::vector<Variant> variants =
      variants_to_build(options.filter, options.with_companions, spec, unfinished);
  if (!variants.empty() || options.resume) return variants;
  fail_no_variant(spec);
}

void open_compile_caches(const Jobs& jobs, DriverOptions& driver, Terminal& terminal) {
  const std::vector<std::string> folders = compile_caches(jobs);
  if (folders.empty()) return;
  for (const std::string& folder : folders) {
    if (const std::string trouble = prepare_compile_cache(folder); !trouble.empty())
      terminal.say(Tone::note, trouble + "\n");
  }
  driver.settings.push_back(sandbox_setting(folders));
}

ProgressKind progress_kind(const Options& options, const Terminal& terminal) {
  if (options.format == "json") return ProgressKind::json;
  if (terminal.quiet()) return ProgressKind::none;
  return terminal.shows_progress() && ::isatty(1) == 1 ? ProgressKind::table : ProgressKind::lines;
}

// A whole matrix can take days: on a terminal somebody says yes to it. A script has said it by calling.
bool agreed(const Options& options, const MatrixSpec& spec, const std::vector<Variant>& variants,
            const History& history, Terminal& terminal) {
  constexpr std::size_t many = 10;
  if (options.yes || options.dry_run || options.resume || !options.filter.names.empty() ||
      variants.size() <= many || options.format == "json" || !somebody_answers())
    return true;
  print_matrix_cost(matrix_cost(expand(spec), history.builds("", 1000)), terminal);
  terminal.out("--dry-run shows the order and what caches have; --gpu, --isa or names build a part\n");
  return says_yes(fmt::format("build {} variants?", variants.size()), terminal);
}

std::int64_t begin_run(History& history, const Options& options, const MatrixSpec& spec,
                       const std::vector<Variant>& variants) {
  std::vector<std::string> names;
  for (const Variant& variant : variants) names.push_back(variant.name);
  return history.begin_run(spec.name, options.driver, names);
}

// What a diagnosis lets us mend is mended and built again, as long as somebody says yes.
void build_and_mend(Jobs& jobs, const RunOptions& run, History& history, std::int64_t id,
                    BuildRepairs& repairs, const std::vector<std::string>& notes, const Options& options,
                    Terminal& terminal) {
  const auto fresh_progress = [&] {
    return make_progress(progress_kind(options, terminal), terminal, static_cast<double>(options.heartbeat));
  };
  const auto offered = [&] {
    return options.format == "text" && !StopOnSignals::asked() && repairs.offer(terminal);
  };
  auto progress = fresh_progress();
  for (const std::string& note : notes) progress->note(note);
  for (const Job& job : jobs) {
    if (job.state == JobState::skipped || job.state == JobState::failed) progress->finished(job);
  }
  run_builds(jobs, run, history, id, *progress);
  for (progress.reset(); offered(); progress.reset()) {
    progress = fresh_progress();
    run_builds(jobs, run, history, id, *progress);
  }
}

void dry_run(Jobs& jobs, RunOptions& run, const MatrixSpec& spec, const History& history,
             const Options& options, Terminal& terminal) {
  const Driver& driver = *run.driver;
  const bool asks = driver.asks_caches() && !options.offline;
  std::vector<CacheState> caches;
  if (asks) {
    caches = driver.caches(run.with);
    if (!std::ranges::all_of(caches, &std::string::empty, &CacheState::trouble))
      run.with.settings.push_back(answering_caches(caches));
  }
  const JobPlan plan = driver.plan(jobs, history, run.with);
  CacheReport report = driver.distances(jobs, std::move(caches), run.with);
  report.asked = asks;
  if (options.format == "json") return terminal.out(dry_run_json(jobs, plan, report));
  print_plan(jobs, plan, run.capacities, terminal);
  if (driver.asks_caches()) print_distances(report, terminal);
  print_matrix_cost(matrix_cost(expand(spec), history.builds("", 1000)), terminal);
}

int exit_code(const Jobs& jobs) {
  return std::ranges::any_of(jobs, [](const Job& job) { return is_bad(job.state); }) ? 1 : 0;
}

RunOptions run_options(const Options& options) {
  return {.state = options.state,
          .driver = &driver_named(options.driver),
          .with = driver_options(options),
          .fail_fast = options.fail_fast,
          .keep_going = options.keep_going,
          .verify = !options.no_verify,
          .copy_to = options.copy_to,
          .stop = &StopOnSignals::asked()};
}

// Evaluating may fetch a whole package set, and Ctrl-C must end that too.
ProcessResult stopped_by_signals(const Process& process) {
  if (process.stop) return run_process(process);
  Process stoppable = process;
  stoppable.stop = &StopOnSignals::asked();
  return run_process(stoppable);
}

// How often it says that it waits for Nix.
std::chrono::seconds pause_of(const Options& options) {
  constexpr std::chrono::seconds on_terminal{1};
  return ::isatty(STDERR_FILENO) == 1 ? on_terminal : std::chrono::seconds(options.heartbeat);
}

// Nix would say it of every recipe.
void check_nixpkgs(const std::string& folder) {
  if (folder.empty() || std::filesystem::exists(std::filesystem::path(folder) / "default.nix")) return;
  throw Error({.what = "there is no nixpkgs here: no default.nix",
               .where = {.file = folder},
               .next = "give a folder that holds a nixpkgs, or leave out --nixpkgs"});
}

// A matrix that silences pin-hash still takes what comes.
void say_unchecked(const Options& options, const MatrixSpec& spec, Terminal& terminal) {
  if (!options.nixpkgs.empty()) return;
  for (const auto& [name, pin] : spec.nixpkgs) {
    if (pin->sha256.value_or("").empty()) {
      terminal.say(
          Tone::note,
          safe_format("torchlathe: [nixpkgs.{}] has no sha256: Nix does not check the tarball\n", name));
    }
  }
}

int run(const Options& options, Terminal& terminal) {
  check_nixpkgs(options.nixpkgs);
  RunOptions run = run_options(options);
  run.driver->require();
  BuildRepairs repairs(options.matrix, options.fix_hashes && !options.dry_run,
                       options.fix && !options.dry_run, run);
  run.repair = [&](Job& job, const Diagnosis& diagnosis) { return repairs.mend(job, diagnosis); };
  MatrixSpec spec = repairs.load();
  say_assumptions(spec, terminal);
  const std::string cuda_toolkit = options.cuda_toolkit.checked(spec);
  const std::filesystem::path state = options.state;
  const StateLock lock(state, options.wait);
  History history(state / "history.db");
  history.mark_lost();
  const std::vector<Variant> variants = wanted_variants(options, spec, history);

  if (!agreed(options, spec, variants, history, terminal)) {
    terminal.out("nothing was built\n");
    return 0;
  }

  say_unchecked(options, spec, terminal);
  run.with.cuda_toolkit = cuda_toolkit;
  run.with.builders = find_builders(options, terminal);
  run.capacities = capacities_of(run.with.builders);

  // Written down before anything that takes time, so that --resume knows it, whenever we are killed.
  const std::int64_t id = options.dry_run ? 0 : begin_run(history, options, spec, variants);

  const StopOnSignals signals;
  run.with.run = stopped_by_signals;
  std::vector<std::string> notes;
  Jobs jobs = [&] {
    const Heartbeat waiting(terminal, fmt::format("Nix evaluates {} recipes", variants.size()),
                            pause_of(options));
    return repairs.make_mended_jobs(spec, variants, notes);
  }();
  repairs.watch(jobs);
  if (options.dry_run) {
    dry_run(jobs, run, spec, history, options, terminal);
    return exit_code(jobs);
  }
  {
    const Heartbeat waiting(terminal, "Nix lists what to build", pause_of(options));
    run.driver->plan(jobs, history, run.with);
  }
  open_compile_caches(jobs, run.with, terminal);
  build_and_mend(jobs, run, history, id, repairs, notes, options, terminal);
  history.end_run(id);
  if (options.format == "text") print_result(jobs, terminal);
  return exit_code(jobs);
}

}  // namespace build_command

std::unique_ptr<BoundCommand> command_build() {
  return bind_command(build_command::declare, build_command::run);
}

}  // namespace lathe
