// SPDX-License-Identifier: MIT
#include "select/select.h"

#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <utility>

#include "base/error.h"
#include "hardware/catalog.h"
#include "hardware/wheel_property.h"
#include "host/host_info.h"
#include "testing/test_paths.h"
#include "select/advice.h"
#include "host/host_json.h"
#include "host/host_properties.h"
#include "host/named_host.h"
#include "os/file.h"
#include "select/wheels.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

const fs::path source = testing::source_folder;

std::vector<Candidate> shipped() {
  std::vector<Candidate> all;
  for (const char* name : {"cuda-12_8", "cuda-13_0"}) {
    const std::string file = (source / "matrices" / name).string() + ".toml";
    add_candidates(all, parse_matrix(read_file(file), file), name);
  }
  return all;
}

HostInfo machine(const std::string& name) {
  const fs::path file = source / "tests/machines" / (name + ".json");
  return read_host(read_file(file), file.string());
}

std::string chosen(const HostInfo& host, const std::vector<Candidate>& candidates,
                   const SelectOptions& options = {}) {
  const Selection selection = select_variant(host, candidates, options);
  return selection.best() ? selection.best()->candidate.name : "none";
}

std::vector<std::string> commands(const Candidate& best, const HostInfo& host, const Surroundings& here) {
  std::vector<std::string> lines;
  for (const Way& way : ways_to_get(&best, host, here)) lines.push_back(way.command);
  return lines;
}

struct Expectation {
  std::string line, machine, answer;
  SelectOptions options = {};
};

std::vector<Expectation> expectations() {
  std::vector<Expectation> all;
  std::ifstream file(source / "tests/machines/selects.txt");
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    Expectation expectation = {.line = line, .machine = {}, .answer = line.substr(line.find(" -> ") + 4)};
    std::istringstream words(line.substr(0, line.find(" -> ")));
    words >> expectation.machine;
    for (std::string word; words >> word;) {
      const std::string key = word.substr(0, word.find('=')), value = word.substr(word.find('=') + 1);
      if (key == "prefer") expectation.options.prefer = value;
      else if (key == "gpu") expectation.options.gpu = std::stoul(value);
      else if (key == "cuda") expectation.options.cuda = {value};
      else ADD_FAILURE() << "unknown option in " << line;
    }
    all.push_back(std::move(expectation));
  }
  return all;
}

TEST(Machines, EveryOneGetsTheVariantThatItShould) {
  const auto candidates = shipped();
  for (const Expectation& expectation : expectations()) {
    const Selection selection = select_variant(machine(expectation.machine), candidates, expectation.options);
    const std::string name = selection.best() ? selection.best()->candidate.name : "none";
    if (!expectation.answer.starts_with("none: ")) {
      EXPECT_EQ(name, expectation.answer) << expectation.line;
      continue;
    }
    EXPECT_EQ(name, "none") << expectation.line;
    const std::string wanted = expectation.answer.substr(6);
    const bool said = std::ranges::any_of(selection.changes, [&](const std::string& change) {
      return change.find(wanted) != std::string::npos;
    });
    EXPECT_TRUE(said) << expectation.line << "\n" << fmt::format("{}", fmt::join(selection.changes, "\n"));
  }
}

TEST(Machines, AreAtLeastFortyAndEachHasAnExpectation) {
  std::set<std::string> expected;
  for (const Expectation& expectation : expectations()) expected.insert(expectation.machine);
  std::size_t count = 0;
  for (const auto& entry : fs::directory_iterator(source / "tests/machines")) {
    if (entry.path().extension() != ".json") continue;
    ++count;
    EXPECT_TRUE(expected.contains(entry.path().stem().string())) << entry.path();
    const HostInfo host = machine(entry.path().stem().string());
    EXPECT_FALSE(host.comment.empty()) << entry.path();
    EXPECT_EQ(host_json(read_host(host_json(host), "again")), host_json(host)) << entry.path();
  }
  EXPECT_GE(count, 40u);
}

// Whatever is chosen must start, by rules that are spelled out here once more in the plainest way.
TEST(Machines, NothingIsChosenThatCannotStart) {
  const auto candidates = shipped();
  for (const auto& entry : fs::directory_iterator(source / "tests/machines")) {
    if (entry.path().extension() != ".json") continue;
    const HostInfo host = machine(entry.path().stem().string());
    for (const Choice& choice : select_variant(host, candidates).starting) {
      const Candidate& candidate = choice.candidate;
      EXPECT_EQ(candidate.machine, host.cpu.machine) << entry.path() << candidate.name;
      for (const std::string& feature : candidate.isa->cpuinfo)
        EXPECT_TRUE(host.cpu.has(feature)) << entry.path() << candidate.name;
      EXPECT_EQ(candidate.is_gpu(), !host.gpus.empty()) << entry.path() << candidate.name;
      for (const HostGpu& gpu : host.gpus) {
        EXPECT_TRUE(pick(candidate.code, gpu.capability.value())) << entry.path() << candidate.name;
        EXPECT_GE(host.driver.version.value(), minimum_driver(*gpu.capability, *candidate.cuda, false))
            << entry.path();
        EXPECT_TRUE(host.driver.libraries);
        EXPECT_TRUE(!gpu.mig || !gpu.slices.empty());
      }
    }
  }
}

