// SPDX-License-Identifier: MIT
// The files themselves: are there any, all read, for the promised machine, and undamaged?
#include <fmt/format.h>

#include <algorithm>

#include "verify/rules.h"

namespace lathe {

void shorten(std::vector<Evidence>& evidence) {
  if (evidence.size() <= most_evidence) return;
  const std::size_t more = evidence.size() - most_evidence;
  evidence.resize(most_evidence);
  evidence.push_back({.file = {}, .symbol = {}, .what = fmt::format("and {} more", more)});
}

namespace {

void empty(const BuildPromise& promise, const Inspection& inspection, Breaches& breaches) {
  breaches.push_back({.rule = "no-code",
                      .severity = Severity::error,
                      .what = fmt::format("promises {} code, and holds no machine code at all",
                                          to_string(promise.isa->machine)),
                      .evidence = {{.file = {},
                                    .symbol = {},
                                    .what = fmt::format("{} other files", inspection.other_files)}},
                      .cause = "this is another output of the build, or a folder of headers",
                      .fix = "give the output that holds lib/libtorch*.so"});
}

void machine(const BuildPromise& promise, const Inspection& inspection, Breaches& breaches) {
  const std::string_view wanted = to_string(promise.isa->machine);
  Breach breach{.rule = "machine", .severity = Severity::error, .what = {}};
  std::string other;
  for (const FileInspection& file : inspection.files) {
    if (file.machine.empty() || file.machine == wanted) continue;
    if (other.empty()) other = file.machine;
    breach.evidence.push_back({.file = file.path, .symbol = {}, .what = file.machine});
  }
  if (breach.evidence.empty()) return;
  breach.what = fmt::format("promises {} ({}), and holds code for {}", promise.isa->name, wanted, other);
  breach.cause = "built on another system than the recipe's platforms say";
  breach.fix = "build it for the right system";
  shorten(breach.evidence);
  breaches.push_back(std::move(breach));
}

void damage(const Inspection& inspection, Breaches& breaches) {
  Breach breach{.rule = "damaged", .severity = Severity::error, .what = "cannot be read as a whole"};
  const auto take = [&](const Findings& findings, const std::string& path) {
    for (const Finding& finding : findings) {
      if (finding.severity == Severity::error && finding.rule != "not-read")
        breach.evidence.push_back({.file = path, .symbol = {}, .what = finding.what});
    }
  };
  take(inspection.findings, "");
  for (const FileInspection& file : inspection.files) take(file.findings, file.path);
  if (breach.evidence.empty()) return;
  breach.cause = "a copy that was cut off, or a disk that was full";
  breach.fix = "copy or build it again";
  shorten(breach.evidence);
  breaches.push_back(std::move(breach));
}

}  // namespace

// No verdict goes over what was not read: neither "CPU-only" nor "no code" is said then.
void check_read(const Inspection& inspection, Breaches& breaches) {
  Breach breach{.rule = "not-read",
                .severity = Severity::error,
                .what = "cannot be judged: not all of it can be read, and code may be in the rest"};
  for (const NotRead& file : inspection.not_read) {
    if (file.severity != Severity::error) continue;
    breach.evidence.push_back(
        {.file = file.path, .symbol = {}, .what = file.words + (file.seen.empty() ? "" : "; " + file.seen)});
  }
  if (breach.evidence.empty()) return;
  breach.cause =
      "an archive that nobody unpacked, or a build for another system: what is read is ELF files, in folders "
      "and zip archives";
  breach.fix = "unpack it and give the folder; of a build for Windows or macOS nothing can be said";
  shorten(breach.evidence);
  breaches.push_back(std::move(breach));
}

// A build that does not find CUPTI goes on, and says so in one line of thousands.
void check_profiler(const BuildPromise& promise, const Inspection& inspection, Breaches& breaches) {
  if (promise.gpus.empty()) return;
  const auto has = [](bool gpu) {
    return [gpu](const FileInspection& file) { return file.profiles_gpu == std::optional(gpu); };
  };
  if (std::ranges::any_of(inspection.files, has(true))) return;
  const auto blind = std::ranges::find_if(inspection.files, has(false));
  if (blind == inspection.files.end()) return;
  breaches.push_back(
      {.rule = "profiler",
       .severity = Severity::warning,
       .what = "has a profiler that cannot watch the GPU: it was built without CUPTI",
       .evidence = {{.file = blind->path,
                     .symbol = {},
                     .what = "exports libkineto, and no function of it takes a type of CUPTI's"}},
       .cause =
           "CMake did not find CUPTI: patches = [ ] drops nixpkgs' patch that names its folder (look for "
           "\"using CPU-only Kineto build\" in the log)",
       .fix = "keep nixpkgs' patches; torchlathe audit on its recipe"});
}

void check_files(const BuildPromise& promise, const Inspection& inspection, Breaches& breaches) {
  if (inspection.files.empty() && !inspection.read_in_part()) return empty(promise, inspection, breaches);
  machine(promise, inspection, breaches);
  damage(inspection, breaches);
}

}  // namespace lathe
