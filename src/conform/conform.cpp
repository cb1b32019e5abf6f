// SPDX-License-Identifier: MIT
#include "conform/conform.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <map>

#include "base/error.h"
#include "base/finding_json.h"
#include "base/json.h"
#include "base/json_report.h"
#include "base/text.h"
#include "diagnose/diagnose.h"
#include "hardware/nixpkgs.h"
#include "jobs/job.h"
#include "jobs/nix_store.h"
#include "jobs/plan_jobs.h"
#include "matrix/variant.h"
#include "nix/derivation.h"
#include "os/temporary_folder.h"

namespace lathe {
namespace {

void add_facts(Conformity& conformity, const std::string& rev) {
  const auto& releases = nixpkgs_tables().releases;
  conformity.known_pin = nixpkgs_facts(rev) != nullptr;
  const std::string row = conformity.known_pin ? rev : releases.back().since;
  conformity.compared_with = conformity.known_pin
                                 ? fmt::format("its row in pins.toml, like {}", nixpkgs_like(rev))
                                 : fmt::format("{}, the newest known", row);
  conformity.differences = differences(*nixpkgs_columns(row), conformity.survey, conformity.known_pin);
  std::size_t fewest = std::string::npos;
  for (const NixpkgsFacts& each : releases) {
    const std::size_t count = differences(*nixpkgs_columns(each.since), conformity.survey, false).size();
    if (count <= fewest) {
      fewest = count;
      conformity.nearest = each.since;
    }
  }
  const Place where{.file = conformity.known_pin ? "pins.toml" : "nixpkgs.toml"};
  for (const FactDifference& each : conformity.differences) {
    conformity.findings.add({.rule = "fact-differs",
                             .severity = Severity::error,
                             .where = where,
                             .what = each.what,
                             .fix = "--update-pins"});
  }
  for (const auto& [column, why] : conformity.survey.unseen) {
    conformity.findings.add({.rule = "fact-unseen",
                             .severity = Severity::note,
                             .where = where,
                             .what = fmt::format("{} was not seen: {}", column, why),
                             .fix = {}});
  }
}

class Reader {
 public:
  explicit Reader(const std::vector<Job>& jobs) {
    for (const Job& job : jobs) {
      if (job.variant) pnames_[job.name] = job.variant->pname;
    }
  }

  void read(const Job& job, const Survey& survey, ConformedRecipe& recipe) {
    const Derivation derivation = read_derivation(job.derivation);
    for (const std::string& path : inputs_to_read(derivation)) {
      if (!inputs_.contains(path)) inputs_.emplace(path, read_derivation(path));
    }
    recipe.seen = see_recipe(derivation, inputs_);
    const Variant& variant = *job.variant;
    const Expected expected{.base = variant.of_nixpkgs ? "torch" : pname_of(variant.carved_from),
                            .torch = pname_of(variant.torch)};
    recipe.findings = compare_promise(variant, expected, *recipe.seen, survey);
    recipe.state = recipe.findings.count(Severity::error) > 0 ? "differs" : "conforms";
  }

 private:
  std::string pname_of(const std::string& name) const {
    const auto found = pnames_.find(name);
    return found == pnames_.end() ? name : found->second;
  }