TEST(Select, SaysWhatEachExcludedOneLacksAndWhyOthersAreNotBetter) {
  const Selection selection = select_variant(machine("rtx4090-zen4"), shipped());
  ASSERT_GE(selection.starting.size(), 2u);
  EXPECT_EQ(selection.starting[1].candidate.name, "pytorch-python313-cuda13_0-sm89-avx512vnni");
  EXPECT_EQ(selection.starting[1].why, "is for int8, preferred is bf16");
  for (const Choice& choice : selection.starting) {
    EXPECT_EQ(choice.why.empty(), &choice == selection.best()) << choice.candidate.name;
    if (choice.candidate.name == "pytorch-python313-cuda13_0-sm86-avx2") {
      EXPECT_EQ(choice.why, "runs its 8.6 code, not made for this GPU");
    }
    if (choice.candidate.name == "pytorch-python313-cuda13_0-sm89-avx2") {
      EXPECT_EQ(choice.why, "stops at avx2, the CPU runs avx512bf16");
    }
  }
  for (const Choice& choice : selection.excluded) {
    ASSERT_FALSE(choice.judgement.missing.empty());
    if (choice.candidate.name == "pytorch-python313-cuda13_0-sm120-avx2") {
      EXPECT_EQ(choice.judgement.missing[0].what,
                "has no code for NVIDIA GeForce RTX 4090 (8.9): it is built for 12.0");
    }
  }
}

TEST(Select, AnswersForMachinesMadeUpFromNames) {
  const auto candidates = shipped();
  EXPECT_EQ(chosen(made_up_host({.gpus = {"RTX 5090"}, .cpu = "Core i9-14900K"}), candidates),
            "pytorch-python313-cuda13_0-sm120-avx2");
  EXPECT_EQ(chosen(made_up_host({.gpus = {"NVIDIA GB10"}, .cpu = "GB10 CPU"}), candidates),
            "pytorch-python313-cuda13_0-sm121-armv9");
  EXPECT_EQ(chosen(made_up_host({.gpus = {"12.0"}, .cpu = "avx512vnni", .driver = "570.86.10"}), candidates),
            "pytorch-python313-cuda12_8-sm120-avx512vnni");
  EXPECT_EQ(chosen(made_up_host({.gpus = {"12.0"}, .cpu = "x86-64-v4"}),
                   read_published("pytorch-python313-cuda13_0-sm120-avx2\n", "names")),
            "pytorch-python313-cuda13_0-sm120-avx2")
      << "what runs the higher one runs the lower";
  EXPECT_EQ(chosen(made_up_host({.gpus = {"none"}, .cpu = "Graviton3"}), candidates), "none");
  HostInfo spark = machine("hgx-h100");
  change_host(spark, {.gpus = {"DGX Spark"}});
  EXPECT_EQ(chosen(spark, candidates), "pytorch-python313-cuda13_0-sm121-armv9") << "its GPU brings its CPU";
  EXPECT_THROW(made_up_host({.gpus = {"RTX 5099"}, .cpu = "avx2"}), Error);
  EXPECT_THROW(made_up_host({.gpus = {"RTX 5090"}, .cpu = "Core i9"}), Error);
}

TEST(Select, NearerCodeComesFirst) {
  const auto names =
      read_published("pytorch-python313-cuda12_8-sm80-avx2\npytorch-python313-cuda12_8-sm86-avx2\n", "names");
  EXPECT_EQ(chosen(made_up_host({.gpus = {"8.9"}, .cpu = "Zen 3"}), names),
            "pytorch-python313-cuda12_8-sm86-avx2");
  EXPECT_EQ(chosen(made_up_host({.gpus = {"8.6", "8.9"}, .cpu = "Zen 3"}), names),
            "pytorch-python313-cuda12_8-sm86-avx2");
  const Selection selection = select_variant(made_up_host({.gpus = {"8.9"}, .cpu = "Zen 3"}), names);
  EXPECT_EQ(selection.starting[1].why, "runs its 8.0 code, the best has newer");
}

