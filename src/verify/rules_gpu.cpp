// SPDX-License-Identifier: MIT
// Device code against the promised GPUs.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/finding.h"
#include "base/text.h"
#include "device/coverage.h"
#include "device/cuda_target.h"
#include "device/target.h"
#include "hardware/capability.h"
#include "hardware/catalog.h"
#include "inspect/inspect.h"
#include "inspect/needed_driver.h"
#include "verify/rules.h"
#include "verify/verify.h"

namespace lathe {
namespace {

bool is_cuda(Target target) { return target.vendor == cuda_target({}).vendor; }

bool is_for(Target target, Capability gpu) {
  return is_cuda(target) && capability_of(target).portable() == gpu.portable();
}

// A variant promises CUDA: code for other makers' GPUs is beside the point.
std::vector<GpuCode> cuda_codes(std::vector<GpuCode> codes) {
  std::erase_if(codes, [](const GpuCode& code) { return !is_cuda(code.code.target); });
  return codes;
}

// Machine code for exactly this GPU, whatever its suffix.
bool is_exact(const TargetCode& code, Capability gpu) {
  return code.kind == ImageKind::native && is_for(code.target, gpu);
}

std::size_t containers_with_exact(std::span<const ContainerShape> shapes, Capability gpu) {
  std::size_t count = 0;
  for (const ContainerShape& shape : shapes) {
    if (std::ranges::any_of(shape.codes, [&](const TargetCode& code) { return is_exact(code, gpu); }))
      count += shape.count;
  }
  return count;
}

std::string names_of(const std::vector<GpuCode>& codes) {
  std::vector<std::string> names;
  for (const GpuCode& code : codes) names.push_back(code.name());
  return fmt::format("{}", fmt::join(names, ", "));
}

Evidence amount_of(const GpuCode& code) {
  return {.what = fmt::format("{}: {} images, {}", code.name(), code.images, size_text(code.bytes))};
}

Target device_of(Capability gpu) { return cuda_target(gpu.portable()); }

std::string dotted(Capability gpu) { return spell(gpu, Dialect::dotted); }

class GpuRules {
 public:
  GpuRules(const BuildPromise& promise, const Inspection& inspection, const DropAdvice& advice,
           Findings& findings)
      : promise_(promise),
        inspection_(inspection),
        advice_(advice),
        findings_(findings),
        shapes_(inspection.shapes()),
        codes_(cuda_codes(inspection.gpu())) {}

  void run() {
    if (promise_.gpus.empty()) return nobody_asked();
    if (codes_.empty()) return cpu_only();
    for (const Capability gpu : promise_.gpus) one(gpu);
    toolkit();
    ptx();
    nobody_asked();
  }

 private:
  // Device code that only the device linker reads does not run.
  void not_linked(std::size_t containers) {
    Finding finding{.rule = "not-linked",
                    .severity = Severity::error,
                    .what = fmt::format("named for {}, but all its device code still waits for the "
                                        "device linker: none of its kernels can be launched",
                                        promised(", "))};
    for (const FileInspection& file : inspection_.files) {
      if (file.containers_relocatable)
        finding.evidence.push_back({.where = {.file = file.path},
                                    .what = fmt::format("{} of {} relocatable containers",
                                                        file.containers_relocatable, containers)});
    }
    finding.cause =
        "compiled with -rdc=true, but linked by the host's compiler alone: nvcc -dlink was left out (in "
        "CMake: CUDA_RESOLVE_DEVICE_SYMBOLS)";
    finding.fix = "link it with nvcc, or run nvcc -dlink before";
    shorten(finding.evidence);
    findings_.add(std::move(finding));
  }

