// SPDX-License-Identifier: MIT
// What the generated recipes mean: all of the shipped matrices, evaluated by the real Nix in the recording
// package set and compared with their variants field by field. The last test shows that a change of one word
// is noticed.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "testing/test_paths.h"
#include "base/text.h"
#include "hardware/nixpkgs.h"
#include "matrix/expand.h"
#include "matrix/spec.h"
#include "matrix/variant.h"
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
  Folder() : path_(fs::temp_directory_path() / ("lathe_evaluate_" + std::to_string(::getpid()))) {
    fs::create_directories(path_);
  }
  ~Folder() { fs::remove_all(path_); }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

MatrixSpec shipped(const std::string& name) {
  const std::string path = std::string(testing::source_folder) + "/matrices/" + name + ".toml";
  return parse_matrix(read_file(path), name + ".toml");
}

bool has_all(const Words& words, const Words& wanted) {
  return std::ranges::all_of(
      wanted, [&](const std::string& word) { return std::ranges::find(words, word) != words.end(); });
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
  const auto& takes = variant.nixpkgs->facts->torch_cuda;
  const bool cuda13 = variant.is_gpu() && variant.cell->cuda->parts.front() == 13;
  const bool foreign_cuda =
      variant.is_gpu() &&
      std::ranges::find(takes, std::to_string(variant.cell->cuda->parts.front())) == takes.end();
  comparison.same("config.allowBroken", pin.config_flag("allowBroken"), foreign_cuda);
  const bool old_magma = cuda13 && !variant.nixpkgs->magma_cuda13;
  const bool other_triton =
      variant.is_gpu() && triton_instead(variant.pytorch->version, variant.nixpkgs->facts->triton);
  const int overlays =
      (variant.is_gpu() ? 1 : 0) + (old_magma ? 1 : 0) + (upgraded ? 1 : 0) + (other_triton ? 1 : 0);
  comparison.same("overlays", pin.overlays, overlays);
}

void compare_torch(const Variant& variant, const RecordedPackage& torch, Comparison& comparison) {
  const bool upgraded = variant.nixpkgs->torch != variant.pytorch->version;
  comparison.same("attribute", torch.attribute, "python" + digits_of(variant.python) + "Packages.torch");
  comparison.same("pname", torch.pname, variant.pname);
  comparison.same("version", torch.version, variant.pytorch->version);
  comparison.same("version that setup.py sees", torch.build_version, variant.pytorch->version);
  comparison.same("platforms", torch.platforms, Words{system_of(variant.cell->isa->machine)});
  comparison.holds("CXXFLAGS", has_all(torch.cxxflags, variant.cpu_flags()));
  comparison.holds("CFLAGS", has_all(torch.cflags, variant.cpu_flags()));
  const Json* isa = torch.passthru("cpuISA");
  comparison.holds("passthru.cpuISA", isa && isa->text() && *isa->text() == variant.cell->isa->name);
  comparison.holds("nixpkgs' blasProvider is left alone", torch.where("passthru.blasProvider").file.empty());
  if (!upgraded) {
    comparison.holds("nixpkgs' own source and patches",
                     torch.where("src").file.empty() && torch.where("patches").file.empty());
    return;
  }
  comparison.holds("nixpkgs' patch for CUPTI",
                   std::ranges::count(torch.patches, "pytorch-pr-108847.patch", &RecordedPatch::name) == 1);
  const bool same_patches =
      !variant.is_gpu() ||
      std::ranges::count(torch.patches, "fix-cmake-cuda-toolkit.patch", &RecordedPatch::name) == 1;
  comparison.holds("the patch that goes with removing FindCUDAToolkit.cmake", same_patches);
  comparison.holds("source", torch.source && torch.source->hash == variant.pytorch->hash &&
                                 torch.source->owner == "pytorch" &&
                                 torch.source->rev == variant.pytorch->rev);
  comparison.holds("version.txt", torch.text_of("postPatch").find("> version.txt") != std::string::npos);
  comparison.holds("nixpkgs' substitutions warn",
                   torch.text_of("postPatch").find("--replace-warn") != std::string::npos &&
                       torch.text_of("postPatch").find("--replace-fail") == std::string::npos);
}