TEST(Select, RefusesWhatIsNotThere) {
  EXPECT_THROW(select_variant(machine("rtx4090-zen4"), shipped(), {.gpu = 1}), Error);
  EXPECT_THROW(select_variant(machine("rtx4090-zen4"), shipped(), {.prefer = "fp8"}), Error);
}

TEST(Select, PublishedVariantsMayAskForMore) {
  const auto names = read_published(
      "# ours\npytorch-python313-cuda13_0-sm89-avx2\n\npytorch-python312-cpu-avx2 # the other\n", "names");
  ASSERT_EQ(names.size(), 2u);
  EXPECT_EQ(chosen(machine("rtx4090-zen4"), names), "pytorch-python313-cuda13_0-sm89-avx2");
  const auto records = read_published(R"({"variants": [
    {"name": "wheel-new", "capability": "8.6 9.0+PTX", "cuda": "12.6", "glibc": "2.41"},
    {"name": "wheel-old", "capability": "8.6 9.0+PTX", "cuda": "12.6", "glibc": "2.28",
     "get": "pip install it"},
    {"name": "wheel-next", "capability": "12.0", "cuda": "14.0"}]})",
                                      "records");
  EXPECT_EQ(chosen(machine("rtx4090-zen4"), records), "wheel-old");
  const Selection selection = select_variant(machine("rtx4090-zen4"), records);
  EXPECT_EQ(selection.excluded[0].judgement.missing[0].what, "needs glibc 2.41, this is 2.39");
  EXPECT_EQ(commands(selection.best()->candidate, selection.host, {.nix = true}),
            std::vector<std::string>{"pip install it"});
  EXPECT_EQ(chosen(machine("hgx-b200"), records), "wheel-old")
      << "9.0 PTX, with a driver newer than 12.6's own";
  EXPECT_EQ(chosen(machine("nixos-rtx4080"), records), "none") << "there is no glibc for wheels";
  EXPECT_THROW(read_published("{}", "x"), Error);
  EXPECT_THROW(read_published("{\"variants\": [{}]}", "x"), Error);
  EXPECT_THROW(read_published("{\"variants\": [{\"name\": \"a\", \"capability\": \"ninety\"}]}", "x"), Error);
  EXPECT_THROW(read_published("torch-2.9\n", "x"), Error);
}

TEST(Select, PtxNeedsADriverAsNewAsItsToolkit) {
  const auto records = read_published(
      R"({"variants": [{"name": "ptx", "capability": "9.0+PTX", "cuda": "12.9"}]})", "records");
  HostInfo host = machine("hgx-b200");
  EXPECT_EQ(chosen(host, records), "ptx");
  host.driver = {.version = Version{{570, 86, 10}}, .cuda = Version{{12, 8}}};
  const Selection selection = select_variant(host, records);
  ASSERT_EQ(selection.excluded.size(), 1u);
  EXPECT_EQ(selection.excluded[0].judgement.missing[0].what,
            "needs driver 575.51.03 or newer, this is 570.86.10");
}

TEST(Select, APublisherMaySayWhatADriverIsNeededFor) {
  const auto records = read_published(
      R"({"variants": [{"name": "packed", "capability": "9.0", "cuda": "12.4",
                        "min_driver": "550.54.14", "min_driver_because": "zstd"}]})",
      "records");
  HostInfo host = made_up_host({.gpus = {"H200"}, .cpu = "Zen 4", .driver = "550.54.14"});
  EXPECT_EQ(chosen(host, records), "packed");
  host.driver.version = Version{{535, 104, 5}};
  const Selection selection = select_variant(host, records);
  ASSERT_EQ(selection.excluded.size(), 1u);
  EXPECT_EQ(selection.excluded[0].judgement.missing[0].what,
            "needs driver 550.54.14 or newer because of zstd, this is 535.104.05");
}

TEST(Select, CommandsAreForToolsThatAreThere) {
  const Selection selection = select_variant(machine("rtx3090-zen3"), shipped());
  const Candidate& best = selection.best()->candidate;
  const std::string name = "pytorch-python313-cuda13_0-sm86-avx2";
  const std::string wheel = "pip install torch --index-url https://download.pytorch.org/whl/cu130";
  const std::string carve = "torchlathe carve /x/torch --gpu 8.6 --in-place";
  EXPECT_EQ(commands(best, selection.host, {}),
            std::vector<std::string>{"torchlathe generate -m cuda-13_0 --output .flox/pkgs " + name});
  EXPECT_EQ(commands(best, selection.host, {.nix = true}),
            std::vector<std::string>{"torchlathe build -m cuda-13_0 " + name});
  EXPECT_EQ(commands(best, selection.host, {.recipes = "pkgs", .pip = "pip", .nix = true, .flox = true}),
            (std::vector<std::string>{wheel, "nix-build pkgs/" + name + ".nix", "flox build " + name}));
  EXPECT_EQ(commands(best, selection.host, {.installed = "/x/torch", .in_place = true, .pip = "pip"}),
            std::vector<std::string>{carve});
}

