// SPDX-License-Identifier: MIT
#include "jobs/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <ctime>
#include <exception>
#include <iterator>
#include <map>
#include <mutex>
#include <set>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/finding.h"
#include "base/text.h"
#include "diagnose/diagnose.h"
#include "jobs/build_told.h"
#include "jobs/check_result.h"
#include "jobs/compile_cache.h"
#include "jobs/log_file.h"
#include "diagnose/log_text.h"
#include "nix/events.h"
#include "nix/nix.h"
#include "os/file.h"
#include "jobs/builders/process_tree.h"
#include "os/process.h"

namespace lathe {

std::string_view to_string(JobState state) {
  switch (state) {
    case JobState::waiting: return "waiting";
    case JobState::running: return "running";
    case JobState::built: return "built";
    case JobState::cached: return "cached";
    case JobState::failed: return "failed";
    case JobState::mismatch: return "mismatch";
    case JobState::stopped: return "stopped";
    case JobState::skipped: return "skipped";
  }
  return "";
}

namespace {

using Clock = std::chrono::steady_clock;
constexpr auto tick_interval = std::chrono::milliseconds(200);
constexpr unsigned most_attempts = 4;
constexpr unsigned most_of_one_cause = 3;  // one may be chance, and a source may come back
constexpr int warning_level = 1;           // of Nix' messages

std::uint64_t size_of(const std::vector<std::string>& paths) {
  std::uint64_t sum = 0;
  std::error_code error;
  for (const std::string& path : paths) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path, error)) {
      if (entry.is_regular_file(error) && !entry.is_symlink(error)) sum += entry.file_size(error);
    }
  }
  return sum;
}

// What it is cut out of.
std::string origin_of(const Job& job) {
  if (!job.variant) return "";
  return job.variant->of_nixpkgs ? "nixpkgs" : job.variant->carved_from;
}

// The first that is wrong with it; an empty one when nothing is.
Finding first_finding(const Job& job) {
  if (!job.breaches.empty()) return job.breaches.front();
  return job.why.empty() ? Finding{} : job.why.front().finding;
}

// What one run of a job's process left.
struct Attempt {
  ProcessResult result;
  std::string kept;  // lines that are no events
  std::vector<Diagnosis> why;
  bool built_something = false;
};

class Runner {
 public:
  Runner(Jobs& jobs, const RunOptions& options, History& history, std::int64_t run, BuildObserver& observer)
      : jobs_(jobs),
        options_(options),
        history_(history),
        run_(run),
        observer_(observer),
        capacities_(options.capacities) {
    for (const Job& job : jobs_) costs_.push_back(job.cost);
  }

