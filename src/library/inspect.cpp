// SPDX-License-Identifier: MIT
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "device/coverage.h"
#include "hardware/capability.h"
#include "torchlathe/inspect.h"

#include "inspect/inspect.h"
#include "library/convert.h"

namespace torchlathe {
namespace {

Runs public_runs(lathe::Runs runs) {
  switch (runs) {
    case lathe::Runs::all: return Runs::all;
    case lathe::Runs::ptx: return Runs::ptx;
    case lathe::Runs::some: return Runs::some;
    case lathe::Runs::none: break;
  }
  return Runs::none;
}

std::vector<Coverage> public_coverage(const std::vector<lathe::Coverage>& coverage) {
  std::vector<Coverage> all;
  for (const lathe::Coverage& each : coverage) {
    all.push_back({.device = spell(each.device),
                   .runs = public_runs(each.runs),
                   .containers = each.containers,
                   .containers_without = each.containers_without + each.special_without,
                   .text = each.text()});
  }
  return all;
}

InspectedFile public_inspected_file(const lathe::FileInspection& file) {
  InspectedFile out{.path = file.path,
                    .bytes = file.size,
                    .format = file.format,
                    .machine = file.machine,
                    .soname = file.soname,
                    .code = {},
                    .coverage = public_coverage(file.coverage),
                    .findings = public_findings(file.findings)};
  for (const lathe::GpuCode& code : file.gpu) {
    out.code.push_back({.name = code.name(),
                        .images = code.images,
                        .bytes = code.bytes,
                        .unpacked_bytes = code.unpacked_bytes});
  }
  return out;
}

}  // namespace

Coverage Inspection::on(std::string_view device) const {
  const std::string asked =
      guarded([&] { return spell(read_capability(device).capability.portable(), lathe::Dialect::dotted); });
  for (const Coverage& each : coverage) {
    if (each.device == asked) return each;
  }
  return {.device = asked, .runs = Runs::none, .text = "none"};
}

Inspection inspect(const std::vector<std::filesystem::path>& paths, const InspectOptions& options) {
  return guarded([&] {
    const lathe::Inspection seen = lathe::inspect(
        paths, {.threads = options.threads, .embedded = options.embedded_code, .on_file = options.on_file});
    Inspection out{
        .files = {}, .coverage = public_coverage(seen.coverage), .findings = public_findings(seen.findings)};
    for (const lathe::FileInspection& file : seen.files) out.files.push_back(public_inspected_file(file));
    return out;
  });
}

}  // namespace torchlathe
