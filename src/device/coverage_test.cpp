// SPDX-License-Identifier: MIT
// Which containers are special. The lists and counts are those of libraries that others made;
// docs/commands/inspect.md says which. What coverage is without them: inspect_test.cpp.
#include "device/coverage.h"

#include <gtest/gtest.h>

#include <sstream>

#include "device/cuda_target.h"
#include "hardware/compat.h"
#include "testing/gfx_vendor.h"

namespace lathe {
namespace {

// "sm_80 compute_80 sm_90a"
ContainerShape shape(const std::string& codes, std::size_t count) {
  ContainerShape result{.count = count};
  std::istringstream words(codes);
  for (std::string word; words >> word;) {
    result.codes.push_back(
        cuda_code({.capability = parse_capability(word)->capability,
                   .kind = word.starts_with("compute") ? CodeKind::ptx : CodeKind::cubin}));
  }
  return result;
}

using Shapes = std::vector<ContainerShape>;

std::string on(const Shapes& shapes, int major, int minor) {
  return cover(shapes, cuda_target({.major = major, .minor = minor})).text();
}

const Shapes onnxruntime = {shape("sm_90a", 292), shape("sm_75 sm_80 sm_86 sm_89 sm_90a sm_120a", 211),
                            shape("sm_80 sm_86 sm_89 sm_90a sm_120a", 86), shape("sm_120a", 9)};
const Shapes nccl = {shape("sm_60 sm_61 sm_70 sm_80 sm_90 sm_100 compute_120 sm_120", 54),
                     shape("sm_100f", 20), shape("sm_60 sm_61 sm_70 sm_80 sm_90 sm_100 sm_120", 2)};
const Shapes vllm = {shape("sm_75 sm_80 sm_86 sm_89 sm_90 sm_100 sm_120", 38),
                     shape("sm_90a sm_75 sm_80 sm_86 sm_89 sm_90 sm_100 sm_120", 10),
                     shape("sm_100f", 10),
                     shape("sm_90a", 9),
                     shape("sm_120f compute_80 sm_80", 7),
                     shape("sm_75", 7),
                     shape("sm_120f compute_80 sm_80 compute_90 sm_90", 7),
                     shape("sm_90a sm_100f sm_120f", 6),
                     shape("sm_120f sm_89", 5)};
const Shapes torch_linalg = {shape("sm_80 sm_86 sm_90 sm_100 sm_120", 32),
                             shape("sm_75 sm_80 sm_86 sm_90 sm_100 sm_120", 1)};
const Shapes flashmla = {shape("sm_90a sm_100a", 11)};

TEST(SpecialContainers, CodeWithASuffixAloneIsForItsGpuAlone) {
  EXPECT_EQ(on(onnxruntime, 8, 6), "all general code; 301 containers for 9.0a, 12.0a only");
  EXPECT_EQ(on(onnxruntime, 9, 0), "all general code; 9 containers for 12.0a only");
  EXPECT_EQ(on(nccl, 9, 0), "all general code; 20 containers for 10.0f only");
  EXPECT_EQ(on(nccl, 10, 3), "all (through sm_100, sm_100f)");
  EXPECT_EQ(on(nccl, 12, 1), "all general code (through sm_120); 20 containers for 10.0f only");
}

TEST(SpecialContainers, AShorterListBesideAWiderOneIsForFewerGpus) {
  EXPECT_EQ(on(onnxruntime, 7, 5), "all general code; 387 containers for 8.0, 8.6, 8.9, 9.0a, 12.0a only");
  EXPECT_EQ(on(vllm, 8, 6),
            "all general code (through sm_80); 37 containers for 7.5, 8.9, 9.0a, 10.0f, 12.0f only");
  const Coverage coverage = cover(onnxruntime, cuda_target({.major = 7, .minor = 5}));
  EXPECT_EQ(coverage.containers, 598u);
  EXPECT_EQ(coverage.containers_without, 0u);
  EXPECT_EQ(coverage.special_without, 387u);
  EXPECT_EQ(coverage.narrower_without, 86u);
  EXPECT_EQ(coverage.with(), 211u);
}

TEST(SpecialContainers, WhatMostOfAFileLacksIsMissing) {
  EXPECT_EQ(on(torch_linalg, 7, 5), "some (32 of 33 containers have nothing)");
  EXPECT_EQ(on(torch_linalg, 8, 6), "all");
  // PyTorch built for 9.0a alone, with a few kernels of a library that was built for more.
  const Shapes hopper = {shape("sm_90a", 440), shape("sm_80 sm_90", 10)};
  EXPECT_EQ(on(hopper, 8, 0), "some (440 of 450 containers have nothing)");
  EXPECT_EQ(on(hopper, 9, 0), "all");
}

TEST(SpecialContainers, AnotherListOfTheSameLengthIsNotNarrower) {
  EXPECT_EQ(on({shape("sm_80 sm_90", 2), shape("sm_80 sm_100", 1)}, 9, 0),
            "some (1 of 3 containers have nothing)");
  EXPECT_EQ(on({shape("sm_90", 40), shape("sm_80", 4)}, 9, 0), "some (4 of 44 containers have nothing)");
  EXPECT_EQ(on({shape("sm_80 compute_80", 9), shape("sm_80", 1)}, 12, 0),
            "some (1 of 10 containers have nothing)");
}

TEST(SpecialContainers, HalfOfAFileIsNotMostOfIt) {
  EXPECT_EQ(on({shape("sm_80 sm_90", 1), shape("sm_80", 1)}, 9, 0), "some (1 of 2 containers have nothing)");
  EXPECT_EQ(on({shape("sm_80 sm_90", 2), shape("sm_80", 1)}, 9, 0),
            "all general code; 1 container for 8.0 only");
}

TEST(SpecialContainers, WhereNothingServesTheDeviceNothingIsSpecial) {
  EXPECT_EQ(on(flashmla, 12, 0), "none");
  EXPECT_EQ(on(flashmla, 9, 0), "all");
  EXPECT_EQ(on({shape("sm_90a", 6)}, 9, 0), "all");
  EXPECT_FALSE(cover(flashmla, cuda_target({.major = 8, .minor = 6})).serves());
}

TEST(SpecialContainers, AFileOfSuffixesAloneRunsWhereAQuarterOfItFits) {
  EXPECT_EQ(on({shape("sm_90a", 26), shape("sm_100f", 27)}, 9, 0),
            "all general code; 27 containers for 10.0f only");
  EXPECT_EQ(on({shape("sm_90a", 3), shape("sm_100f", 27)}, 9, 0), "some (27 of 30 containers have nothing)");
}

TEST(SpecialContainers, AnEmptiedContainerNeverIs) {
  EXPECT_EQ(on({shape("sm_80 sm_90", 9), shape("", 1)}, 9, 0), "some (1 of 10 containers have nothing)");
}

TEST(SpecialContainers, LooseCubinsAreThereForAnyOfTheirGpus) {
  const Shapes cubins = {shape("sm_100f", 9000), shape("sm_103a", 6000), shape("sm_80", 1)};
  EXPECT_EQ(cover_loose(cubins, cuda_target({.major = 8, .minor = 0})).text(),
            "all general code; 15000 containers for 10.0f, 10.3a only");
  EXPECT_EQ(cover_loose(cubins, cuda_target({.major = 9, .minor = 0})).text(), "none");
}

TEST(SpecialContainers, FilesAreJudgedByThemselvesAndCountedTogether) {
  const Target ampere = cuda_target({.major = 8, .minor = 6});
  const Coverage main = cover(onnxruntime, ampere);
  EXPECT_EQ(together(main, cover(Shapes{shape("sm_80", 4)}, ampere)).text(),
            "all general code (through sm_80); 301 containers for 9.0a, 12.0a only");
  const Coverage both = together(main, cover(flashmla, ampere));
  EXPECT_EQ(both.text(), "some (11 of 308 containers have nothing); 301 containers for 9.0a, 12.0a only");
  EXPECT_FALSE(both.serves());
  EXPECT_EQ(together(Coverage{.device = ampere}, main).text(), main.text());
  EXPECT_EQ(together(cover(flashmla, ampere), cover(flashmla, ampere)).text(), "none");
}

TEST(CoverageOfAnotherVendor, GoesByTheRulesOfThatVendor) {
  using testing::gfx;
  const Shapes shapes = {
      {.codes = {{gfx("gfx90a")}, {gfx("gfx942:xnack+")}, {gfx("gfx942:xnack-")}}, .count = 3},
      {.codes = {{gfx("gfx90a:sramecc+:xnack-")}}, .count = 1}};
  EXPECT_EQ(cover(shapes, gfx("gfx90a:sramecc+:xnack-")).text(), "all");
  EXPECT_EQ(cover(shapes, gfx("gfx90a:sramecc+:xnack+")).text(),
            "all general code; 1 container for gfx90a:sramecc+:xnack- only");
  EXPECT_EQ(cover(shapes, gfx("gfx942:sramecc+:xnack+")).text(),
            "all general code; 1 container for gfx90a:sramecc+:xnack- only");
  EXPECT_EQ(cover(shapes, gfx("gfx1100")).text(), "none");
  EXPECT_EQ(cover(shapes, cuda_target({9, 0})).text(), "none");
  EXPECT_EQ(cover_all(shapes).size(), 3u);
}

}  // namespace
}  // namespace lathe