  void cpu_only() {
    std::size_t relocatable = 0;
    for (const FileInspection& file : inspection_.files) relocatable += file.containers_relocatable;
    if (relocatable > 0) return not_linked(relocatable);
    if (!inspection_.embedded().empty()) return only_as_data();
    if (inspection_.read_in_part()) return;  // there may be some in the rest: not-read and damaged say so
    if (!inspection_.embedded().empty()) return only_as_data();
    Finding finding{.rule = "cpu-only",
                    .severity = Severity::error,
                    .what = fmt::format("named for {}, but contains no GPU code: it is a CPU-only build",
                                        promised(", "))};
    finding.evidence.push_back(
        {.what = fmt::format("{} files with machine code, none with a section of device code",
                             inspection_.files.size())});
    finding.cause =
        "CUDA was never turned on: overrideAttrs alone does not do it, torch.override { cudaSupport = true; "
        "} does; or CMake did not find CUDA and "
        "went on without (look for \"USE_CUDA: OFF\" in the log)";
    finding.fix = "torchlathe audit on its recipe, torchlathe diagnose on its log";
    findings_.add(std::move(finding));
  }

  // The library hands it to the driver by itself: the file does not tell which of it is used where.
  void only_as_data() {
    Finding finding{.rule = "gpu-as-data",
                    .severity = Severity::warning,
                    .what = fmt::format(
                        "named for {}; all device code here is data that a library loads by itself, so the "
                        "file does not tell which GPUs it runs on",
                        promised(", "))};
    add_embedded(finding);
    finding.cause = "a library that picks its kernels at run time, as cuFFT does";
    finding.fix = "run it on the GPU: torchlathe smoke";
    shorten(finding.evidence);
    findings_.add(std::move(finding));
  }

  void add_embedded(Finding& finding) const {
    for (const FileInspection& file : inspection_.files) {
      if (file.embedded.empty()) continue;
      finding.evidence.push_back(
          {.where = {.file = file.path},
           .what = fmt::format("{} of device code as data", size_text(file.embedded.bytes))});
    }
  }

  void one(Capability gpu) {
    const Coverage coverage = inspection_.coverage_on(device_of(gpu));
    const std::size_t exact = containers_with_exact(shapes_, gpu);
    if (!coverage.serves()) return missing(gpu, coverage);
    if (exact == 0) return other(gpu, coverage);
    if (exact < coverage.with()) through(gpu, coverage, exact);
    if (coverage.narrower_without > 0) narrower(gpu, coverage);
    if (gpu != gpu.portable() && std::ranges::none_of(codes_, [&](const GpuCode& code) {
          return code.code.target == cuda_target(gpu);
        }))
      suffix(gpu);
  }

  void missing(Capability gpu, const Coverage& coverage) {
    Finding finding{
        .rule = "gpu-missing",
        .severity = Severity::error,
        .what = coverage.runs == Runs::none
                    ? fmt::format("does not run on the promised {}: it has code for {}", dotted(gpu),
                                  names_of(codes_))
                    : fmt::format("runs on the promised {} only in part: {}", dotted(gpu), coverage.text())};
    for (const FileInspection* file : inspection_.not_serving(device_of(gpu))) {
      finding.evidence.push_back(
          {.where = {.file = file->path},
           .what = fmt::format("{}: {}", dotted(gpu), file->coverage_on(device_of(gpu)).text())});
    }
    finding.cause =
        coverage.runs == Runs::none
            ? "it was built for another GPU: gpuTargets reached torch under another name, or the "
              "result was named by hand"
            : "some libraries are narrowed by something else than gpuTargets: MAGMA, NCCL and the "
              "companions by config.cudaCapabilities";
    finding.fix = coverage.runs == Runs::none ? "build the variant again from a generated recipe"
                                              : "narrow = \"closure\" in the matrix, and build again";
    shorten(finding.evidence);
    findings_.add(std::move(finding));
  }

  void other(Capability gpu, const Coverage& coverage) {
    Finding finding{.rule = "gpu-other",
                    .severity = Severity::error,
                    .what = fmt::format("has no code made for the promised {}; it runs there: {}",
                                        dotted(gpu), coverage.text())};
    for (const GpuCode& code : codes_) finding.evidence.push_back(amount_of(code));
    finding.cause = "it was built for another GPU than it is named for";
    finding.fix = "name it for what it holds, or build it again";
    shorten(finding.evidence);
    findings_.add(std::move(finding));
  }

