// SPDX-License-Identifier: MIT
// The files themselves: are there any, all read, for the promised machine, and undamaged?
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/finding.h"
#include "inspect/inspect.h"
#include "inspect/not_read.h"
#include "verify/rules.h"
#include "verify/verify.h"

namespace lathe {

void shorten(std::vector<Evidence>& evidence) {
  if (evidence.size() <= most_evidence) return;
  const std::size_t more = evidence.size() - most_evidence;
  evidence.resize(most_evidence);
  evidence.push_back({.what = fmt::format("and {} more", more)});
}

namespace {

void empty(const BuildPromise& promise, const Inspection& inspection, Findings& findings) {
  findings.add(
      {.rule = "no-code",
       .severity = Severity::error,
       .what = fmt::format("named for {} code, but holds no machine code", to_string(promise.isa->machine)),
       .cause = "this is another output of the build, or a folder of headers",
       .fix = "give the output that holds lib/libtorch*.so",
       .evidence = {{.what = fmt::format("{} other files", inspection.other_files)}}});
}

void machine(const BuildPromise& promise, const Inspection& inspection, Findings& findings) {
  const std::string_view wanted = to_string(promise.isa->machine);
  Finding finding{.rule = "machine", .severity = Severity::error, .what = {}};
  std::string other;
  for (const FileInspection& file : inspection.files) {
    if (file.machine.empty() || file.machine == wanted) continue;
    if (other.empty()) other = file.machine;
    finding.evidence.push_back({.where = {.file = file.path}, .what = file.machine});
  }
  if (finding.evidence.empty()) return;
  finding.what = fmt::format("named for {} ({}), but holds code for {}", promise.isa->name, wanted, other);
  finding.cause = "built on another system than the recipe's platforms say";
  finding.fix = "build it for the right system";
  shorten(finding.evidence);
  findings.add(std::move(finding));
}

void damage(const Inspection& inspection, Findings& findings) {
  Finding finding{.rule = "damaged", .severity = Severity::error, .what = "cannot be read as a whole"};
  const auto take = [&](const Findings& seen, const std::string& path) {
    for (const Finding& each : seen) {
      if (each.severity == Severity::error && each.rule != "not-read")
        finding.evidence.push_back({.where = {.file = path}, .what = each.what});
    }
  };
  take(inspection.findings, "");
  for (const FileInspection& file : inspection.files) take(file.findings, file.path);
  if (finding.evidence.empty()) return;
  finding.cause = "a copy that was cut off, or a disk that was full";
  finding.fix = "copy or build it again";
  shorten(finding.evidence);
  findings.add(std::move(finding));
}

}  // namespace

// No verdict goes over what was not read: neither "CPU-only" nor "no code" is said then.
void check_read(const Inspection& inspection, Findings& findings) {
  Finding finding{.rule = "not-read",
                  .severity = Severity::error,
                  .what = "cannot be judged: not all of it can be read, and code may be in the rest"};
  for (const NotRead& file : inspection.not_read) {
    if (file.severity != Severity::error) continue;
    finding.evidence.push_back(
        {.where = {.file = file.path}, .what = file.words + (file.seen.empty() ? "" : "; " + file.seen)});
  }
  if (finding.evidence.empty()) return;
  finding.cause =
      "a packed archive, or a build for another system: verify reads ELF and PE files, in "
      "folders, wheels, zip, tar and Nix archives, conda packages and container images";
  finding.fix = "unpack it and give the folder; builds for macOS cannot be judged";
  shorten(finding.evidence);
  findings.add(std::move(finding));
}

// A build that does not find CUPTI goes on, and says so in one line of thousands.
void check_profiler(const BuildPromise& promise, const Inspection& inspection, Findings& findings) {
  if (promise.gpus.empty()) return;
  const auto has = [](bool gpu) {
    return [gpu](const FileInspection& file) { return file.profiles_gpu == std::optional(gpu); };
  };
  if (std::ranges::any_of(inspection.files, has(true))) return;
  const auto blind = std::ranges::find_if(inspection.files, has(false));
  if (blind == inspection.files.end()) return;
  findings.add(
      {.rule = "profiler",
       .severity = Severity::warning,
       .what = "has a profiler that cannot watch the GPU: it was built without CUPTI",
       .cause =
           "CMake did not find CUPTI: patches = [ ] drops nixpkgs' patch that names its folder (look for "
           "\"using CPU-only Kineto build\" in the log)",
       .fix = "keep nixpkgs' patches; torchlathe audit on its recipe",
       .evidence = {{.where = {.file = blind->path},
                     .what = "exports libkineto, and no function of it takes a type of CUPTI's"}}});
}

void check_files(const BuildPromise& promise, const Inspection& inspection, Findings& findings) {
  if (inspection.files.empty() && !inspection.read_in_part()) return empty(promise, inspection, findings);
  machine(promise, inspection, findings);
  damage(inspection, findings);
}

}  // namespace lathe
