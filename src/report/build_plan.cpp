// SPDX-License-Identifier: MIT
#include "report/build_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "base/json.h"
#include "base/json_report.h"
#include "base/text.h"
#include "jobs/history/history.h"
#include "jobs/schedule.h"
#include "report/progress.h"
#include "report/table.h"

namespace lathe {
namespace {

// What `plan` says of the jobs that are to be built, summed up.
struct PlanSum {
  std::size_t jobs = 0, guesses = 0;
  double low = 0, high = 0;  // seconds, one after another
};

std::string time_text(const Job& job) {
  if (job.held == Held::store) return "in the store";
  if (job.held == Held::cache) return "in a cache";
  const Estimate& estimate = job.estimate;
  if (estimate.samples == 0) return "not known";
  return fmt::format("{} ({} to {})", duration_text(estimate.seconds), duration_text(estimate.low),
                     duration_text(estimate.high));
}

// Why it stands where it does, and what its estimate is from.
std::string reason_text(const Job& job) {
  if (job.held != Held::nowhere) return "";
  if (job.cost.shared) return "several need it";
  if (job.estimate.same_variant) return fmt::format("{} earlier builds", job.estimate.samples);
  if (job.estimate.samples > 0) return fmt::format("{} builds of others", job.estimate.samples);
  return "never built";
}

void add_job(const Job& job, Table& table, PlanSum& sum) {
  table.add({std::to_string(++sum.jobs), job.name, time_text(job),
             job.cost.bytes > 0 ? bytes_text(job.cost.bytes) : "", reason_text(job)});
  if (job.held != Held::nowhere) return;
  sum.guesses += job.estimate.samples == 0;
  sum.low += job.estimate.low;
  sum.high += job.estimate.high;
}

// Those that wait, in the order in which they start.
PlanSum print_order(const Jobs& jobs, Terminal& terminal) {
  Table table({"order", "what", "estimate", "memory", "why"});
  table.align_right(0);
  PlanSum sum;
  JobCosts costs;
  for (const Job& job : jobs) costs.push_back(job.cost);
  for (const JobIndex index : start_order(costs)) {
    if (jobs[index].state == JobState::waiting) add_job(jobs[index], table, sum);
  }
  terminal.out(table.text(terminal));
  return sum;
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

}  // namespace

std::string span_text(const SecondsRange& span, bool seconds) {
  if (!seconds)
    return fmt::format("{:.1f} ({:.1f} to {:.1f}) times one build", span.middle, span.low, span.high);
  if (span.high < 600)
    return fmt::format("{0:.{3}f} s ({1:.{3}f} to {2:.{3}f})", span.middle, span.low, span.high,
                       span.middle < 10 ? 1 : 0);
  return fmt::format("{} ({} to {})", duration_text(span.middle), duration_text(span.low),
                     duration_text(span.high));
}

namespace {

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

void print_caches(const CacheReport& report, Terminal& terminal) {
  if (!report.asked) terminal.out("no binary cache was asked (--offline)\n");
  for (const CacheState& cache : report.caches) {
    if (cache.trouble.empty()) {
      terminal.print("cache {} answers\n", printable(cache.uri));
      continue;
    }
    terminal.print("{} {} does not answer, what it has is not known: {}\n",
                   terminal.styled(Style::yellow, "cache"), printable(cache.uri), printable(cache.trouble));
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

void write_caches(JsonWriter& json, const CacheReport& report) {
  json.key("caches").begin_array();
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
  json.end_array();
}

std::string_view held_word(Held held) {
  switch (held) {
    case Held::store: return "store";
    case Held::cache: return "cache";
    case Held::nowhere: break;
  }
  return "nowhere";
}

void write_job(JsonWriter& json, const Job& job) {
  json.begin_object()
      .member("name", job.name)
      .member("state", to_string(job.state))
      .member("reason", job.reason)
      .member("derivation", job.derivation);
  json.member("held", held_word(job.held)).member("seconds", job.estimate.seconds);
  json.member("bytes", job.cost.bytes).end_object();
}

}  // namespace

void print_plan(const Jobs& jobs, const JobPlan& plan, const Capacities& capacities, Terminal& terminal) {
  const PlanSum sum = print_order(jobs, terminal);
  JobCosts costs;
  for (const Job& job : jobs) {
    if (job.state == JobState::waiting) costs.push_back(job.cost);
    if (job.state == JobState::skipped || job.state == JobState::failed)
      terminal.print("{:8}{}: {}\n", to_string(job.state), job.name, printable(job.reason));
  }
  terminal.print("{} of {} to build, {} store paths to fetch; {} in all ({} to {} one after another){}\n",
                 plan.to_build, sum.jobs, plan.fetch.size(),
                 duration_text(expected_makespan(costs, capacities)), duration_text(sum.low),
                 duration_text(sum.high),
                 sum.guesses > 0 ? fmt::format("; {} of them not known", sum.guesses) : "");
  print_fetches(plan, terminal);
}

void print_distances(const CacheReport& report, Terminal& terminal) {
  print_caches(report, terminal);
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

void print_matrix_cost(const MatrixCost& cost, Terminal& terminal) {
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

std::string dry_run_json(const std::vector<Job>& jobs, const JobPlan& plan, const CacheReport& report) {
  JsonWriter json;
  begin_report(json).member("asked", report.asked);
  write_caches(json, report);
  json.key("jobs").begin_array();
  for (const Job& job : jobs) write_job(json, job);
  json.end_array().key("variants").begin_array();
  for (const CacheDistance& each : report.variants) write_distance(json, each);
  json.end_array()
      .key("summary")
      .begin_object()
      .member("to_build", plan.to_build)
      .member("to_fetch", plan.fetch.size());
  return json.end_object().end_object().take();
}

}  // namespace lathe
