// SPDX-License-Identifier: MIT
// Every line of a generated recipe, left out: the audit notices it, or the line is one of those that are
// named here. All mutants of a recipe are one evaluation.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "audit/audit.h"
#include "audit/rules/rule.h"
#include "base/finding.h"
#include "base/text.h"
#include "matrix/expand.h"
#include "matrix/spec.h"
#include "matrix/variant.h"
#include "nix/nix.h"
#include "nix/record.h"
#include "os/file.h"
#include "testing/cached_matrix.h"
#include "testing/scratch_folder.h"
#include "recipe/render.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

MatrixSpec shipped(const std::string& name) {
  return parse_matrix(read_file(fs::path(LATHE_MATRICES) / (name + ".toml")), name + ".toml");
}

MatrixSpec of_nixpkgs() {
  const std::string hash = "sha256 = \"sha256-RKiZLHBCneMtZKRgTEuW1K7+Jpi+tx11BMXuS1jC1xQ=\"\n";
  std::string text(testing::cached_matrix);
  for (const std::string_view table : {"[settings]\n", "[[build]]\n"}) text.insert(text.find(table), hash);
  return parse_matrix(text, "slim.toml");
}

// By rule, without the line: leaving one out moves all below it.
using Said = std::set<std::pair<std::string, std::string>>;

class Lines {
 public:
  Lines(MatrixSpec spec, const std::string& name)
      : spec_(std::move(spec)), variant_(find_variant(spec_, name)), text_(render(spec_, variant_)) {
    for (const std::string_view line : split(text_, '\n')) lines_.emplace_back(line);
    for (const Variant& base : with_bases(spec_, {variant_})) folder_.write(base.file(), render(spec_, base));
    folder_.write("original.nix", text_);
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      if (is_code(i)) folder_.write(mutant(i), without(i));
    }
    for (const Recorded& recorded : record_folder(folder_.path()).recipes)
      recorded_[recorded.file] = recorded;
  }

  // The lines whose loss nobody sees.
  std::vector<std::string> unseen() const {
    const Said before = said_of("original.nix");
    std::vector<std::string> lines;
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      if (is_code(i) && std::ranges::includes(before, said_of(mutant(i))))
        lines.emplace_back(trim(lines_[i]));
    }
    return lines;
  }

  std::size_t count() const { return recorded_.size(); }
  bool has_error() const {
    const Findings found = judge_recipe(spec_, recorded_.at("original.nix"), variant_.name, &variant_);
    return found.count(Severity::error) > 0;
  }

 private:
  static std::string mutant(std::size_t i) { return fmt::format("line{:03}.nix", i); }

  // Comments and empty lines mean nothing; a long description is prose.
  bool is_code(std::size_t i) const {
    const std::string_view line = trim(lines_[i]);
    return !line.empty() && !line.starts_with("#") && !in_long_description(i);
  }
  bool in_long_description(std::size_t i) const {
    for (std::size_t at = i; at > 0; --at) {
      if (trim(lines_[at - 1]) == "'';" || trim(lines_[i]) == "'';") return false;
      if (trim(lines_[at - 1]).starts_with("longDescription")) return true;
    }
    return false;
  }

  std::string without(std::size_t left_out) const {
    std::string text;
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      if (i != left_out) text += lines_[i] + "\n";
    }
    return text;
  }

  Said said_of(const std::string& file) const {
    Said said;
    for (const Finding& finding : judge_recipe(spec_, recorded_.at(file), variant_.name, &variant_))
      said.emplace(finding.rule, finding.what);
    return said;
  }

  MatrixSpec spec_;
  Variant variant_;
  std::string text_;
  std::vector<std::string> lines_;
  testing::ScratchFolder folder_;
  std::map<std::string, Recorded> recorded_;
};

class TemplateLines : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!find_nix()) GTEST_SKIP() << "no Nix on this machine";
  }
  static void expect_seen(MatrixSpec spec, const std::string& variant, std::size_t at_least,
                          const std::vector<std::string>& unseen) {
    const Lines lines(std::move(spec), variant);
    EXPECT_FALSE(lines.has_error());
    EXPECT_GE(lines.count(), at_least);
    EXPECT_EQ(lines.unseen(), unseen);
  }
};

TEST_F(TemplateLines, OfABuildForAGpuAreMissedOrAreOnlySaid) {
  expect_seen(shipped("pytorch-2.14"), "pytorch214-python314-cuda13_2-sm90-avx2", 60,
              {
                  // Evaluated for its own system all the same; on by the override, and by the configuration.
                  "system = \"x86_64-linux\";",
                  "cudaSupport = true;",
                  "cudaSupport = true;",
                  // How much memory is free, beside the limit that is seen.
                  "free_jobs=$(awk '/^MemAvailable:/ { print int($2 / 1048576 / 4) }' /proc/meminfo)",
                  "export MAX_JOBS=$((MAX_JOBS < free_jobs ? MAX_JOBS : free_jobs > 0 ? free_jobs : 1))",
                  // Read where they are there: recipes kept by hand lack them.
                  "gpuArch = \"sm${gpuArchNum}\";",
                  "cpuISA = \"avx2\";",
                  "gpus = [ \"9.0\" ];",
                  "description = \"PyTorch 2.14.0 with CUDA 13.2 for compute capability 9.0 (H100, H200, "
                  "GH200) and x86_64 CPUs (AVX2 with FMA and F16C)\";",
              });
}

TEST_F(TemplateLines, OfOneThatIsCutOutOfNixpkgsOwnTorchAreMissedOrAreOnlySaid) {
  expect_seen(of_nixpkgs(), "pytorch-python313-cuda12_8-sm90-avx", 35,
              {
                  // Where the program that carves is from changes nothing of what is cut.
                  "url = \"https://example.org/torchlathe.tar.gz\";",
                  "sha256 = \"sha256-RKiZLHBCneMtZKRgTEuW1K7+Jpi+tx11BMXuS1jC1xQ=\";",
                  "system = \"x86_64-linux\";",
                  "gpuArch = \"sm${gpuArchNum}\";",
                  "cpuISA = \"avx\";",
                  "gpus = [ \"9.0\" ];",
                  "description = \"PyTorch 2.9.1 with CUDA 12.8 for compute capability 9.0 (H100, H200, "
                  "GH200) and x86_64 CPUs (AVX)\";",
              });
}

}  // namespace
}  // namespace lathe