  void through(Capability gpu, const Coverage& coverage, std::size_t exact) {
    Finding finding{.rule = "gpu-through",
                    .severity = Severity::warning,
                    .what = fmt::format(
                        "{} of {} containers have no code made for {}; they run there through other code: {}",
                        coverage.with() - exact, coverage.containers, dotted(gpu), coverage.text())};
    for (const FileInspection& file : inspection_.files) {
      const Coverage own = file.coverage_on(device_of(gpu));
      const std::size_t made = containers_with_exact(file.needed(), gpu);
      if (own.with() > made)
        finding.evidence.push_back(
            {.where = {.file = file.path},
             .what = fmt::format("{} of {} containers", own.with() - made, own.containers)});
    }
    finding.cause = "PyTorch compiles a few sources for a list of their own, whatever it is asked for";
    shorten(finding.evidence);
    findings_.add(std::move(finding));
  }

  // Code with a suffix says by itself that it is for one GPU alone; a shorter list may be meant or forgotten.
  void narrower(Capability gpu, const Coverage& coverage) {
    Finding finding{
        .rule = "gpu-narrower",
        .severity = Severity::warning,
        .what = fmt::format(
            "{} of {} containers have nothing for the promised {}, and are for fewer GPUs than the rest",
            coverage.narrower_without, coverage.containers, dotted(gpu))};
    for (const FileInspection& file : inspection_.files) {
      const Coverage own = file.coverage_on(device_of(gpu));
      if (own.narrower_without > 0)
        finding.evidence.push_back({.where = {.file = file.path}, .what = own.special_text()});
    }
    finding.cause =
        "kernels that need a newer GPU, or have a counterpart for this one; or a part that was built for a "
        "list of its own";
    finding.fix = "run what the kernels are for on such a GPU";
    shorten(finding.evidence);
    findings_.add(std::move(finding));
  }

  void suffix(Capability gpu) {
    findings_.add({.rule = "gpu-suffix",
                   .severity = Severity::warning,
                   .what = fmt::format("named for {}, but has no image with that suffix", dotted(gpu)),
                   .cause = "the build was asked for the GPU without its suffix, so its "
                            "architecture-specific instructions were not used",
                   .fix = "name it without the suffix, or build it again",
                   .evidence = {{.what = names_of(codes_)}}});
  }

  void toolkit() {
    if (!promise_.cuda) return;
    Finding finding{.rule = "cuda-other", .severity = Severity::error, .what = {}};
    std::vector<std::string> others;
    for (const FileInspection& file : inspection_.files) {
      for (const std::string& text : file.toolkits) {
        const auto made = Version::parse(text);
        if (!made || made->parts.empty() || made->parts[0] == promise_.cuda->parts[0]) continue;
        finding.evidence.push_back(
            {.where = {.file = file.path}, .what = fmt::format("compiled by CUDA {}", text)});
        if (std::ranges::find(others, text) == others.end()) others.push_back(text);
      }
    }
    if (others.empty()) return;
    finding.what = fmt::format("named for CUDA {}, but its device code was made by CUDA {}",
                               promise_.cuda->text(), fmt::join(others, ", "));
    finding.cause =
        "the recipe is named for a CUDA release that it does not ask for: without an overlay nixpkgs' own "
        "default is used";
    finding.fix = "torchlathe audit on its recipe";
    shorten(finding.evidence);
    findings_.add(std::move(finding));
  }

  void ptx() {
    if (!promise_.ptx || std::ranges::any_of(codes_, [](const GpuCode& code) {
          return code.code.kind == ImageKind::portable;
        }))
      return;
    findings_.add({.rule = "ptx-missing",
                   .severity = Severity::warning,
                   .what = "the matrix asks for PTX, so that later GPUs can run it; there is none",
                   .cause = "the GPU was handed to the build without +PTX: gpuTargets adds none by itself",
                   .fix = "build the variant again from a generated recipe",
                   .evidence = {{.what = names_of(codes_)}}});
  }

