// SPDX-License-Identifier: MIT
// What the generated recipes mean: all of the shipped matrices, evaluated by the real Nix in the recording package set and
// compared with their variants field by field. The last test shows that a change of one word is noticed.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/text.h"
#include "matrix/expand.h"
#include "nix/record.h"
#include "os/file.h"
#include "recipe/render.h"
#include "recipe/write.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

class Folder {
 public:
  Folder() : path_(fs::temp_directory_path() / ("lathe_evaluate_" + std::to_string(::getpid()))) { fs::create_directories(path_); }
  ~Folder() { fs::remove_all(path_); }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

MatrixSpec shipped(const std::string& name) {
  const std::string path = std::string(LATHE_SOURCE_DIR) + "/matrices/" + name + ".toml";
  return parse_matrix(read_file(path), name + ".toml");
}

bool has_all(const Words& words, const Words& wanted) {
  return std::ranges::all_of(wanted, [&](const std::string& word) { return std::ranges::find(words, word) != words.end(); });
}

// Collects what differs, each as "field: what".
class Comparison {
 public:
  template <typename T>
  void same(const std::string& field, const T& got, const T& want) {
    if (!(got == want)) differences.push_back(field);
  }
  void holds(const std::string& field, bool good) {
    if (!good) differences.push_back(field);
  }
  Words differences;
};

void compare_nixpkgs(const Variant& variant, const Recorded& got, Comparison& comparison) {
  comparison.holds("one nixpkgs", got.nixpkgs.size() == 1);
  if (!got.pin()) return;
  const RecordedNixpkgs& pin = *got.pin();
  comparison.same("pin", pin.rev, std::optional(variant.nixpkgs->rev));
  comparison.same("pin hash", pin.sha256, variant.nixpkgs->sha256);
  comparison.same("system", pin.system, system_of(variant.cell->isa->machine));
  comparison.same("config.cudaSupport", pin.config_flag("cudaSupport"), variant.is_gpu());
  const bool upgraded = variant.nixpkgs->torch != variant.pytorch->version;
  const bool foreign_cuda = variant.is_gpu() && variant.cell->cuda->parts.front() == 13;
  comparison.same("config.allowBroken", pin.config_flag("allowBroken"), foreign_cuda);
  const int overlays = (variant.is_gpu() ? 1 : 0) + (foreign_cuda ? 1 : 0) + (upgraded ? 1 : 0);
  comparison.same("overlays", pin.overlays, overlays);
}

void compare_torch(const Variant& variant, const RecordedPackage& torch, Comparison& comparison) {
  const bool upgraded = variant.nixpkgs->torch != variant.pytorch->version;
  comparison.same("attribute", torch.attribute, std::string("python313Packages.torch"));
  comparison.same("pname", torch.pname, variant.pname);
  comparison.same("version", torch.version, variant.pytorch->version);
  comparison.same("version that setup.py sees", torch.build_version, variant.pytorch->version);
  comparison.same("platforms", torch.platforms, Words{system_of(variant.cell->isa->machine)});
  comparison.holds("CXXFLAGS", has_all(torch.cxxflags, variant.cpu_flags()));
  comparison.holds("CFLAGS", has_all(torch.cflags, variant.cpu_flags()));
  const Json* isa = torch.passthru("cpuISA");
  comparison.holds("passthru.cpuISA", isa && isa->text() && *isa->text() == variant.cell->isa->name);
  comparison.holds("nixpkgs' blasProvider is left alone", torch.where("passthru.blasProvider").file.empty());
  if (!upgraded) return;
  comparison.holds("patches of the old release are gone", torch.patches.empty());
  comparison.holds("source", torch.source && torch.source->hash == variant.pytorch->hash &&
                                 torch.source->owner == "pytorch" && torch.source->rev == variant.pytorch->rev);
  comparison.holds("version.txt", torch.text_of("postPatch").find("> version.txt") != std::string::npos);
  comparison.holds("FindCUDAToolkit stub",
                   torch.text_of("postPatch").find("${CMAKE_ROOT}/Modules/FindCUDAToolkit.cmake") != std::string::npos);
}

void compare_cuda(const Variant& variant, const RecordedPackage& torch, Comparison& comparison) {
  comparison.same("cudaSupport", torch.cuda_support, std::optional(variant.is_gpu()));
  comparison.same("gpuTargets", torch.gpu_targets, variant.arch_list());
  comparison.holds("CUDA", torch.cuda.has_value() || !variant.is_gpu());
  if (!variant.is_gpu() || !torch.cuda) return;
  comparison.same("CUDA set", torch.cuda->set, "cudaPackages_" + replace_all(variant.cell->cuda->text(), ".", "_"));
  comparison.same("CUDA version", torch.cuda->version, variant.cell->cuda->text());
  comparison.holds("MAGMA", torch.magma.has_value());
  if (!torch.magma) return;
  const Json* gpu = torch.passthru("gpuArch");
  comparison.holds("passthru.gpuArch", gpu && gpu->text() && *gpu->text() == variant.cell->gpu_text);
  const bool cuda13 = variant.cell->cuda->parts.front() == 13;
  const auto& patches = torch.magma->patches;
  const auto fix = std::ranges::find(patches, "cuda-13.0-clockrate-fix.patch", &RecordedPatch::name);
  comparison.same("MAGMA patch", fix != patches.end(), cuda13);
  if (cuda13 && fix != patches.end()) {
    comparison.same("MAGMA patch hash", fix->hash, std::optional<std::string>("sha256-i9InbxD5HtfonB/GyF9nQhFmok3jZ73RxGcIciGBGvU="));
  }
  comparison.same("CCCL links", torch.environment.contains("CPATH"), cuda13);
}

Words differences(const Variant& variant, const Recorded& got) {
  Comparison comparison;
  if (!got.package) return {got.failure ? "not evaluated: " + got.failure->message : "no package"};
  comparison.holds("nothing impure", got.impurities.empty());
  comparison.holds("nothing unknown", got.unknown.empty() && got.unsure.empty() && got.unknown_arguments.empty());
  comparison.holds("no moving alias", got.moving_aliases.empty() && got.gone_aliases.empty());
  compare_nixpkgs(variant, got, comparison);
  compare_torch(variant, *got.package, comparison);
  compare_cuda(variant, *got.package, comparison);
  return comparison.differences;
}

const Recorded& find(const RecordedFolder& folder, const std::string& file) {
  return *std::ranges::find(folder.recipes, file, &Recorded::file);
}

void expect_all_mean_their_variants(const std::string& matrix, std::size_t count) {
  const Folder folder;
  const MatrixSpec spec = shipped(matrix);
  const std::vector<Variant> variants = expand(spec);
  ASSERT_EQ(variants.size(), count);
  write_recipes(spec, variants, folder.path(), {});
  const RecordedFolder recorded = record_folder(folder.path());
  if (!recorded.nix_found) GTEST_SKIP() << "no Nix here";
  ASSERT_EQ(recorded.recipes.size(), count);
  for (const Variant& variant : variants) {
    EXPECT_EQ(differences(variant, find(recorded, variant.file())), Words{}) << variant.name;
  }
}

TEST(GeneratedRecipes, Of44BuildsForCuda13MeanTheirVariants) { expect_all_mean_their_variants("cuda-13_0", 44); }
TEST(GeneratedRecipes, OfEightBuildsForCuda128MeanTheirVariants) { expect_all_mean_their_variants("cuda-12_8", 8); }

struct Change {
  const char* from;
  const char* to;
  const char* noticed_as;
};

TEST(GeneratedRecipes, AChangeOfOneWordIsNoticed) {
  const MatrixSpec spec = shipped("cuda-13_0");
  const Variant variant = find_variant(spec, "pytorch-python313-cuda13_0-sm120-avx512");
  const std::string right = render(spec, variant);
  const std::vector<Change> changes = {
      {"\"-mavx512vl\"", "\"-mavx512cd\"", "CXXFLAGS"},
      {"export CFLAGS=\"${toString cpuFlags} ", "export CFLAGS=\"", "CFLAGS"},
      {"gpuArchSM = \"12.0\"", "gpuArchSM = \"12.1\"", "gpuTargets"},
      {"  cudaSupport = true;\n  inherit", "  cudaSupport = false;\n  inherit", "cudaSupport"},
      {"cudaPackages_13_0;", "cudaPackages_12_9;", "CUDA set"},
      {"clockrate-fix", "clockrate", "MAGMA patch"},
      {"i9InbxD5", "i9InbxD6", "MAGMA patch hash"},
      {"PYTORCH_BUILD_VERSION=", "PYTORCH_BUILD_NUMBER=", "version that setup.py sees"},
      {"version = \"2.10.0\"", "version = \"2.9.0\"", "version"},
      {"patches = [ ];", "patches = old.patches;", "patches of the old release are gone"},
      {"6a030d535719c", "6a030d535719d", "pin"},
      {"platforms = [ \"x86_64-linux\" ]", "platforms = [ \"aarch64-linux\" ]", "platforms"},
      {"pname = \"pytorch210", "pname = \"pytorch29", "pname"},
      {"export CPATH=", "export CPATHS=", "CCCL links"},
      {"cpuISA = \"avx512\"", "cpuISA = \"avx2\"", "passthru.cpuISA"},
      {"RKiZLHBC", "RKiZLHBD", "source"},
      {"allowBroken = true;", "", "config.allowBroken"},
  };
  const Folder folder;
  std::vector<std::pair<std::string, Change>> files;
  for (const Change& change : changes) {
    const std::string changed = replace_all(right, change.from, change.to);
    ASSERT_NE(changed, right) << change.from;
    files.emplace_back("change" + std::to_string(files.size()) + ".nix", change);
    write_file_atomically(folder.path() / files.back().first, changed);
  }
  const RecordedFolder recorded = record_folder(folder.path());
  if (!recorded.nix_found) GTEST_SKIP() << "no Nix here";
  for (const auto& [file, change] : files) {
    const Words found = differences(variant, find(recorded, file));
    EXPECT_TRUE(has_all(found, {change.noticed_as})) << change.from << ": " << (found.empty() ? "nothing" : found.front());
  }
}

}  // namespace
}  // namespace lathe
