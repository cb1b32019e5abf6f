// SPDX-License-Identifier: MIT
#include "select/judge.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "hardware/capability.h"
#include "hardware/catalog.h"
#include "hardware/compat.h"
#include "host/named_host.h"

namespace lathe {
namespace {

std::string dotted(Capability capability) { return spell(capability, Dialect::dotted); }

std::string code_text(const std::vector<DeviceCode>& code) {
  std::vector<std::string> names;
  for (const DeviceCode& each : code)
    names.push_back(dotted(each.capability) + (each.kind == CodeKind::ptx ? " (PTX)" : ""));
  return fmt::format("{}", fmt::join(names, ", "));
}

Fit fit_of(const DeviceCode& code, Capability device) {
  if (code.kind == CodeKind::ptx) return Fit::ptx;
  if (code.capability.portable() == device.portable()) return Fit::exact;
  return code.capability.suffix == 'f' ? Fit::family : Fit::older;
}

// What must be asked of a driver for some code on a device.
struct DriverFloor {
  std::optional<Version> version;  // nullopt: the catalogue does not know this toolkit
  std::optional<Version> with_ptx;
  std::optional<Version> paired;
};

DriverFloor floor_for(const Candidate& candidate, Capability device) {
  DriverFloor floor;
  const Version release{{candidate.cuda->parts.begin(),
                         candidate.cuda->parts.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(
                                                             2, candidate.cuda->parts.size()))}};
  if (const Toolkit* toolkit = catalog().find_toolkit(release)) {
    floor.version = minimum_driver(device, release, false);
    floor.with_ptx = minimum_driver(device, release, true);
    floor.paired = toolkit->paired_driver;
  }
  if (candidate.driver) {
    floor.version = std::max(floor.version.value_or(*candidate.driver), *candidate.driver);
    floor.with_ptx = std::max(floor.with_ptx.value_or(*candidate.driver), *candidate.driver);
  }
  return floor;
}

class Judge {
 public:
  Judge(const Candidate& candidate, const HostInfo& host) : candidate_(candidate), host_(host) {}

  Judgement run() {
    if (!candidate_.impossible.empty())
      lack("not-buildable", fmt::format("cannot be built: {}", candidate_.impossible));
    judge_cpu();
    judge_glibc();
    if (candidate_.is_gpu()) judge_gpus();
    else if (!host_.gpus.empty())
      lack("gpu-unused", "uses no GPU, and there is one", "choose as if there were none: --no-gpu");
    return std::move(out_);
  }

 private:
  void lack(std::string rule, std::string what, std::string fix = "") {
    out_.missing.add({.rule = std::move(rule), .what = std::move(what), .fix = std::move(fix)});
  }

  void judge_cpu() {
    if (candidate_.machine != host_.cpu.machine) {
      return lack("cpu-other",
                  fmt::format("is for {}, but the CPU is {}", to_string(candidate_.machine),
                              to_string(host_.cpu.machine)),
                  fmt::format("take a variant for {}", to_string(host_.cpu.machine)));
    }
    if (!candidate_.isa) return;
    const auto missing = missing_features(host_.cpu, *candidate_.isa);
    if (missing.empty()) return;
    const bool withheld = std::ranges::all_of(missing, [&](const std::string& name) {
      return std::ranges::find(host_.cpu.withheld, name) != host_.cpu.withheld.end();
    });
    const auto usable = usable_isas(host_.cpu);
    lack("cpu-lacks",
         fmt::format("needs {}, which the {}", fmt::join(missing, ", "),
                     withheld ? "kernel or hypervisor withholds" : "CPU does not have"),
         usable.empty() ? "" : fmt::format("take a variant for {}", usable.back()->name));
  }

  void judge_glibc() {
    if (!candidate_.glibc) return;
    if (!host_.system.glibc && host_.comment == made_up_comment) return;
    if (!host_.system.glibc) {
      lack("glibc", fmt::format("needs glibc {}, there is none", candidate_.glibc->text()));
    } else if (*host_.system.glibc < *candidate_.glibc) {
      lack("glibc",
           fmt::format("needs glibc {}, this is {}", candidate_.glibc->text(), host_.system.glibc->text()));
    }
  }

  void judge_gpus() {
    if (host_.gpus.empty())
      return lack("no-gpu",
                  fmt::format("needs a GPU for {} code, there is none", code_text(candidate_.code)));
    judge_driver_presence();
    for (const HostGpu& gpu : host_.gpus) judge_gpu(gpu);
  }

  void judge_driver_presence() {
    if (!host_.driver.version && !host_.driver.assumed)
      lack("no-driver", "needs NVIDIA's driver, none is loaded", "install NVIDIA's driver");
    if (!host_.driver.libraries) lack("no-libcuda", "needs the driver's libcuda.so.1, which is not here");
  }

  void judge_gpu(const HostGpu& gpu) {
    if (gpu.mig && gpu.slices.empty())
      return lack("mig-empty", fmt::format("cannot use {}: in MIG mode without a slice", gpu_text(gpu)),
                  "make one with nvidia-smi mig -cgi, or turn MIG mode off");
    if (!gpu.capability)
      return lack("gpu-unknown", fmt::format("may or may not have code for {}", gpu_text(gpu)));
    const auto picked = pick(candidate_.code, *gpu.capability);
    if (!picked) {
      return lack(
          "no-code",
          fmt::format("has no code for {}: it is built for {}", gpu_text(gpu), code_text(candidate_.code)),
          fmt::format("take a variant for {}", dotted(*gpu.capability)));
    }
    judge_driver(candidate_.code[*picked], gpu);
    const Fit fit = fit_of(candidate_.code[*picked], *gpu.capability);
    const Capability code = candidate_.code[*picked].capability;
    out_.nearness += static_cast<int>(fit) * 10'000 + code.major * 10 + code.minor;
    if (fit < out_.fit) {
      out_.fit = fit;
      out_.through = dotted(candidate_.code[*picked].capability);
    }
  }

  void judge_driver(const DeviceCode& code, const HostGpu& gpu) {
    if (!host_.driver.version) return;
    const DriverFloor floor = floor_for(candidate_, *gpu.capability);
    const auto& needed = code.kind == CodeKind::ptx ? floor.with_ptx : floor.version;
    if (!needed && !(host_.driver.cuda && *candidate_.cuda <= *host_.driver.cuda)) {
      return lack("driver-unknown", fmt::format("is for CUDA {}, whose driver the catalogue does not know",
                                                candidate_.cuda->text()));
    }
    if (needed && *host_.driver.version < *needed) {
      const bool said_why = !candidate_.driver_because.empty() && needed == candidate_.driver;
      const std::string what = fmt::format("needs driver {} or newer{}, this is {}", needed->text(),
                                           said_why ? " because of " + candidate_.driver_because : "",
                                           host_.driver.version->text());
      const bool said = std::any_of(out_.missing.begin(), out_.missing.end(),
                                    [&](const Finding& missing) { return missing.what == what; });
      if (!said) lack("driver", what, fmt::format("update the driver to {}", needed->text()));
    }
    out_.driver_matches = out_.driver_matches && !(floor.paired && *host_.driver.version < *floor.paired);
  }

  const Candidate& candidate_;
  const HostInfo& host_;
  Judgement out_;
};

}  // namespace

std::string_view to_string(Fit fit) {
  static constexpr std::array<std::string_view, 4> names = {"ptx", "older", "family", "exact"};
  return names[static_cast<std::size_t>(fit)];
}

Judgement judge(const Candidate& candidate, const HostInfo& host) { return Judge(candidate, host).run(); }

}  // namespace lathe
