// SPDX-License-Identifier: MIT
#include "conform/promise.h"

#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "audit/rules/rule.h"
#include "base/text.h"
#include "hardware/catalog.h"

namespace lathe {
namespace {

// As nixpkgs names what goes into a torch with CUDA 13.0.
Derivation torch_derivation() {
  Derivation derivation;
  derivation.system = "x86_64-linux";
  for (const char* output : {"out", "dev", "lib"}) derivation.outputs[output] = {};
  for (const char* input : {"cuda13.0-cuda_nvcc-13.0.48", "cuda13.0-nccl-2.28.3", "magma-cuda-static-2.9.0",
                            "python3.13-triton-3.6.0", "cmake-4.1"}) {
    derivation.inputs["/nix/store/h-" + std::string(input) + ".drv"] = {"out"};
  }
  derivation.variables = {
      {"name", "python3.13-pytorch-sm90-2.10.0"},
      {"pname", "pytorch-sm90"},
      {"version", "2.10.0"},
      {"preConfigure",
       "export TORCH_CUDA_ARCH_LIST=\"9.0\"\nexport CXXFLAGS=\"-mavx2 -mfma -mf16c ${CXXFLAGS:-}\"\n"
       "export PYTORCH_BUILD_VERSION=2.10.0\n"},
      {"patches", "/nix/store/h-a.patch /nix/store/h-forward-cupti-env-vars.patch"},
      {"dontCheckPythonMetadata", "1"}};
  return derivation;
}

Variant torch_variant() {
  const auto cell = std::make_shared<Cell>(Cell{.gpus = {parse_capability("9.0")->capability},
                                                .isa = catalog().find_isa("avx2"),
                                                .cuda = Version::parse("13.0"),
                                                .reason = {},
                                                .runs_on = {},
                                                .min_driver = {},
                                                .gpu_text = "sm90",
                                                .cuda_text = "13_0"});
  PytorchSource source;
  source.version = "2.10.0";
  Variant variant;
  variant.name = "sm90";
  variant.pname = "pytorch-sm90";
  variant.package = "pytorch";
  variant.python = "3.13";
  variant.pytorch = std::make_shared<PytorchSource>(std::move(source));
  variant.nixpkgs = std::make_shared<Nixpkgs>();
  variant.cell = cell;
  variant.settings = std::make_shared<Settings>();
  return variant;
}

Survey survey() {
  Survey survey;
  survey.columns = {{"torch_patches", {"a.patch"}}, {"torch_cuda_patches", {}}, {"metadata_check", {"true"}}};
  survey.torch_outputs = {"out", "dev", "lib"};
  return survey;
}

// What is found, a line each, after `change` was made to the derivation.
template <typename Change>
std::string found(Change change, const Survey& of = survey()) {
  Derivation derivation = torch_derivation();
  change(derivation);
  std::map<std::string, Derivation> inputs;
  inputs["/nix/store/h-magma-cuda-static-2.9.0.drv"].inputs["/nix/store/h-cuda13.0-cuda_cudart-13.0.drv"] = {
      "out"};
  std::string text;
  for (const Finding& finding : compare_promise(torch_variant(), {}, see_recipe(derivation, inputs), of))
    text += finding.what + "\n";
  return text;
}

void drop(Derivation& derivation, const char* input) {
  derivation.inputs.erase("/nix/store/h-" + std::string(input) + ".drv");
}
void add(Derivation& derivation, const char* input) {
  derivation.inputs["/nix/store/h-" + std::string(input) + ".drv"] = {"out"};
}
void rewrite(Derivation& derivation, const char* from, const char* to) {
  for (auto& [name, text] : derivation.variables) text = replace_all(text, from, to);
}

TEST(Promise, PartsAreReadFromTheNamesOfInputs) {
  const SeenRecipe seen = see_recipe(torch_derivation(), {});
  EXPECT_EQ(seen.parts.at("magma"), "2.9.0");
  EXPECT_EQ(seen.parts.at("nccl"), "2.28.3");
  EXPECT_EQ(seen.parts.at("triton"), "3.6.0");
  EXPECT_EQ(seen.cuda, std::vector<std::string>{"13.0"});
  EXPECT_EQ(seen.python, "3.13");
  EXPECT_EQ(seen.patches, (std::vector<std::string>{"a.patch", "forward-cupti-env-vars.patch"}));
}

TEST(Promise, AFaithfulDerivationHasNoFinding) {
  EXPECT_EQ(found([](Derivation&) {}), "");
}

TEST(Promise, EachBrokenPromiseIsFound) {
  EXPECT_EQ(found([](Derivation& d) { rewrite(d, "ARCH_LIST=\"9.0\"", "ARCH_LIST=\"8.6;9.0\""); }),
            "the list of GPUs is 8.6;9.0, the variant promises 9.0\n");
  EXPECT_EQ(found([](Derivation& d) { rewrite(d, " -mfma", ""); }), "CXXFLAGS have no -mfma\n");
  EXPECT_EQ(found([](Derivation& d) { rewrite(d, "BUILD_VERSION=2.10.0", "BUILD_VERSION=2.9.1"); }),
            "the release that it is built as is 2.9.1, the variant promises 2.10.0\n");
  EXPECT_EQ(found([](Derivation& d) { add(d, "cuda13.2-libcublas-13.2"); }),
            "CUDA packages of 13.0, 13.2 are among its inputs, the variant promises 13.0\n");
  EXPECT_EQ(found([](Derivation& d) { drop(d, "cuda13.0-nccl-2.28.3"); }), "nccl is not among its inputs\n");
  EXPECT_EQ(
      found([](Derivation& d) { drop(d, "cuda13.0-nccl-2.28.3"), drop(d, "cuda13.0-cuda_nvcc-13.0.48"); }),
      "there is no CUDA package among its inputs: a build for CPUs\nnccl is not among its inputs\n");
  EXPECT_EQ(found([](Derivation& d) { d.variables.erase("dontCheckPythonMetadata"); }),
            "this nixpkgs looks the package up under its pname when all is built, and does not find it\n");
  EXPECT_EQ(found([](Derivation& d) { d.outputs.erase("lib"); }), "has no output lib, nixpkgs' torch has\n");
  EXPECT_EQ(found([](Derivation& d) { d.system = "aarch64-linux"; }),
            "system is aarch64-linux, the variant promises x86_64-linux\n");
  EXPECT_EQ(found([](Derivation& d) { rewrite(d, "/nix/store/h-a.patch", ""); }),
            "nixpkgs' patch a.patch is dropped\n");
  Survey later = survey();
  later.columns["torch_cuda_patches"] = {"forward-cupti-env-vars.patch"};  // for 2.13 and newer
  EXPECT_EQ(found([](Derivation&) {}, later),
            "nixpkgs' patch forward-cupti-env-vars.patch is not for PyTorch 2.10.0\n");
}

}  // namespace
}  // namespace lathe