  std::map<std::string, std::string> pnames_;
  std::map<std::string, Derivation> inputs_;
};

void instantiate_some(std::vector<Job>& jobs, const DriverOptions& driver, const ConformOptions& options) {
  for (std::size_t at = 0; at < jobs.size(); at += options.at_once) {
    if (options.progress) options.progress(at, jobs.size());
    const std::size_t count = std::min(options.at_once, jobs.size() - at);
    const auto first = jobs.begin() + static_cast<std::ptrdiff_t>(at),
               last = first + static_cast<std::ptrdiff_t>(count);
    std::vector<Job> some(std::make_move_iterator(first), std::make_move_iterator(last));
    instantiate(some, driver);
    std::ranges::move(some, first);
  }
}

ConformedRecipe conform_one(const Job& job, Reader& reader, const Survey& survey) {
  ConformedRecipe recipe{.name = job.name,
                         .state = "fails",
                         .reason = job.reason,
                         .derivation = job.derivation,
                         .why = job.why,
                         .seen = {},
                         .findings = {}};
  if (job.state == JobState::skipped) {
    recipe.state = "skipped";
  } else if (job.state == JobState::failed) {
    recipe.findings.add({.rule = "not-instantiated",
                         .severity = Severity::error,
                         .where = {.file = job.variant->file()},
                         .what = job.reason,
                         .fix = job.why.empty() ? "" : job.why.front().finding.fix});
  } else {
    reader.read(job, survey, recipe);
  }
  return recipe;
}

void write_difference(JsonWriter& json, const FactDifference& each) {
  json.begin_object()
      .member("column", each.column)
      .member("table", each.table)
      .member("tree", each.tree)
      .member("what", each.what)
      .end_object();
}

void write_seen(JsonWriter& json, const SeenRecipe& seen) {
  json.begin_object().member("name", seen.name).member("pname", seen.pname).member("version", seen.version);
  json.member("build_version", seen.build_version)
      .member("system", seen.system)
      .member("python", seen.python)
      .member("gpus", seen.gpus);
  json.member("cuda", seen.cuda)
      .member("magma_cuda", seen.magma_cuda)
      .member("cpu_flags", seen.cpu_flags)
      .member("outputs", seen.outputs);
  json.member("patches", seen.patches).member("carved", seen.carved).key("parts").begin_object();
  for (const auto& [part, version] : seen.parts) json.member(part, version);
  json.end_object().member("inputs", seen.inputs).end_object();
}

void write_recipe(JsonWriter& json, const ConformedRecipe& recipe) {
  json.begin_object()
      .member("name", recipe.name)
      .member("state", recipe.state)
      .member("reason", recipe.reason)
      .member("derivation", recipe.derivation);
  json.key("why").begin_array();
  for (const Diagnosis& each : recipe.why) write_diagnosis(json, each);
  json.end_array().key("seen");
  if (recipe.seen) write_seen(json, *recipe.seen);
  else json.null();
  write_findings(json, "findings", recipe.findings);
  json.end_object();
}

void write_tree(JsonWriter& json, const Conformity& conformity) {
  json.key("nixpkgs")
      .begin_object()
      .member("given", conformity.tree.given)
      .member("path", conformity.tree.path.string())
      .member("rev", conformity.tree.rev);
  json.member("compared_with", conformity.compared_with)
      .member("nearest", conformity.nearest)
      .key("facts")
      .begin_object();
  for (const auto& [column, values] : conformity.survey.columns) json.member(column, values);
  json.end_object().key("unseen").begin_object();
  for (const auto& [column, why] : conformity.survey.unseen) json.member(column, why);
  json.end_object()
      .member("torch_outputs", conformity.survey.torch_outputs)
      .member("cccl_outputs", conformity.survey.cccl_outputs);
  json.key("default_capabilities").begin_object();
  for (const auto& [cuda, capabilities] : conformity.survey.default_capabilities)
    json.member(cuda, capabilities);
  json.end_object().key("differences").begin_array();
  for (const FactDifference& each : conformity.differences) write_difference(json, each);
  json.end_array().end_object();
}

}  // namespace

Conformity conform(const MatrixSpec& spec, const std::vector<Variant>& wanted,
                   const ConformOptions& options) {
  Conformity conformity{.tree = options.tree,
                        .survey = survey_tree(options.tree.path, "x86_64-linux", options.run)};
  if (!options.rev.empty()) conformity.tree.rev = options.rev;
  add_facts(conformity, conformity.tree.rev);

  const TemporaryFolder folder;
  const DriverOptions driver{.torchlathe = options.torchlathe,
                             .cuda_toolkit = options.cuda_toolkit,
                             .nixpkgs = options.tree.path.string(),
                             .settings = options.settings,
                             .any_cpu = true,
                             .run = options.run};
  Jobs jobs = make_jobs(spec, wanted, folder.path(), driver);
  instantiate_some(jobs, driver, options);
  Reader reader(jobs);
  for (const Job& job : jobs) {
    conformity.recipes.push_back(conform_one(job, reader, conformity.survey));
    conformity.findings.add(conformity.recipes.back().findings);
  }
  return conformity;
}

std::string conformity_json(const Conformity& conformity, const std::string& matrix) {
  JsonWriter json;
  begin_report(json).member("matrix", matrix);
  write_tree(json, conformity);
  json.key("recipes").begin_array();
  std::map<std::string, std::size_t> count;
  for (const ConformedRecipe& recipe : conformity.recipes) {
    ++count[recipe.state];
    write_recipe(json, recipe);
  }
  json.end_array();
  write_findings(json, "findings", conformity.findings);
  json.key("summary").begin_object();
  for (const char* state : {"conforms", "differs", "fails", "skipped"}) json.member(state, count[state]);
  json.member("fact_differences", conformity.differences.size());
  return json.end_object().end_object().take();
}

}  // namespace lathe