  void run() {
    create_folders(options_.state / "logs");
    create_folders(options_.state / "results");
    for (const JobIndex index : start_order(costs_)) {
      if (jobs_[index].state == JobState::waiting) waiting_.push_back(index);
    }
    std::unique_lock lock(mutex_);
    while (!waiting_.empty() || !running_.empty()) {
      join_ended();
      if (options_.stop && options_.stop->load()) stop_children_ = true;
      if (stopping() || !shared_cause_.empty()) stop_waiting();
      guarded([&] {
        fail_without_room();
        start_what_fits(lock);
      });
      changed_.wait_for(lock, tick_interval);
      guarded([&] {
        measure_memory();
        observer_.tick(jobs_);
      });
    }
    join_ended();
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  // What goes wrong in here (standard output is full, no memory) ends the run: no more jobs start, those
  // that run are stopped and written down, and run() throws it at the end. Under the lock.
  template <typename Step>
  void guarded(const Step& step) noexcept {
    try {
      step();
    } catch (...) {
      if (!failure_) failure_ = std::current_exception();
      ended_early_ = stop_children_ = true;
    }
  }

  bool stopping() const { return ended_early_ || (options_.stop && options_.stop->load()); }

  void stop_waiting() {
    for (const JobIndex index : waiting_) {
      jobs_[index].state = JobState::stopped;
      jobs_[index].reason = stop_reason();
    }
    waiting_.clear();
  }

  std::string stop_reason() const {
    if (!shared_cause_.empty()) return "it would fail too: " + shared_cause_;
    return ended_early_ && !failure_ ? "another build failed (--fail-fast)" : "stopped before it started";
  }

  // A full disk, a source that is gone: the builds that wait on this builder would end the same way, each
  // after its own long wait.
  void count_shared_cause(const Job& job) {
    const bool failed = job.state == JobState::failed && !job.why.empty();
    const std::string cause = failed ? job.why.front().shared : "";
    auto& [last, times] = causes_in_a_row_[job.builder_index];
    times = cause == last ? times + 1 : 1;
    last = cause;
    if (cause.empty() || times < most_of_one_cause || options_.keep_going || waiting_.empty()) return;
    const Finding& finding = job.why.front().finding;
    capacities_[job.builder_index].slots = 0;
    const bool others = std::ranges::any_of(capacities_, [](const Capacity& one) { return one.slots > 0; });
    if (!others) shared_cause_ = finding.what;
    observer_.note(fmt::format(
        "{} builds in a row failed for one reason{}: {}; {}\n  fix: {}; then: torchlathe build --resume "
        "(--keep-going does not stop)",
        times, others ? " on " + job.builder : "", printable(finding.what),
        others ? "it gets no more builds" : fmt::format("the other {} are not started", waiting_.size()),
        printable(finding.fix)));
  }

  // All builders that could take it are gone.
  void fail_without_room() {
    std::vector<JobIndex> homeless;
    std::ranges::copy_if(waiting_, std::back_inserter(homeless),
                         [&](JobIndex index) { return !may_ever_start(costs_[index], capacities_); });
    for (const JobIndex index : homeless) {
      std::erase(waiting_, index);
      jobs_[index].state = JobState::failed;
      jobs_[index].reason = "no builder that can take it is left";
      observer_.finished(jobs_[index]);
    }
  }

  // A job has a thread of its own; where no more are to be had (the pids limit of a container), it waits
  // until one ends, and the only one runs on this thread.
  void start_what_fits(std::unique_lock<std::mutex>& lock) {
    while (const auto next = next_to_start(costs_, waiting_, running_, capacities_)) {
      std::erase(waiting_, next->job);
      running_.push_back(*next);
      Job& job = jobs_[next->job];
      job.builder_index = next->builder;
      if (options_.with.builders.size() > 1) job.builder = options_.with.builders[next->builder].name;
      job.state = JobState::running;
      job.started = Clock::now();
      const bool threaded = start_thread(next->job);  // its work waits for the lock
      if (!threaded && running_.size() > 1) return put_back(*next);
      guarded([&] { observer_.started(job); });
      if (threaded) continue;
      lock.unlock();
      work(next->job);
      lock.lock();
    }
  }

  bool start_thread(JobIndex index) {
    try {
      std::thread& thread = threads_[index];
      thread = std::thread([this, index] { work(index); });
      return true;
    } catch (const std::system_error&) {
      threads_.erase(index);
      return false;
    }
  }

  void put_back(const Start& start) {
    std::erase_if(running_, [&](const Start& other) { return other.job == start.job; });
    waiting_.insert(waiting_.begin(), start.job);
    jobs_[start.job].state = JobState::waiting;
  }

  // A thread that nobody joins keeps its stack, and a matrix may have thousands. What has ended needs the
  // lock no more.
  void join_ended() {
    for (const JobIndex index : ended_) {
      const auto thread = threads_.find(index);
      if (thread == threads_.end()) continue;  // it ran on this one
      thread->second.join();
      threads_.erase(thread);
    }
    ended_.clear();
  }

  void measure_memory() {
    std::map<JobIndex, int> processes;
    std::vector<int> roots;
    for (const auto& [index, builder] : running_) {
      if (builder != here) continue;  // what another machine uses cannot be seen
      const std::string& word = jobs_[index].derivation.empty() ? jobs_[index].name : jobs_[index].derivation;
      if (const int id = child_with(word); id != 0) roots.push_back(processes[index] = id);
    }
    const auto sums = resident_of_trees(roots);
    for (const auto& [index, id] : processes) {
      Job& job = jobs_[index];
      job.now_bytes = sums.at(id);
      job.peak_bytes = std::max(job.peak_bytes, job.now_bytes);
    }
  }

  void work(JobIndex index) {
    Job& job = jobs_[index];
    BuildRecord record{.run = run_,
                       .variant = job.name,
                       .started = std::time(nullptr),
                       .status = "running",
                       .derivation = job.derivation,
                       .carved_from = origin_of(job)};
    try {
      const std::string again = job.attempts > 0 ? fmt::format("-{}", job.attempts + 1) : "";
      record.log = job.log = fmt::format("logs/{}-{}-{}{}.log.zst", job.name, run_, index.value, again);
      {
        const std::lock_guard lock(mutex_);
        record.id = history_.begin_build(record);
      }
      build(job);
    } catch (const std::exception& error) {
      const std::lock_guard lock(mutex_);
      job.state = JobState::failed;
      job.reason = error.what();
    }
    const std::lock_guard lock(mutex_);
    guarded([&] { finish(index, job, record); });
    ended_.push_back(index);
    std::erase_if(running_, [&](const Start& start) { return start.job == index; });
    changed_.notify_all();
  }

  void build(Job& job) {
    LogFile log(options_.state / job.log);
    while (true) {
      ++job.attempts;
      Attempt attempt = run_once(job, log);
      if (attempt.result.ok()) {
        take_result(job, attempt);
        if (!attempt.built_something && options_.driver->tells_builds() && job.attempts == 1)
          return drop_log(job);
        break;
      }
      if (stopping()) {
        set_state(job, JobState::stopped, "stopped");
        break;
      }
      if (job.builder_index != here && lost_builder(job, attempt)) break;
      std::string repaired;
      if (options_.repair && !attempt.why.empty() && job.attempts < most_attempts) {
        const std::lock_guard lock(mutex_);  // it may change the matrix file and evaluate again
        repaired = options_.repair(job, attempt.why.front());
        if (!repaired.empty()) observer_.note(fmt::format("{}: {}", job.name, repaired));
      }
      if (repaired.empty()) {
        const std::string reason =
            attempt.why.empty() ? attempt.result.ending() : attempt.why.front().finding.what;
        job.why = std::move(attempt.why);
        set_state(job, JobState::failed, reason);
        break;
      }
      log.line("torchlathe: " + repaired);
    }
    log.close();
  }

  // Was it the builder and not the build? Then the job waits again, for another; a builder that does not
  // answer gets no more jobs.
  bool lost_builder(Job& job, const Attempt& attempt) {
    const Builder& builder = options_.with.builders[job.builder_index];
    const bool gone = !answers(builder, options_.with.run);
    const bool broke = !attempt.why.empty() && attempt.why.front().finding.rule == "builder-lost";
    const std::lock_guard lock(mutex_);
    if (!gone && !(broke && job.attempts < most_attempts)) return false;
    if (gone && capacities_[job.builder_index].slots > 0) {
      capacities_[job.builder_index].slots = 0;
      observer_.note(fmt::format("{} no longer answers: it gets no more jobs", builder.name));
    }
    observer_.note(fmt::format("{}: again{}, after {} {}", job.name, gone ? " on another builder" : "",
                               builder.name, gone ? "was lost" : "broke the connection"));
    job.state = JobState::waiting;
    job.reason = fmt::format("the builder {} was lost", builder.name);
    return true;
  }

  // Of a job that the store had: an older log tells more.
  void drop_log(Job& job) {
    std::error_code error;
    std::filesystem::remove(options_.state / job.log, error);
    const std::lock_guard lock(mutex_);
    job.log.clear();
  }

  void set_state(Job& job, JobState state, std::string reason) {
    const std::lock_guard lock(mutex_);
    job.state = state;
    job.reason = std::move(reason);
  }

  Attempt run_once(Job& job, LogFile& log) {
    Attempt attempt;
    Diagnoser diagnoser(job.name);
    // A warning of Nix itself is never why a build failed; its line still counts, so that evidence is found
    // in the log.
    const auto say = [&](const std::string& text, bool is_warning) {
      log.line(text);
      if (!is_warning) diagnoser.feed(text);
      diagnoser.feed("\n");
    };
    Process process = options_.driver->process(job, job.variant ? options_.state / "results" / job.name : "",
                                               options_.with);
    process.stop = &stop_children_;
    process.on_line = [&](Stream stream, std::string_view line) {
      if (const auto event = options_.driver->event(stream, line)) take_event(job, *event, attempt, say);
      else attempt.kept += std::string(line) + "\n";
    };
    attempt.result = options_.with.run(process);
    attempt.why = diagnoser.finish(false, job.variant ? build_told(*job.variant) : BuildTold{});
    return attempt;
  }

  // Without the escape codes of compilers and progress bars: they are not for our terminal.
  static void keep_line(Job& job, std::string_view text) {
    std::string plain = printable(trim(plain_text(text.substr(0, line_reach))));
    if (plain.empty()) return;
    job.last_lines.push_back(std::move(plain));
    if (job.last_lines.size() > kept_lines) job.last_lines.pop_front();
  }

  template <typename Say>
  void take_event(Job& job, const NixEvent& event, Attempt& attempt, const Say& say) {
    using Kind = NixEvent::Kind;
    if (event.kind == Kind::message || event.kind == Kind::log_line)
      say(event.text, event.kind == Kind::message && event.level == warning_level);
    if (event.kind == Kind::build_start) {
      attempt.built_something = true;
      say(fmt::format("building '{}'...", event.text), false);
    }
    const std::lock_guard lock(mutex_);
    if (event.kind == Kind::log_line) keep_line(job, event.text);
    if (event.kind == Kind::log_line && event.text.starts_with(no_cache_words))
      tell_of_no_cache(job, event.text);
    if (event.kind == Kind::phase || event.kind == Kind::build_start || event.kind == Kind::copy_start) {
      job.phase = event.kind == Kind::build_start ? "building" : "fetching";
      if (event.kind == Kind::phase) job.phase = event.text;
      observer_.phase(job);
    }
  }

  // Once for each builder: what a build may write to there, its own nix.conf says, and the build is slow but
  // does not fail.
  void tell_of_no_cache(const Job& job, std::string_view text) {
    const std::string note = fmt::format("{}: {}", job.builder_index == here ? "this machine" : job.builder,
                                         printable(trim(text.substr(no_cache_words.find(' ') + 1))));
    if (told_.insert(note).second) observer_.note(note);
  }

  void take_result(Job& job, const Attempt& attempt) {
    std::vector<std::string> outputs = options_.driver->outputs(job, attempt.kept, options_.with);
    std::error_code error;
    for (std::string& output : outputs) {  // with a root, Nix prints the links
      const auto path = std::filesystem::canonical(output, error);
      if (!error) output = path.string();
    }
    std::vector<Finding> broken;
    {
      const std::lock_guard lock(mutex_);
      job.outputs = outputs;
      job.phase = "verify";
      observer_.phase(job);
    }
    if (options_.verify && job.variant) broken = broken_promises(*job.variant, outputs);
    const std::uint64_t size = job.variant ? size_of(outputs) : 0;
    std::string copied = copy(job);
    const std::lock_guard lock(mutex_);
    job.output_bytes = size;
    job.breaches = std::move(broken);
    if (!job.breaches.empty()) job.why = attempt.why;  // the log may tell why
    job.state = attempt.built_something ? JobState::built : JobState::cached;
    if (!copied.empty()) job.state = JobState::failed;
    if (!job.breaches.empty()) job.state = JobState::mismatch;
    job.reason = !job.breaches.empty() ? job.breaches.front().what : copied;
  }

  // "" when all went well, or nothing is to be copied.
  std::string copy(const Job& job) const {
    if (options_.copy_to.empty() || !job.variant || job.outputs.empty()) return "";
    // What was built a moment ago is rarely signed; a receiver takes it unsigned from those whom it trusts,
    // and from no others.
    Process process{.arguments = nix_command()};
    process.arguments.insert(process.arguments.end(), {"copy", "--no-check-sigs", "--to", options_.copy_to});
    process.arguments.insert(process.arguments.end(), job.outputs.begin(), job.outputs.end());
    process.stop = &stop_children_;
    const ProcessResult result = options_.with.run(process);
    if (result.ok()) return "";
    return fmt::format("built, but not copied to {}: {}", options_.copy_to,
                       result.signal != 0 ? result.ending() : parse_nix_error(result.err).message);
  }

  void finish(JobIndex index, Job& job, BuildRecord& record) {
    job.seconds = std::chrono::duration<double>(Clock::now() - job.started).count();
    record.seconds = job.seconds;
    record.status = to_string(job.state);
    record.log = job.log;
    record.derivation = job.derivation;
    record.output = job.outputs.empty() ? "" : job.outputs.back();
    if (job.peak_bytes > 0) record.peak_bytes = static_cast<std::int64_t>(job.peak_bytes);
    record.output_bytes = static_cast<std::int64_t>(job.output_bytes);
    if (options_.with.cores > 0) record.cores = options_.with.cores;
    record.rule = first_finding(job).rule;
    record.verdict = job.reason;
    record.builder = job.builder;
    if (job.state == JobState::waiting) record.status = "lost";
    try {
      if (record.id != 0) history_.end_build(record);
    } catch (const Error& error) {
      observer_.note(error.text());
    }
    if (options_.fail_fast && is_bad(job.state)) ended_early_ = stop_children_ = true;
    job.last_lines = {};  // shown while it runs
    if (job.state == JobState::waiting) {
      job.reason.clear();
      waiting_.insert(waiting_.begin(), index);
    } else {
      observer_.finished(job);
      if (is_bad(job.state)) fail_what_is_cut_out_of(job);
      count_shared_cause(job);
    }
  }

  // Not even tried: Nix would first build again what has just failed.
  void fail_what_is_cut_out_of(const Job& common) {
    std::erase_if(waiting_, [&](JobIndex index) {
      Job& job = jobs_[index];
      if (!job.variant || job.variant->carved_from.empty() || job.variant->carved_from != common.name)
        return false;
      job.state = common.state == JobState::stopped ? JobState::stopped : JobState::failed;
      job.reason = fmt::format(
          "is cut out of {}, which {}", common.name,
          common.state == JobState::mismatch ? "does not hold what its name says" : "was not built");
      observer_.finished(job);
      return true;
    });
  }

  Jobs& jobs_;
  const RunOptions& options_;
  History& history_;
  std::int64_t run_;
  BuildObserver& observer_;

  std::mutex mutex_;  // of all below, and of the jobs
  std::condition_variable changed_;
  std::vector<JobIndex> waiting_;
  std::vector<Start> running_;
  JobCosts costs_;
  Capacities capacities_;
  std::map<JobIndex, std::thread> threads_;  // by job
  std::vector<JobIndex> ended_;              // whose threads are to be joined
  std::set<std::string> told_;               // notes that are said once
  // of each builder: Diagnosis::shared of its last build, and of how many before it without a break
  std::map<BuilderIndex, std::pair<std::string, unsigned>> causes_in_a_row_;
  std::string shared_cause_;    // why no more builds start; "": they do
  std::exception_ptr failure_;  // the first of guarded()
  std::atomic<bool> ended_early_ = false;
  std::atomic<bool> stop_children_ = false;
};

}  // namespace

void run_builds(Jobs& jobs, const RunOptions& options, History& history, std::int64_t run,
                BuildObserver& observer) {
  Runner(jobs, options, history, run, observer).run();
}

}  // namespace lathe
