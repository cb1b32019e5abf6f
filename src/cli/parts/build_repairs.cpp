// SPDX-License-Identifier: MIT
#include "cli/parts/build_repairs.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <set>
#include <string_view>

#include "base/parallel.h"
#include "diagnose/diagnose.h"
#include "jobs/job.h"
#include "jobs/nix_store.h"
#include "jobs/plan_jobs.h"
#include "matrix/expand.h"
#include "matrix/spec.h"
#include "matrix/variant.h"
#include "os/keyboard.h"
#include "os/file.h"
#include "os/terminal.h"

namespace lathe {
namespace {

bool is_hash(const Diagnosis& diagnosis) { return diagnosis.finding.rule == "hash-mismatch"; }

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

Jobs evaluated_jobs(const MatrixSpec& spec, const std::vector<Variant>& variants, const RunOptions& run) {
  Jobs jobs = make_jobs(spec, variants, run.state, run.with);
  run.driver->evaluate(jobs, run.with);
  return jobs;
}

bool confirmed(const Job& job, const std::string& change, Terminal& terminal) {
  return says_yes(
      safe_format("{}\n  {}\n  write this into the matrix file and build again?", job.name, change),
      terminal);
}

void wait_again(Job& job) {
  job.state = JobState::waiting;
  job.reason.clear();
  job.why.clear();
  job.attempts = 0;
}

}  // namespace

// One that is compiled in, or comes from a pipe, cannot be mended.
bool BuildRepairs::has_file() const { return std::filesystem::exists(matrix_.file()); }

MatrixSpec BuildRepairs::load() const {
  MatrixSpec spec = matrix_.load();
  if (hashes_ && has_file()) ask_for_tarball_hashes(spec);
  return spec;
}

std::string BuildRepairs::mend(Job& job, const Diagnosis& diagnosis) {
  const std::string& rule = diagnosis.finding.rule;
  if (is_hash(diagnosis) && (hashes_ || rest_)) return mend_hash(job, diagnosis);
  if (!rest_) return "";
  if (rule == "network" || rule == "builder-lost") return "again, after: " + diagnosis.finding.what;
  if ((rule == "compiler-killed" || rule == "out-of-memory") && job.attempts < 3) {
    unsigned& cores = run_.with.cores;
    cores = std::max(1U, (cores > 0 ? cores : usable_cores()) / 2);
    return fmt::format("again with {} cores, after: {}", cores, diagnosis.finding.what);
  }
  return "";
}

std::optional<HashRepair> BuildRepairs::find(const Job& job, const Diagnosis& diagnosis) const {
  if (!has_file()) return std::nullopt;
  const std::string text = read_file(matrix_.file());
  const MatrixSpec spec = load();
  return job.variant ? find_hash_repair(text, spec, *job.variant, diagnosis)
                     : find_shared(job, diagnosis, text, spec);
}

// Work that several variants need is mended for one of them: PyTorch itself, if it is among them.
std::optional<HashRepair> BuildRepairs::find_shared(const Job& job, const Diagnosis& diagnosis,
                                                    const std::string& text, const MatrixSpec& spec) const {
  const std::set<std::string> users = users_of(job.derivation, run_.with);
  const auto needs_it = [&](const Job& other, bool companion) {
    return other.variant && (other.variant->companion != nullptr) == companion &&
           users.contains(other.derivation);
  };
  for (const bool companion : {false, true}) {
    const auto user =
        std::ranges::find_if(*jobs_, [&](const Job& other) { return needs_it(other, companion); });
    if (user != jobs_->end()) return find_hash_repair(text, spec, *user->variant, diagnosis, companion);
  }
  return std::nullopt;
}

void BuildRepairs::write(const HashRepair& repair) const {
  write_file_atomically(matrix_.file(), repair.text);
}

std::string BuildRepairs::mend_hash(Job& job, const Diagnosis& diagnosis) {
  if (!has_file()) return "";
  const auto repair = find(job, diagnosis);
  if (repair) write(*repair);
  // Another job may have mended it already.
  const std::string before = job.derivation;
  remake(*jobs_, job, load(), run_.state, *run_.driver, run_.with);
  if (repair) return repair->described("was", "is now");
  return job.derivation == before ? "" : "the matrix file has been corrected since";
}

std::string BuildRepairs::hash_change(const Job& job, const Diagnosis& diagnosis) const {
  const auto repair = find(job, diagnosis);
  return repair ? repair->described("is", "Nix computed") : "";
}

std::string BuildRepairs::mend_evaluation() {
  if (!hashes_ && !rest_) return "";
  for (const Job& job : *jobs_) {
    if (job.state != JobState::failed || job.why.empty() || !is_hash(job.why.front())) continue;
    const auto repair = find(job, job.why.front());
    if (!repair) continue;
    write(*repair);
    return repair->described("was", "is now");
  }
  return "";
}

Jobs BuildRepairs::make_mended_jobs(MatrixSpec& spec, const std::vector<Variant>& variants,
                                    std::vector<std::string>& notes) {
  Jobs jobs = evaluated_jobs(spec, variants, run_);
  watch(jobs);
  constexpr std::size_t most = 16;
  for (std::string note = mend_evaluation(); !note.empty() && notes.size() < most; note = mend_evaluation()) {
    notes.push_back(note);
    spec = load();
    jobs = evaluated_jobs(spec, read_again(variants, spec), run_);
  }
  return jobs;
}

bool BuildRepairs::offer(Terminal& terminal) {
  if (!somebody_answers()) return false;
  bool again = false;
  for (Job& job : *jobs_) {
    if (job.state != JobState::failed || job.why.empty() || !is_hash(job.why.front())) continue;
    const std::string change = hash_change(job, job.why.front());
    if (change.empty() && !again) continue;  // else it may have been mended for another
    if (!change.empty() && !confirmed(job, change, terminal)) continue;
    if (mend_hash(job, job.why.front()).empty()) continue;
    wait_again(job);
    again = true;
  }
  return again;
}

}  // namespace lathe
