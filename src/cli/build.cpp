// SPDX-License-Identifier: MIT
// `torchlathe build`: a matrix to built, verified store paths, with every failure explained.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <iostream>
#include <set>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "jobs/cache_distance.h"
#include "jobs/compile_cache.h"
#include "jobs/matrix_cost.h"
#include "jobs/plan_jobs.h"
#include "jobs/progress.h"
#include "jobs/run.h"
#include "jobs/state_lock.h"
#include "cli/build_repairs.h"
#include "cli/commands.h"
#include "cli/cuda_toolkit_option.h"
#include "cli/matrix_option.h"
#include "nix/nix.h"
#include "os/file.h"
#include "jobs/builders/process_tree.h"
#include "report/builders.h"
#include "report/table.h"

namespace lathe {
namespace {

struct Options {
  MatrixOption matrix;
  VariantFilter filter;
  CudaToolkitOption cuda_toolkit;
  std::string state = ".torchlathe";
  std::string driver = "nix";
  std::string substituters, nixpkgs, torchlathe, builders = "@/etc/nix/machines", copy_to, flox_project = ".";
  std::vector<std::string> settings;
  std::uint64_t jobs = 1, cores = 0, memory = 0, heartbeat = 30;
  std::string format = "text";
  bool offline = false, resume = false, with_companions = false, fail_fast = false, dry_run = false,
       fix_hashes = false, fix = false, no_verify = false, wait = false, impossible = false, any_cpu = false;
};

void declare(OptionSet& set, Options& options) {
  set.positionals("name", options.filter.names, "names, or globs over names", ValueKind::variant, false);
  options.matrix.declare(set);
  options.filter.declare(set);
  set.text("--state", options.state, "DIR", "recipes, logs, result links and history [.torchlathe]",
           ValueKind::folder);
  set.choice("--driver", options.driver, {"nix", "flox"}, "what builds [nix]");
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
  set.flag("--with-companions", options.with_companions,
           "with each PyTorch also the torchvision and torchaudio that follow it");
  set.flag("--resume", options.resume, "go on with what the last run has not built");
  set.flag("--fail-fast", options.fail_fast, "stop at the first failure");
  set.flag("-n,--dry-run", options.dry_run, "print order, estimates and what caches have; build nothing");
  set.text("--substituters", options.substituters, "URIS",
           "binary caches to take from instead of those that Nix is configured with");
  set.flag("--offline", options.offline, "ask no binary cache");
  set.flag("--fix-hashes", options.fix_hashes,
           "put hashes that Nix computed into the matrix file, and go on");
  set.flag("--fix", options.fix,
           "also the other repairs that are certain: fewer cores after the compiler was killed, again after "
           "a network failure");
  set.flag("--impossible", options.impossible, "build also what the catalogue says no machine can run");
  set.flag("--no-verify", options.no_verify, "do not look into the results");
  set.flag(
      "--any-cpu", options.any_cpu,
      "build also where the result cannot run: what a build runs of it may end with an illegal instruction");
  set.flag("--wait", options.wait, "wait while another build works in the same state folder");
  set.number("--heartbeat", options.heartbeat, "SECONDS",
             "in a pipe: how often a running build says so [30]");
  set.choice("-f,--format", options.format, {"text", "json"}, "how to print; json: one event a line [text]");
}

std::atomic<bool> stop_asked = false;

// Ctrl-C asks once; the children are ended, the history is written. A second one ends this program as usual.
class StopOnSignals {
 public:
  StopOnSignals() {
    stop_asked = false;
    struct sigaction action {};
    action.sa_handler = [](int) { stop_asked = true; };
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    ::sigaction(SIGINT, &action, &interrupt_);
    ::sigaction(SIGTERM, &action, &terminate_);
  }
  ~StopOnSignals() {
    ::sigaction(SIGINT, &interrupt_, nullptr);
    ::sigaction(SIGTERM, &terminate_, nullptr);
  }
  StopOnSignals(const StopOnSignals&) = delete;
  StopOnSignals& operator=(const StopOnSignals&) = delete;