void compare_cuda(const Variant& variant, const RecordedPackage& torch, Comparison& comparison) {
  comparison.same("cudaSupport", torch.cuda_support, std::optional(variant.is_gpu()));
  comparison.same("gpuTargets", torch.gpu_targets, variant.arch_list());
  comparison.holds("CUDA", torch.cuda.has_value() || !variant.is_gpu());
  if (!variant.is_gpu() || !torch.cuda) return;
  comparison.same("CUDA set", torch.cuda->set,
                  "cudaPackages_" + replace_all(variant.cell->cuda->text(), ".", "_"));
  comparison.same("CUDA version", torch.cuda->version, variant.cell->cuda->text());
  comparison.holds("MAGMA", torch.magma.has_value());
  if (!torch.magma) return;
  if (const TritonSource* triton = triton_instead(variant.pytorch->version, variant.nixpkgs->facts->triton)) {
    comparison.holds("triton", torch.triton && torch.triton->version == triton->release);
  }
  const Json* gpu = torch.passthru("gpuArch");
  comparison.holds("passthru.gpuArch", gpu && gpu->text() && *gpu->text() == variant.cell->gpu_text);
  const bool cuda13 = variant.cell->cuda->parts.front() == 13;
  const auto& patches = torch.magma->patches;
  const auto fixes = std::ranges::count(patches, "cuda-13.0-clockrate-fix.patch", &RecordedPatch::name);
  const auto fix = std::ranges::find(patches, "cuda-13.0-clockrate-fix.patch", &RecordedPatch::name);
  comparison.same("MAGMA patch", fixes, std::ptrdiff_t{cuda13 || variant.nixpkgs->magma_cuda13});
  if (cuda13 && !variant.nixpkgs->magma_cuda13 && fix != patches.end()) {
    comparison.same("MAGMA patch hash", fix->hash,
                    std::optional<std::string>("sha256-i9InbxD5HtfonB/GyF9nQhFmok3jZ73RxGcIciGBGvU="));
  }
  comparison.same(
      "CCCL links", torch.environment.contains("CPATH"),
      variant.pytorch->version.starts_with("2.1") && cuda13 && !variant.nixpkgs->facts->cccl_folder);
}

Words differences(const Variant& variant, const Recorded& got) {
  Comparison comparison;
  if (!got.package) return {got.failure ? "not evaluated: " + got.failure->message : "no package"};
  comparison.holds("nothing impure", got.impurities.empty());
  comparison.holds("nothing unknown",
                   got.unknown.empty() && got.unsure.empty() && got.unknown_arguments.empty());
  comparison.holds("no moving alias", got.moving_aliases.empty() && got.gone_aliases.empty());
  compare_nixpkgs(variant, got, comparison);
  compare_torch(variant, *got.package, comparison);
  compare_cuda(variant, *got.package, comparison);
  return comparison.differences;
}

const Recorded& find(const RecordedFolder& folder, const std::string& file) {
  return *std::ranges::find(folder.recipes, file, &Recorded::file);
}

// Every `step`th variant.
void expect_all_mean_their_variants(const std::string& matrix, std::size_t count, std::size_t step = 1) {
  const Folder folder;
  const MatrixSpec spec = shipped(matrix);
  std::vector<Variant> variants = expand(spec);
  std::erase_if(variants, [](const Variant& variant) { return variant.companion != nullptr; });
  for (std::size_t i = 0; i * step < variants.size(); ++i) variants[i] = variants[i * step];
  variants.resize((variants.size() + step - 1) / step);
  ASSERT_EQ(variants.size(), count);
  write_recipes(spec, variants, folder.path(), {});
  const RecordedFolder recorded = record_folder(folder.path());
  if (!recorded.nix_found) GTEST_SKIP() << "no Nix here";
  ASSERT_EQ(recorded.recipes.size(), count);
  for (const Variant& variant : variants) {
    EXPECT_EQ(differences(variant, find(recorded, variant.file())), Words{}) << variant.name;
  }
}

TEST(GeneratedRecipes, Of44BuildsForCuda13MeanTheirVariants) {
  expect_all_mean_their_variants("cuda-13_0", 44);
}
TEST(GeneratedRecipes, Of44BuildsOfWhatNixpkgsShipsMeanTheirVariants) {
  expect_all_mean_their_variants("cuda-13_0-native", 44);
}
TEST(GeneratedRecipes, OfEightBuildsForCuda128MeanTheirVariants) {
  expect_all_mean_their_variants("cuda-12_8", 8);
}

// Three PyTorch releases, three Pythons, four CUDA releases from four revisions of nixpkgs. `audit` reads
// all 1620 of them (docs/matrices/pytorch-2.10.md); every 13th is enough here, which meets each of these
// with each other.
TEST(GeneratedRecipes, OfTheGrownMatrixMeanTheirVariants) {
  expect_all_mean_their_variants("pytorch-2.10", 125, 13);
}

// Four CUDA releases, three Pythons, GPUs from Turing to Rubin, all of one revision: every 7th.
TEST(GeneratedRecipes, OfTodaysPyTorchMeanTheirVariants) {
  expect_all_mean_their_variants("pytorch-2.14", 111, 7);
}

MatrixSpec nightly(const std::string& from) {
  const std::string path = std::string(testing::source_folder) + "/matrices/nightly-sm121.toml";
  std::string text = read_file(path);
  if (from == "copy") {
    const std::size_t url = text.find("url = "), end = text.find("[settings]");
    text = replace_all(text.substr(0, url) + text.substr(end), "from = \"fetch\"", "from = \"copy\"");
  }
  return parse_matrix(text, "nightly-sm121.toml");
}