TEST(Select, TheWheelIsTheOneThatStartsHere) {
  const auto wheel = [](const std::string& gpu, const std::string& driver) {
    const WheelIndex* index = best_wheel(made_up_host({.gpus = {gpu}, .cpu = "Zen 4", .driver = driver}));
    return index ? index->name : "none";
  };
  EXPECT_EQ(wheel("H100", "580.65.06"), "cu130");
  EXPECT_EQ(wheel("H100", "570.86.10"), "cu128");
  EXPECT_EQ(wheel("H100", "470.42.01"), "none");
  EXPECT_EQ(wheel("V100", "570.86.10"), "cu128");
  EXPECT_EQ(wheel("P100", "570.86.10"), "cu126");
  EXPECT_EQ(wheel("none", ""), "cpu");
  EXPECT_EQ(best_wheel(made_up_host({.gpus = {"RTX 5090"}, .cpu = "Neoverse V2"})), nullptr);
}

TEST(Select, CompanionsAreInstalledWithTheirPyTorch) {
  const auto records = read_published(
      R"({"variants": [{"name": "torch-a", "isa": "avx2"}, {"name": "vision-a", "torch": "torch-a"},
          {"name": "audio-b", "torch": "b"}]})",
      "records");
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(commands(records[0], {}, {}), std::vector<std::string>{"flox install torch-a vision-a"});
  EXPECT_THROW(
      read_published(R"({"variants": [{"name": "a"}, {"name": "; reboot", "torch": "a"}]})", "records"),
      Error);
  EXPECT_THROW(read_published(R"({"variants": [{"name": "; reboot"}]})", "records"), Error)
      << "it would come into a command";
  EXPECT_EQ(commands(read_published(R"({"variants": [{"name": "a", "get": "pip install \u001b[2J"}]})",
                                    "records")[0],
                     {}, {}),
            std::vector<std::string>{"pip install \\x1b[2J"});
}

// Would an installer that knows wheel variants take the build here? Every feature that the build names must
// have a value that the host has.
bool fits(const std::vector<WheelProperty>& build, const std::vector<WheelProperty>& host) {
  return std::ranges::all_of(build, [&](const WheelProperty& wanted) {
    return std::ranges::any_of(build, [&](const WheelProperty& other) {
      return other.space == wanted.space && other.feature == wanted.feature &&
             std::ranges::find(host, other) != host.end();
    });
  });
}

// A wheel-variant installer that knows only the properties must come to the same verdict about starting.
TEST(HostProperties, AgreeWithTheJudge) {
  const auto candidates = shipped();
  for (const char* name : {"rtx5090-14900k", "hgx-h100", "dgx-spark", "l4-cascade-lake", "two-gpus-one-major",
                           "laptop-no-gpu"}) {
    const HostInfo host = machine(name);
    const auto offered = properties_of_host(host);
    for (const Candidate& candidate : candidates) {
      if (candidate.is_gpu() != !host.gpus.empty() || !candidate.impossible.empty()) continue;
      const auto wanted = properties_of_build(candidate.code, candidate.cuda, candidate.isa);
      EXPECT_EQ(fits(wanted, offered), judge(candidate, host).starts()) << name << " " << candidate.name;
    }
  }
}

TEST(HostProperties, AreInTheOrderInWhichAnInstallerPrefers) {
  std::vector<std::string> texts;
  for (const WheelProperty& property : properties_of_host(machine("rtx3090-zen3")))
    texts.push_back(property.text());
  const std::vector<std::string> start = {"nvidia :: cuda_version_lower_bound :: 13.0",
                                          "nvidia :: cuda_version_lower_bound :: 12.9",
                                          "nvidia :: cuda_version_lower_bound :: 12.8",
                                          "nvidia :: cuda_version_lower_bound :: 12.6",
                                          "nvidia :: sm_arch :: 86_real",
                                          "nvidia :: sm_arch :: 80_real",
                                          "nvidia :: sm_arch :: 86_virtual"};
  ASSERT_GT(texts.size(), start.size());
  EXPECT_TRUE(std::equal(start.begin(), start.end(), texts.begin()))
      << fmt::format("{}", fmt::join(texts, "\n"));
  EXPECT_NE(std::ranges::find(texts, "x86_64 :: level :: v3"), texts.end());
  EXPECT_EQ(std::ranges::find(texts, "x86_64 :: level :: v4"), texts.end());
}

}  // namespace
}  // namespace lathe