 private:
  struct sigaction interrupt_ {
  }, terminate_{};
};

std::vector<std::string> settings_of(const Options& options) {
  std::vector<std::string> settings = options.settings;
  if (!options.substituters.empty())
    settings.insert(settings.end(), {"substitute=true", "substituters=" + options.substituters});
  if (options.offline) settings.push_back("substitute=false");
  return settings;
}

DriverOptions driver_options(const Options& options) {
  return {.kind = options.driver,
          .torchlathe = options.torchlathe,
          .nixpkgs = options.nixpkgs,
          .cores = static_cast<unsigned>(options.cores),
          .settings = settings_of(options),
          .flox_project = options.flox_project,
          .impossible = options.impossible,
          .any_cpu = options.any_cpu};
}

// This machine, and what remote builders answer.
std::vector<Builder> find_builders(const Options& options, Terminal& terminal) {
  const std::uint64_t memory = options.memory > 0 ? options.memory << 30 : available_memory();
  std::vector<Builder> builders = {this_builder(static_cast<unsigned>(options.jobs), memory)};
  const std::vector<NixMachine> machines =
      options.driver == "nix" ? read_machines(options.builders) : std::vector<NixMachine>{};
  if (machines.empty() && options.jobs == 0)
    throw Error({.what = "--jobs 0 builds nothing here, and there are no builders",
                 .where = {},
                 .next = "name some: --builders"});
  if (machines.empty()) return builders;
  Progress progress(terminal);
  progress.show(fmt::format("asking {} builders what they are", machines.size()));
  std::ranges::move(probe_builders(machines, run_process), std::back_inserter(builders));
  progress.done();
  builders.front().nix = nix_version(require_nix("nix-store")).text();
  terminal.out(options.format == "json" ? builders_json(builders) : builders_text(builders, terminal));
  terminal.flush();
  return builders;
}

std::vector<MachineRoom> rooms_of(const std::vector<Builder>& builders) {
  std::vector<MachineRoom> rooms;
  for (const Builder& builder : builders) {
    rooms.push_back({.slots = builder.problem.empty() ? builder.machine.max_jobs : 0,
                     .memory = builder.memory_free,
                     .speed = std::max(0.01, builder.machine.speed)});
  }
  return rooms;
}

std::vector<Variant> wanted_variants(const Options& options, const MatrixSpec& spec, const History& history) {
  // Killed before it had written down what it wants: then all is still wanted.
  const auto names = options.resume ? history.unfinished() : std::nullopt;
  const std::set<std::string> unfinished =
      names ? std::set(names->begin(), names->end()) : std::set<std::string>();
  const Match match = options.filter.match();
  std::vector<Variant> variants;
  std::string torch;  // the PyTorch that was taken last: its companions follow it
  expand(spec, [&](const Variant& variant) {
    const bool open = !names || unfinished.contains(variant.name);
    const bool follows = options.with_companions && variant.companion && variant.torch == torch;
    if (!open || !(follows || matches(match, variant))) return true;
    if (!variant.companion) torch = variant.name;
    variants.push_back(variant);
    return true;
  });
  if (options.with_companions && spec.companions.empty()) {
    throw Error({.what = "this matrix has no companions",
                 .where = {.file = spec.file},
                 .next = "add companions = [\"torchvision\", \"torchaudio\"] under [matrix]"});
  }
  if (variants.empty() && !options.resume)
    throw Error({.what = "no variant of this matrix is meant by these names and filters",
                 .where = {},
                 .next = "torchlathe list shows them"});
  return variants;
}

void print_plan(const std::vector<Job>& jobs, const JobPlan& plan, const std::vector<MachineRoom>& rooms,
                Terminal& terminal) {
  std::vector<JobCost> costs;
  for (const Job& job : jobs) {
    if (job.state == JobState::waiting) costs.push_back(job.cost);
  }
  Table table({"order", "what", "estimate", "memory", "why"});
  table.align_right(0);
  std::size_t order = 0, guesses = 0;
  double low = 0, high = 0;
  std::vector<JobCost> all;
  for (const Job& job : jobs) all.push_back(job.cost);
  for (const std::size_t index : start_order(all)) {
    const Job& job = jobs[index];
    if (job.state != JobState::waiting) continue;
    const Estimate& estimate = job.estimate;
    const bool there = job.held != Held::nowhere;
    const std::string time = job.held == Held::store   ? "in the store"
                             : job.held == Held::cache ? "in a cache"
                             : estimate.samples == 0
                                 ? "not known"
                                 : fmt::format("{} ({} to {})", duration_text(estimate.seconds),
                                               duration_text(estimate.low), duration_text(estimate.high));
    const std::string source = there                   ? ""
                               : job.cost.shared       ? "several need it"
                               : estimate.same_variant ? fmt::format("{} earlier builds", estimate.samples)
                               : estimate.samples > 0  ? fmt::format("{} builds of others", estimate.samples)
                                                       : "never built";
    guesses += !there && estimate.samples == 0;
    low += there ? 0 : estimate.low;
    high += there ? 0 : estimate.high;
    table.add({std::to_string(++order), job.name, time, job.cost.bytes > 0 ? bytes_text(job.cost.bytes) : "",
               source});
  }
  terminal.out(table.text(terminal));
  for (const Job& job : jobs) {
    if (job.state == JobState::skipped || job.state == JobState::failed)
      terminal.print("{:8}{}: {}\n", to_string(job.state), job.name, printable(job.reason));
  }
  terminal.print("{} of {} to build, {} store paths to fetch; {} in all ({} to {} one after another){}\n",
                 plan.to_build, order, plan.fetch.size(), duration_text(expected_makespan(costs, rooms)),
                 duration_text(low), duration_text(high),
                 guesses > 0 ? fmt::format("; {} of them not known", guesses) : "");
}

std::string span_text(const Span& span, bool seconds) {
  if (!seconds)
    return fmt::format("{:.1f} ({:.1f} to {:.1f}) times one build", span.middle, span.low, span.high);
  if (span.high < 600)
    return fmt::format("{0:.{3}f} s ({1:.{3}f} to {2:.{3}f})", span.middle, span.low, span.high,
                       span.middle < 10 ? 1 : 0);
  return fmt::format("{} ({} to {})", duration_text(span.middle), duration_text(span.low),
                     duration_text(span.high));
}

void print_fetches(const JobPlan& plan, Terminal& terminal) {
  if (plan.fetch.empty()) return;
  constexpr std::size_t most = 12;
  std::string text;
  for (std::size_t i = 0; i < std::min(most, plan.fetch.size()); ++i)
    text += fmt::format("{}{}", i == 0 ? "" : ", ", printable(plan.fetch[i]));
  if (plan.fetch.size() > most) text += fmt::format(" and {} more", plan.fetch.size() - most);
  terminal.print("a cache has {}\n", text);
}

constexpr std::string_view held_texts[] = {"in the store", "in a cache", "to build",
                                           "not known: a cache does not answer"};
constexpr std::string_view held_states[] = {"store", "cache", "build", "unknown"};

std::string inputs_text(const CacheDistance& variant) {
  std::string text;
  for (std::size_t i = 0; i < std::size(held_states); ++i) {
    const auto count = std::ranges::count(variant.inputs, held_states[i], &CacheInput::state);
    if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, held_texts[i]);
  }
  return text;
}

std::string base_text(const CacheInput& base) {
  for (std::size_t i = 0; i < std::size(held_states); ++i) {
    if (base.state == held_states[i])
      return base.cache.empty() ? std::string(held_texts[i]) : fmt::format("in {}", base.cache);
  }
  return base.state;
}

void print_distances(const CacheReport& report, Terminal& terminal) {
  if (!report.asked) terminal.out("no binary cache was asked (--offline)\n");
  for (const CacheState& cache : report.caches) {
    if (cache.trouble.empty()) terminal.print("cache {} answers\n", printable(cache.uri));
    else
      terminal.print("{} {} does not answer, what it has is not known: {}\n",
                     terminal.styled(Style::yellow, "cache"), printable(cache.uri), printable(cache.trouble));
  }
  if (report.variants.empty()) return;
  Table table({"cache distance", "to build", "to fetch", "download", "unpacked", "its inputs"});
  for (std::size_t column = 1; column < 5; ++column) table.align_right(column);
  for (const CacheDistance& each : report.variants) {
    table.add({each.name, std::to_string(each.build), std::to_string(each.fetch),
               each.download > 0 ? bytes_text(each.download) : "",
               each.unpacked > 0 ? bytes_text(each.unpacked) : "", inputs_text(each)});
  }
  terminal.out(table.text(terminal));
  for (const CacheBase& base : report.bases) {
    terminal.print("{} variant{} cut out of nixpkgs' own {}: {}\n", base.variants,
                   base.variants == 1 ? " is" : "s are", printable(base.package.name),
                   printable(base_text(base.package)));
  }
}

void write_distance(JsonWriter& json, const CacheDistance& each) {
  json.begin_object()
      .member("name", each.name)
      .member("state", each.state)
      .member("build", each.build)
      .member("fetch", each.fetch);
  json.member("download_bytes", each.download)
      .member("unpacked_bytes", each.unpacked)
      .member("to_build", each.to_build)
      .key("inputs")
      .begin_array();
  for (const CacheInput& input : each.inputs) {
    json.begin_object()
        .member("name", input.name)
        .member("state", input.state)
        .member("cache", input.cache)
        .end_object();
  }
  json.end_array().end_object();
}

// All of a dry run: order and estimates, and how far each variant is from a cache.
std::string dry_run_json(const std::vector<Job>& jobs, const JobPlan& plan, const CacheReport& report) {
  JsonWriter json;
  json.begin_object().member("asked", report.asked).key("caches").begin_array();
  for (const CacheState& cache : report.caches) {
    json.begin_object()
        .member("uri", cache.uri)
        .member("answers", cache.trouble.empty())
        .member("trouble", cache.trouble)
        .end_object();
  }
  json.end_array().key("bases").begin_array();
  for (const CacheBase& base : report.bases) {
    json.begin_object()
        .member("name", base.package.name)
        .member("state", base.package.state)
        .member("cache", base.package.cache);
    json.member("variants", base.variants).end_object();
  }
  json.end_array().key("jobs").begin_array();
  for (const Job& job : jobs) {
    json.begin_object()
        .member("name", job.name)
        .member("state", to_string(job.state))
        .member("reason", job.reason)
        .member("derivation", job.derivation);
    json.member("held", job.held == Held::store   ? "store"
                        : job.held == Held::cache ? "cache"
                                                  : "nowhere")
        .member("seconds", job.estimate.seconds);
    json.member("bytes", job.cost.bytes).end_object();
  }
  json.end_array().key("variants").begin_array();
  for (const CacheDistance& each : report.variants) write_distance(json, each);
  json.end_array()
      .key("summary")
      .begin_object()
      .member("to_build", plan.to_build)
      .member("to_fetch", plan.fetch.size());
  return json.end_object().end_object().take();
}

// What all of the matrix would cost by each strategy, whatever part of it was asked for.
void print_matrix_cost(const MatrixSpec& spec, const History& history, Terminal& terminal) {
  const MatrixCost cost = matrix_cost(expand(spec), history.builds("", 1000));
  const bool known = cost.samples > 0;
  Table table({"strategy", "builds", "carves", "estimate"});
  table.align_right(1);
  table.align_right(2);
  for (const StrategyCost& each : cost.strategies) {
    table.add({each.strategy, std::to_string(each.builds), each.carves > 0 ? std::to_string(each.carves) : "",
               span_text(each.cost, known)});
  }
  terminal.print("\nthe whole matrix, {} variants one after another:\n", cost.variants);
  terminal.out(table.text(terminal));
  if (!known)
    return terminal.out(
        "no build for a GPU was measured yet: this counts builds for one GPU, and guesses what part of one "
        "is device code\n");
  terminal.print("from {} measured builds; a carve takes {}, {}\n", cost.samples, span_text(cost.carve, true),
                 cost.carve_samples > 0 ? fmt::format("by {} measured ones", cost.carve_samples) : "a guess");
}

void print_why(const Job& job, Terminal& terminal) {
  terminal.print("\n{} {}: {}\n", terminal.styled(Style::red, to_string(job.state)),
                 terminal.styled(Style::bold, job.name), printable(job.reason));
  for (const Finding& finding : job.breaches)
    terminal.print("  {} [{}]\n", printable(finding.what), finding.rule);
  for (const Diagnosis& diagnosis : job.why) {
    terminal.print("  {} [{}]\n", printable(diagnosis.finding.what), diagnosis.finding.rule);
    for (const Evidence& line : diagnosis.finding.evidence)
      terminal.print("    {}: {}\n", line.where.line, line.what);
    terminal.print("    cause:  {}\n    repair: {}\n", diagnosis.finding.cause, diagnosis.finding.fix);
  }
  if (!job.log.empty()) terminal.print("  log: torchlathe history log {}\n", job.name);
}

int conclude(const std::vector<Job>& jobs, const Options& options, Terminal& terminal) {
  std::map<JobState, std::size_t> count;
  for (const Job& job : jobs) {
    if (job.variant) ++count[job.state];
    if (options.format == "text" && (job.state == JobState::failed || job.state == JobState::lying))
      print_why(job, terminal);
  }
  std::string text;
  for (const auto& [state, number] : count)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", number, to_string(state));
  if (options.format == "text") terminal.print("{}\n", text.empty() ? "nothing to build" : text);
  return std::ranges::any_of(jobs, [](const Job& job) { return is_bad(job.state); }) ? 1 : 0;
}

void open_compile_caches(const std::vector<Job>& jobs, DriverOptions& driver, Terminal& terminal) {
  const std::vector<std::string> folders = compile_caches(jobs);
  if (folders.empty()) return;
  for (const std::string& folder : folders) {
    if (const std::string trouble = prepare_compile_cache(folder); !trouble.empty())
      terminal.err(trouble + "\n");
  }
  driver.settings.push_back(sandbox_setting(folders));
}

ProgressKind progress_kind(const Options& options, const Terminal& terminal) {
  if (options.format == "json") return ProgressKind::json;
  return terminal.err_is_terminal() && ::isatty(1) == 1 ? ProgressKind::table : ProgressKind::lines;
}

std::int64_t begin_run(History& history, const Options& options, const MatrixSpec& spec,
                       const std::vector<Variant>& variants) {
  std::vector<std::string> names;
  for (const Variant& variant : variants) names.push_back(variant.name);
  return history.begin_run(spec.name, options.driver, names);
}

// Internal JSON in the form that nix/events.h reads, and `nix-store --add-root --indirect` with a link for
// each output.
void require_new_nix() {
  const NixVersion version = nix_version(require_nix("nix-store"));
  if (version.flavour != "Nix" || version.major > 2 || (version.major == 2 && version.minor >= 8)) return;
  throw Error({.what = fmt::format("{} is too old to build with: it takes 2.8 or newer", version.text()),
               .where = {},
               .next = "install a newer one (https://nixos.org/download)",
               .kind = ErrorKind::fault});
}

// After all has ended, on a terminal: each hash that can be mended is shown, and mended when the answer is
// yes. True when something is to be built again.
bool offer_repairs(std::vector<Job>& jobs, BuildRepairs& repairs, const Options& options,
                   Terminal& terminal) {
  if (options.format != "text" || stop_asked || ::isatty(STDIN_FILENO) != 1 || ::isatty(STDERR_FILENO) != 1)
    return false;
  bool again = false;
  for (Job& job : jobs) {
    if (job.state != JobState::failed || job.why.empty() || job.why.front().finding.rule != "hash-mismatch")
      continue;
    const std::string change = repairs.hash_change(job, job.why.front());
    if (change.empty() && !again) continue;  // else it may have been mended for another
    if (!change.empty()) {
      terminal.err(safe_format("{}\n  {}\n  write this into the matrix file and build again? [y/N] ",
                               job.name, change));
      std::string answer;
      if (!std::getline(std::cin, answer) || (answer != "y" && answer != "yes")) continue;
    }
    if (repairs.mend_hash(job, job.why.front()).empty()) continue;
    job.state = JobState::waiting;
    job.reason.clear();
    job.why.clear();
    job.attempts = 0;
    again = true;
  }
  return again;
}

// The same variants of a matrix that has changed.
std::vector<Variant> read_again(const std::vector<Variant>& variants, const MatrixSpec& spec) {
  std::set<std::string_view> names;
  for (const Variant& variant : variants) names.insert(variant.name);
  std::vector<Variant> same;
  expand(spec, [&](const Variant& variant) {
    if (names.contains(variant.name)) same.push_back(variant);
    return true;
  });
  return same;
}

// Evaluation tells the hashes of tarballs one at a time; each that is mended is a note.
std::vector<Job> make_mended_jobs(MatrixSpec& spec, const std::vector<Variant>& variants,
                                  const RunOptions& run, BuildRepairs& repairs,
                                  std::vector<std::string>& notes) {
  std::vector<Job> jobs = make_jobs(spec, variants, run.state, run.driver);
  repairs.watch(jobs);
  constexpr std::size_t most = 16;
  for (std::string note = repairs.mend_evaluation(); !note.empty() && notes.size() < most;
       note = repairs.mend_evaluation()) {
    notes.push_back(note);
    spec = repairs.load();
    jobs = make_jobs(spec, read_again(variants, spec), run.state, run.driver);
  }
  return jobs;
}

int run(const Options& options, Terminal& terminal) {
  if (options.driver == "nix") require_new_nix();
  RunOptions run{.state = options.state,
                 .driver = driver_options(options),
                 .fail_fast = options.fail_fast,
                 .verify = !options.no_verify,
                 .copy_to = options.copy_to,
                 .stop = &stop_asked};
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

  run.driver.cuda_toolkit = cuda_toolkit;
  run.driver.builders = find_builders(options, terminal);
  run.rooms = rooms_of(run.driver.builders);

  // Written down before anything that takes time, so that --resume knows it, whenever we are killed.
  const std::int64_t id = options.dry_run ? 0 : begin_run(history, options, spec, variants);

  const StopOnSignals signals;
  std::vector<std::string> notes;
  std::vector<Job> jobs = make_mended_jobs(spec, variants, run, repairs, notes);
  repairs.watch(jobs);
  std::vector<CacheState> caches;
  if (options.dry_run && options.driver == "nix" && !options.offline) {
    caches = ask_caches(run.driver);
    if (!std::ranges::all_of(caches, &std::string::empty, &CacheState::trouble))
      run.driver.settings.push_back(answering_caches(caches));
  }
  JobPlan plan;
  if (options.driver == "nix") plan = complete_plan(jobs, history, run.driver);
  if (options.dry_run) {
    CacheReport report;
    if (options.driver == "nix") report = cache_report(jobs, std::move(caches), run.driver);
    report.asked = options.driver == "nix" && !options.offline;
    if (options.format == "json") {
      terminal.out(dry_run_json(jobs, plan, report));
    } else {
      print_plan(jobs, plan, run.rooms, terminal);
      print_fetches(plan, terminal);
      if (options.driver == "nix") print_distances(report, terminal);
      print_matrix_cost(spec, history, terminal);
    }
    return std::ranges::any_of(jobs, [](const Job& job) { return is_bad(job.state); }) ? 1 : 0;
  }
  open_compile_caches(jobs, run.driver, terminal);
  auto progress =
      make_progress(progress_kind(options, terminal), terminal, static_cast<double>(options.heartbeat));
  for (const std::string& note : notes) progress->note(note);
  for (const Job& job : jobs) {
    if (job.state == JobState::skipped || job.state == JobState::failed) progress->finished(job);
  }
  run_builds(jobs, run, history, id, *progress);
  for (progress.reset(); offer_repairs(jobs, repairs, options, terminal); progress.reset()) {
    progress =
        make_progress(progress_kind(options, terminal), terminal, static_cast<double>(options.heartbeat));
    run_builds(jobs, run, history, id, *progress);
  }
  history.end_run(id);
  return conclude(jobs, options, terminal);
}

}  // namespace

std::unique_ptr<BoundCommand> command_build() { return bind_command(declare, run); }

}  // namespace lathe
