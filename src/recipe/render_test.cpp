// SPDX-License-Identifier: MIT
// What a recipe means is tested by evaluating it (tests/nix); here: its bytes.
#include "recipe/render.h"

#include <gtest/gtest.h>

#include <set>
#include <span>

#include "base/embedded.h"
#include "base/text.h"
#include "matrix/expand.h"
#include "recipe/holes.h"
#include "recipe/template.h"

namespace lathe::recipe_templates {
std::span<const EmbeddedFile> files();
}

namespace lathe {
namespace {

MatrixSpec spec_with(const std::string& settings, const std::string& gpu = "12.0",
                     const std::string& isa = "avx2") {
  return parse_matrix(R"([matrix]
name = "test"
[nixpkgs.main]
rev = "6a030d535719c5190187c4cec156f335e95e3211"
[pytorch."2.10.0"]
hash = "sha256-RKiZLHBCneMtZKRgTEuW1K7+Jpi+tx11BMXuS1jC1xQ="
[settings]
)" + settings + R"(
[[build]]
pytorch = ["2.10.0"]
python = ["3.13"]
cuda = ["13.0"]
gpus = [")" + gpu + R"("]
isas = [")" + isa + R"("]
)",
                      "m.toml");
}

std::string recipe_with(const std::string& settings) {
  const MatrixSpec spec = spec_with(settings);
  return render(spec, expand(spec).front());
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST(Render, GivesTheSameBytesEveryTime) { EXPECT_EQ(recipe_with(""), recipe_with("")); }

TEST(Render, SettingsReachTheRecipe) {
  EXPECT_TRUE(has(recipe_with(""), "gpuTargets = [ gpuArchSM ];"));
  EXPECT_TRUE(has(recipe_with("ptx = true"), "gpuTargets = [ \"12.0+PTX\" ];"));
  EXPECT_FALSE(has(recipe_with(""), "cudaCapabilities = [ \"12.0\" ];\n      #"));
  EXPECT_TRUE(has(recipe_with("narrow = \"closure\""), "      cudaCapabilities = [ \"12.0\" ];\n      #"));
  EXPECT_FALSE(has(recipe_with(""), "MAX_JOBS"));
  EXPECT_TRUE(
      has(recipe_with("jobs = 12"), "export MAX_JOBS=$((NIX_BUILD_CORES < 12 ? NIX_BUILD_CORES : 12))"));
}

TEST(Render, WhatNixpkgsDoesNotBuildForByDefaultIsNamedToMagmaAndNcclToo) {
  const auto config_of = [](const std::string& gpu, const std::string& isa) {
    const MatrixSpec spec = spec_with("", gpu, isa);
    const std::string recipe = render(spec, expand(spec).front());
    return recipe.substr(0, recipe.find("overlays = ["));
  };
  EXPECT_TRUE(has(config_of("11.0", "armv9"), "cudaCapabilities = [ \"11.0\" ];"));
  // for x86 nixpkgs refuses it
  EXPECT_FALSE(has(config_of("11.0", "avx2"), "cudaCapabilities"));
  EXPECT_FALSE(has(config_of("12.1", "armv9"), "cudaCapabilities"));
}

TEST(Render, LeavesNoHoleAndNoBlankAtALinesEnd) {
  const std::string recipe = recipe_with("jobs = 12\nmemory_per_job = 4");
  for (const std::string_view line : split(recipe, '\n')) {
    EXPECT_FALSE(line.ends_with(' ')) << line;
    EXPECT_LE(line.size(), 170u) << line;
  }
  EXPECT_FALSE(has(recipe, "@"));
}

// A row that no template asks for is dead, a hole without a row stops whoever fills it, two rows of one name
// hide each other.
TEST(Render, EachHoleOfTheTemplatesIsOneRow) {
  std::multiset<std::string> asked, rows;
  for (const EmbeddedFile& file : recipe_templates::files()) {
    if (file.name == "redist.nix.in") continue;  // CUDA's packages are no variants
    fill_with(file.text, [&](std::string_view hole) { return asked.emplace(hole), std::string(); });
  }
  for (const Hole& hole : holes()) rows.emplace(hole.name);
  EXPECT_EQ(std::set(asked.begin(), asked.end()), std::set(rows.begin(), rows.end()));
  EXPECT_EQ(std::set(rows.begin(), rows.end()).size(), rows.size());
}

TEST(Authorship, TellsGeneratedFromEditedAndForeign) {
  const std::string recipe = recipe_with("");
  EXPECT_EQ(authorship_of(recipe), Authorship::generated);
  EXPECT_EQ(authorship_of(recipe + "\n"), Authorship::edited);
  EXPECT_EQ(authorship_of(replace_all(recipe, "-mavx2", "-mavx")), Authorship::edited);
  EXPECT_EQ(authorship_of("{ }"), Authorship::foreign);
  EXPECT_EQ(authorship_of(""), Authorship::foreign);
  EXPECT_EQ(authorship_of("# Made by torchlathe from the matrix x (content 12).\n"), Authorship::foreign);
}

}  // namespace
}  // namespace lathe
