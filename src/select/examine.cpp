// SPDX-License-Identifier: MIT
#include "select/examine.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/finding.h"
#include "device/coverage.h"
#include "device/cuda_target.h"
#include "device/driver_need.h"
#include "hardware/capability.h"
#include "hardware/catalog.h"
#include "hardware/compat.h"
#include "inspect/needed_driver.h"
#include "inspect/not_read.h"

namespace lathe {
namespace {

class Examiner {
 public:
  Examiner(const HostInfo& host, ExaminedTorch& out) : host_(host), out_(out) {}

  void run(const Inspection& libraries) {
    if (host_.gpus.empty()) return;
    if (!out_.torch.cuda) {
      add(Severity::warning, "cpu-only", "is a CPU build: the GPU stays idle",
          "torchlathe select names a build for this GPU");
      return;
    }
    judge_driver();
    judge_code_driver(needed_driver(libraries));
    for (const HostGpu& gpu : host_.gpus) {
      if (!gpu.capability) continue;
      const Coverage coverage = libraries.coverage_on(cuda_target(*gpu.capability));
      if (!coverage.serves() && libraries.read_in_part()) {
        leave_open(gpu, libraries);
      } else {
        judge_code(gpu, coverage);
      }
    }
  }

 private:
  void add(Severity severity, std::string rule, std::string what, std::string fix) {
    const auto same = [&](const Finding& finding) { return finding.what == what; };
    if (std::any_of(out_.findings.begin(), out_.findings.end(), same)) return;
    out_.findings.add({.rule = std::move(rule),
                       .severity = severity,
                       .where = {.file = out_.torch.folder.string()},
                       .what = std::move(what),
                       .fix = std::move(fix)});
  }

  void judge_driver() {
    auto cuda = Version::parse(*out_.torch.cuda);
    if (!cuda || !host_.driver.version) return;
    cuda->parts.resize(std::min<std::size_t>(2, cuda->parts.size()));
    if (!catalog().find_toolkit(*cuda)) return;
    for (const HostGpu& gpu : host_.gpus) {
      const Version floor = minimum_driver(gpu.capability.value_or(Capability{}), *cuda, false);
      if (floor <= *host_.driver.version) continue;
      add(Severity::error, "driver",
          fmt::format("is of CUDA {}, which needs driver {} or newer; this is {}", *out_.torch.cuda,
                      floor.text(), host_.driver.version->text()),
          fmt::format("update the driver to {}, or install a build of an older CUDA", floor.text()));
    }
  }

  // What its files ask for beyond their toolkit: packed images, PTX that has to be compiled.
  void judge_code_driver(const std::optional<DriverNeed>& need) {
    if (!need || !host_.driver.version || need->because.starts_with("CUDA")) return;
    if (need->version <= *host_.driver.version) return;
    add(Severity::error, "driver",
        fmt::format("needs driver {} or newer because of {}; this is {}", need->version.text(), need->because,
                    host_.driver.version->text()),
        fmt::format("update the driver to {}, or install another build", need->version.text()));
  }

  // The code that is missing may be in what was not read.
  void leave_open(const HostGpu& gpu, const Inspection& libraries) {
    std::string what = "not all of its libraries can be read";
    const auto unread = std::ranges::find(libraries.not_read, Severity::error, &NotRead::severity);
    if (unread != libraries.not_read.end())
      what = fmt::format("{} was not read: {}", unread->path, unread->words);
    add(Severity::error, "not-read", fmt::format("may have code for {} or not: {}", gpu_text(gpu), what),
        "torchlathe inspect says what was not read and why");
  }

  void judge_code(const HostGpu& gpu, const Coverage& coverage) {
    if (std::ranges::find(out_.coverage, coverage.device, &Coverage::device) == out_.coverage.end())
      out_.coverage.push_back(coverage);
    const std::string device = gpu_text(gpu);
    if (!coverage.serves()) {
      add(Severity::error, "no-code", fmt::format("has no code for {}: {}", device, coverage.text()),
          "torchlathe select names a build that has");
    } else if (coverage.runs == Runs::ptx) {
      add(Severity::warning, "ptx",
          fmt::format("has PTX alone for some kernels on {}: the driver compiles them at the first start",
                      device),
          "torchlathe select names a build for exactly this GPU");
    } else if (!coverage.through.empty()) {
      std::vector<std::string> through;
      for (const Target target : coverage.through) through.push_back(spell(target));
      add(Severity::note, "older-code",
          fmt::format("runs on {} through code for {}", device, fmt::join(through, ", ")),
          "a build for exactly this GPU may be faster: torchlathe select");
    }
  }

  const HostInfo& host_;
  ExaminedTorch& out_;
};

}  // namespace

bool ExaminedTorch::serves(const HostInfo& host) const {
  if (host.gpus.empty()) return !torch.cuda;
  return torch.cuda && !coverage.empty() &&
         std::ranges::all_of(coverage, [](const Coverage& on) { return on.serves(); });
}

ExaminedTorch examine(const InstalledTorch& torch, const Inspection& libraries, const HostInfo& host) {
  ExaminedTorch out = {.torch = torch, .has_gpu_code = !libraries.shapes().empty(), .code = libraries.gpu()};
  Examiner(host, out).run(libraries);
  return out;
}

ExaminedTorch examine(const InstalledTorch& torch, const HostInfo& host) {
  if (!torch.cuda) return examine(torch, Inspection{}, host);
  const Inspection inspection = inspect({torch.folder / "lib"});
  ExaminedTorch out = examine(torch, inspection, host);
  const auto take = [&](const Findings& findings) {
    for (const Finding& finding : findings) {
      if (finding.severity == Severity::error) out.findings.add(finding);
    }
  };
  take(inspection.findings);
  for (const FileInspection& file : inspection.files) take(file.findings);
  return out;
}

}  // namespace lathe