TEST(GeneratedRecipes, OfTheNightlyTakeTheirCudaPackagesFromTheRepositoryOrFromTheFolder) {
  for (const std::string from : {"fetch", "copy"}) {
    const Folder folder;
    const MatrixSpec spec = nightly(from);
    const Variant variant = expand(spec).at(0);
    write_recipes(spec, {variant}, folder.path(), {});
    const RecordedFolder recorded = record_folder(folder.path());
    if (!recorded.nix_found) GTEST_SKIP() << "no Nix here";
    ASSERT_EQ(recorded.recipes.size(), from == "copy" ? 5u : 1u);
    const Recorded& got = find(recorded, variant.file());
    EXPECT_EQ(differences(variant, got), Words{}) << from;
    EXPECT_EQ(got.fetched_imports.empty(), from == "copy");
    EXPECT_EQ(got.package->environment.at("CUDA_HOME").find(from == "copy" ? "cudatoolkit-13_0" : "import") !=
                  std::string::npos,
              true)
        << got.package->environment.at("CUDA_HOME");
    for (const Recorded& each : recorded.recipes) {
      EXPECT_TRUE(each.evaluated()) << each.file << ": " << (each.failure ? each.failure->message : "");
      EXPECT_TRUE(each.impurities.empty() && each.unknown.empty()) << each.file;
    }
  }
}

// PyTorch, torchvision and torchaudio of a nightly, by either strategy: all with the same packages of CUDA.
MatrixSpec nightly_set(const std::string& from, bool carve) {
  std::string text = read_file(std::string(testing::source_folder) + "/matrices/nightly-sm121.toml");
  text = replace_all(text, "package = \"pytorch\"",
                     "package = \"pytorch\"\ncompanions = [\"torchvision\", \"torchaudio\"]");
  if (from == "copy")
    text = replace_all(text.substr(0, text.find("url = ")) + text.substr(text.find("[settings]")),
                       "from = \"fetch\"", "from = \"copy\"");
  if (carve)
    text = replace_all(replace_all(text, "[settings]", "[settings]\nstrategy = \"carve\""), "gpu = \"12.1\"",
                       "gpus = [\"9.0\", \"12.1\"]");
  for (const std::string package : {"torchvision", "torchaudio"}) {
    text += "[" + package +
            ".\"0.26.0a0+git0123456\"]\npytorch = \"2.11.0a0+gitf3b7280\"\nrev = "
            "\"0123456789012345678901234567890123456789\"\nhash = \"\"\n";
  }
  if (carve) text += "[carver]\nurl = \"https://example.org/torchlathe.tar.gz\"\n";
  return parse_matrix(text, "nightly-set.toml");
}

TEST(GeneratedRecipes, OfANightlySetTakeTheSameCudaPackagesAsTheirPyTorch) {
  for (const std::string from : {"fetch", "copy"}) {
    const Folder folder;
    const MatrixSpec spec = nightly_set(from, false);
    const std::vector<Variant> variants = expand(spec);
    ASSERT_EQ(variants.size(), 3U);
    write_recipes(spec, variants, folder.path(), {});
    const RecordedFolder recorded = record_folder(folder.path());
    if (!recorded.nix_found) GTEST_SKIP() << "no Nix here";
    const std::string home = find(recorded, variants[0].file()).package->environment.at("CUDA_HOME");
    for (const Variant& variant : variants) {
      const Recorded& got = find(recorded, variant.file());
      ASSERT_TRUE(got.package) << (got.failure ? got.failure->message : "");
      EXPECT_EQ(got.package->environment.at("CUDA_HOME"), home) << variant.name;
      EXPECT_EQ(got.arguments.contains("cudaToolkitRepo"), from == "fetch") << variant.name;
    }
    EXPECT_EQ(find(recorded, variants[1].file()).package->torch->passthru("torchlathe")->text_of("variant"),
              variants[0].name);
  }
}

TEST(GeneratedRecipes, OfACarvedNightlySetHandTheRepositoryOn) {
  const Folder folder;
  const MatrixSpec spec = nightly_set("fetch", true);
  const std::vector<Variant> variants = expand(spec);
  ASSERT_EQ(variants.size(), 9U);  // three for both GPUs, three cut out of them for each
  write_recipes(spec, variants, folder.path(), {});
  const RecordedFolder recorded = record_folder(folder.path());
  if (!recorded.nix_found) GTEST_SKIP() << "no Nix here";
  for (const Variant& variant : variants) {
    EXPECT_TRUE(find(recorded, variant.file()).arguments.contains("cudaToolkitRepo")) << variant.name;
    const std::string text = render(spec, variant);
    EXPECT_EQ(text.find("{ inherit nixpkgs; }"), std::string::npos) << variant.name;
  }
}

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
      {"# nixpkgs' substitutions insist", "patches = [ ]; #", "nixpkgs' patch for CUPTI"},
      {"# nixpkgs' substitutions insist", "patches = [ ]; #",
       "the patch that goes with removing FindCUDAToolkit.cmake"},
      {"--replace-warn", "--replace-fail", "nixpkgs' substitutions warn"},
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
    EXPECT_TRUE(has_all(found, {change.noticed_as}))
        << change.from << ": " << (found.empty() ? "nothing" : found.front());
  }
}

}  // namespace
}  // namespace lathe
