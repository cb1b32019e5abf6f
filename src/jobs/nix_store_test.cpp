// SPDX-License-Identifier: MIT
#include "jobs/nix_store.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "jobs/job.h"
#include "matrix/expand.h"
#include "matrix/spec.h"
#include "matrix/variant.h"
#include "nix/events.h"
#include "os/process.h"

namespace lathe {
namespace {

TEST(NixStore, WhatNixWouldBuildAndFetchIsReadFromItsDryRun) {
  DriverOptions options;
  options.run = [](const Process& process) {
    EXPECT_EQ(process.arguments.at(1), "--realise");
    ProcessResult result;
    result.exit_status = 0;
    result.err =
        "these 2 derivations will be built:\n  /nix/store/a-x.drv\n  /nix/store/b-y.drv\nthese 1 paths will "
        "be fetched (1.0 MiB download):\n  /nix/store/c-z\n";
    return result;
  };
  const MissingPaths missing = missing_of({"/nix/store/a-x.drv"}, options);
  EXPECT_EQ(missing.build, (std::set<std::string>{"/nix/store/a-x.drv", "/nix/store/b-y.drv"}));
  EXPECT_EQ(missing.fetch, (std::set<std::string>{"/nix/store/c-z"}));
}

TEST(NixStore, ARecipeThatDoesNotEvaluateSpoilsOnlyItself) {
  DriverOptions options;
  options.run = [](const Process& process) {  // as Nix does: in order, until one fails
    ProcessResult result;
    result.exit_status = 0;
    for (std::size_t i = 1; i < process.arguments.size() && result.exit_status == 0; ++i) {
      const std::string name = std::filesystem::path(process.arguments[i]).stem().string();
      if (name != "bad") result.out += "/nix/store/a-" + name + ".drv\n";
      else result.exit_status = 1, result.err = "error: attribute 'pytorch' missing\n";
    }
    return result;
  };
  std::vector<Job> jobs = {{.name = "good", .recipe = "good.nix", .derivation = {}},
                           {.name = "bad", .recipe = "bad.nix", .derivation = {}},
                           {.name = "late", .recipe = "late.nix", .derivation = {}}};
  instantiate(jobs, options);
  EXPECT_EQ(jobs[0].derivation, "/nix/store/a-good.drv");
  EXPECT_EQ(jobs[1].state, JobState::failed);
  EXPECT_EQ(jobs[1].why.at(0).finding.rule, "attribute-missing");
  EXPECT_EQ(jobs[2].derivation, "/nix/store/a-late.drv");
}

// Nix fails for the first recipe with `err`; returns how often it was asked.
std::size_t times_asked(std::vector<Job>& jobs, const ProcessResult& failure) {
  std::size_t asked = 0;
  DriverOptions options;
  options.run = [&](const Process&) {
    ++asked;
    return failure;
  };
  instantiate(jobs, options);
  return asked;
}

std::vector<Job> jobs_of(const std::vector<std::string>& revisions) {
  const MatrixSpec spec = parse_matrix(
      "[matrix]\nname = \"m\"\n[nixpkgs.canonical]\nrev = \"6a030d535719c5190187c4cec156f335e95e3211\"\n"
      "[pytorch.\"2.9.1\"]\nhash = \"\"\n[[build]]\nkind = \"cpu\"\npytorch = [\"2.9.1\"]\n"
      "python = [\"3.13\"]\nisas = [\"avx2\"]\n",
      "m.toml");
  std::vector<Job> jobs;
  for (const std::string& revision : revisions) {
    Variant variant = expand(spec).front();
    variant.name = fmt::format("v{}", jobs.size());
    const auto nixpkgs = std::make_shared<Nixpkgs>();
    nixpkgs->rev = revision;
    variant.nixpkgs = nixpkgs;
    jobs.push_back({.name = variant.name, .variant = variant, .recipe = variant.name + ".nix"});
  }
  return jobs;
}

TEST(NixStore, APackageSetThatCannotBeFetchedIsAskedForOnce) {
  std::vector<Job> jobs = jobs_of({"aaaa", "aaaa", "bbbb", "aaaa", "bbbb"});
  const ProcessResult failure{.exit_status = 1,
                              .err =
                                  "error: unable to download "
                                  "'https://github.com/NixOS/nixpkgs/archive/aaaa.tar.gz': Could not resolve "
                                  "hostname (6) Could not resolve host: github.com\n"};
  EXPECT_EQ(times_asked(jobs, failure), 2u) << "once for each revision";
  EXPECT_EQ(jobs[0].state, JobState::failed);
  EXPECT_EQ(jobs[1].state, JobState::stopped);
  EXPECT_EQ(jobs[1].reason, "not tried: it uses the same nixpkgs as v0");
  EXPECT_EQ(jobs[2].state, JobState::failed);
  EXPECT_EQ(jobs[4].reason, "not tried: it uses the same nixpkgs as v2");
}

TEST(NixStore, AStoppedEvaluationStopsAllThatWait) {
  std::vector<Job> jobs = jobs_of({"aaaa", "bbbb"});
  EXPECT_EQ(times_asked(jobs, {.signal = 2, .stopped = true}), 1u);
  EXPECT_EQ(jobs[0].state, JobState::stopped);
  EXPECT_EQ(jobs[1].state, JobState::stopped);
}

TEST(NixStore, TheGraphOfWhatNeedsWhatIsReadFromTheDotsOfNix) {
  const NeedsGraph graph = read_needs_graph(
      "digraph G {\n\"a-torch.drv\" [label = \"torch.drv\", shape = box, style = filled, fillcolor = "
      "\"#ff0000\"];\n"
      "\"b-magma.drv\" -> \"a-torch.drv\" [color = \"black\"];\n\"c-source.drv\" -> \"a-torch.drv\" [color = "
      "\"red\"];\n"
      "\"c-source.drv\" -> \"b-magma.drv\" [color = \"red\"];\n}\n",
      "/nix/store");
  EXPECT_EQ(graph.size(), 2U);
  EXPECT_EQ(graph.at("/nix/store/a-torch.drv"),
            (std::vector<std::string>{"/nix/store/b-magma.drv", "/nix/store/c-source.drv"}));
}

TEST(NixEvents, LinesOfTheInternalJsonAndPlainLines) {
  using Kind = NixEvent::Kind;
  const NixEvent start = parse_nix_event(
      R"(@nix {"action":"start","fields":["/nix/store/a-x.drv","",1,1],"id":7,"level":3,"parent":0,)"
      R"("text":"building","type":105})");
  EXPECT_EQ(start.kind, Kind::build_start);
  EXPECT_EQ(start.text, "/nix/store/a-x.drv");
  EXPECT_EQ(parse_nix_event(R"(@nix {"action":"result","fields":["hello"],"id":7,"type":101})").kind,
            Kind::log_line);
  EXPECT_EQ(parse_nix_event(R"(@nix {"action":"result","fields":["buildPhase"],"id":7,"type":104})").text,
            "buildPhase");
  EXPECT_EQ(parse_nix_event(R"(@nix {"action":"msg","level":0,"msg":"error: x"})").level, 0);
  EXPECT_EQ(parse_nix_event("@nix {broken").kind, Kind::message);
  EXPECT_EQ(parse_nix_event("plain text").text, "plain text");
  EXPECT_EQ(parse_nix_event(R"(@nix {"action":"result","fields":[3],"type":101})").text, "");
}

}  // namespace
}  // namespace lathe