  bool asked(const GpuCode& code) const {
    return std::ranges::any_of(promise_.gpus,
                               [&](Capability gpu) { return is_for(code.code.target, gpu); }) &&
           (code.code.kind == ImageKind::native || promise_.ptx);
  }

  void nobody_asked() {
    Finding finding{.rule = "gpu-extra", .severity = Severity::warning, .what = {}};
    std::uint64_t bytes = 0;
    for (const GpuCode& code : codes_) {
      if (asked(code)) continue;
      bytes += code.bytes;
      finding.evidence.push_back(amount_of(code));
    }
    if (promise_.gpus.empty()) {
      bytes += inspection_.embedded().bytes;
      add_embedded(finding);
    }
    if (finding.evidence.empty()) return;
    if (promise_.gpus.empty()) {
      finding.what =
          fmt::format("is named as a CPU-only build but holds {} of device code", size_text(bytes));
      finding.cause = "CUDA is on in its package set";
      finding.fix = "name it for its GPUs";
    } else if (promise_.package != "pytorch") {
      finding.rule = "companion-gpus";
      finding.severity = Severity::error;
      finding.what = fmt::format("holds {} for other GPUs than its PyTorch, which is for {}",
                                 size_text(bytes), promised(", "));
      finding.cause =
          "a companion reads torch.cudaCapabilities, which nixpkgs computes from config.cudaCapabilities: "
          "gpuTargets does not narrow it";
      finding.fix = "build it from a generated recipe: companions under [matrix]";
    } else {
      finding.what = fmt::format("holds {} for GPUs that were not requested", size_text(bytes));
      finding.cause =
          "a fat build, or libraries that are narrowed by config.cudaCapabilities and not by gpuTargets";
      finding.fix = advice_ ? advice_(promise_) : fmt::format("build it for {} alone", promised(", "));
    }
    findings_.add(std::move(finding));
  }

  std::string promised(std::string_view between) const {
    std::vector<std::string> gpus;
    for (const Capability gpu : promise_.gpus) gpus.push_back(dotted(gpu));
    return fmt::format("{}", fmt::join(gpus, between));
  }

  const BuildPromise& promise_;
  const Inspection& inspection_;
  const DropAdvice& advice_;
  Findings& findings_;
  const std::vector<ContainerShape> shapes_;
  const std::vector<GpuCode> codes_;
};

}  // namespace

void check_gpus(const BuildPromise& promise, const Inspection& inspection, const DropAdvice& advice,
                Findings& findings) {
  GpuRules(promise, inspection, advice, findings).run();
}

void check_driver(const BuildPromise& promise, const Inspection& inspection, Findings& findings) {
  const auto need = needed_driver(inspection);
  if (!need || !promise.driver || !(*promise.driver < need->version)) return;
  Finding finding{.rule = "driver-old",
                  .severity = Severity::error,
                  .what = fmt::format("needs driver {} or newer because of {}, and is meant for {}",
                                      need->version.text(), need->because, promise.driver->text())};
  for (const FileInspection& file : inspection.files) {
    const auto own = file.least_driver();
    if (own && *promise.driver < own->version)
      finding.evidence.push_back({.where = {.file = file.path},
                                  .what = fmt::format("{}: {} or newer", own->because, own->version.text())});
  }
  finding.cause = need->because == "zstd"
                      ? "its images are packed with zstd, which older drivers cannot unpack"
                      : "it was compiled by a newer toolkit than the driver serves";
  finding.fix =
      fmt::format("update the driver to {}, or {}", need->version.text(),
                  need->because == "zstd" ? "pack the images with lz4" : "build it with an older toolkit");
  shorten(finding.evidence);
  findings.add(std::move(finding));
}

}  // namespace lathe
