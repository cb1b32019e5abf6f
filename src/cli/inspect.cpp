// SPDX-License-Identifier: MIT
// `torchlathe inspect PATH...`: which GPU and CPU code do these files really hold?
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/finding.h"
#include "base/safe_format.h"
#include "base/text.h"
#include "inspect/inspect.h"
#include "cli/commands.h"
#include "cli/parts/inspect_files.h"
#include "cli/options/native_gpus.h"
#include "cli/options/options.h"
#include "device/coverage.h"
#include "device/cuda_target.h"
#include "device/vendor.h"
#include "hardware/capability.h"
#include "hardware/amd/amd_gpus.h"
#include "hardware/gpu_name.h"
#include "nix/closure.h"
#include "matrix/axis_table.h"
#include "os/file.h"
#include "os/terminal.h"
#include "page/inspection_picture.h"
#include "report/inspection.h"

namespace lathe {
namespace inspect_command {

struct Options {
  std::vector<std::string> paths;
  std::string gpu;
  std::string picture;
  bool dry_run = false;
  std::string platform;
  std::string format = "text";
  bool closure = false;
  bool no_cpu = false;
  bool files = false;
  bool no_embedded = false;
};

void declare(OptionSet& set, Options& options) {
  set.positionals("path", options.paths,
                  "files, folders, wheels, container images (oci:DIR:TAG), store paths", ValueKind::file);
  set.text("--gpu", options.gpu, "GPU",
           "only answer: will it run there? (9.0, \"RTX 5090\", gfx942, native)");
  set.values(known_gpus());
  set.flag("--closure", options.closure, "with all that a Nix store path refers to");
  set.text("--platform", options.platform, "OS/ARCH",
           "of an image with several: linux/arm64, or all [that of this machine]");
  set.flag("--no-cpu", options.no_cpu, "skip the scan of the CPU code: seconds faster for a large library");
  set.flag("--files", options.files, "every file by itself, however many there are");
  set.flag("--no-embedded", options.no_embedded, "do not look for device code that is kept as data");
  set.text("--picture", options.picture, "FILE", "draw where the bytes go, as SVG", ValueKind::file);
  set.flag("-n,--dry-run", options.dry_run, "with --picture: say what would be written, write nothing");
  set.choice("-f,--format", options.format, {"text", "json"}, "how to print [text]");
}

std::vector<std::filesystem::path> paths_of(const Options& options) {
  std::vector<std::filesystem::path> paths;
  for (const std::string& path : options.paths) {
    if (!options.closure) {
      paths.emplace_back(path);
      continue;
    }
    const auto closure = closure_of(path);
    paths.insert(paths.end(), closure.begin(), closure.end());
  }
  return paths;
}

// AMD's by processor ("gfx942", "gfx90a:xnack+") or product, NVIDIA's by all that they are called.
Target device_named(const std::string& text) {
  const AmdProcessor* amd = amd_processor_of(text);
  for (const Vendor* vendor : vendors()) {
    const auto parsed = vendor->parse(amd ? amd->name : text);
    if (parsed && vendor != cuda_target({}).vendor) return parsed->target;
  }
  return cuda_target(read_gpu_name(text).capability.portable());
}

// The one that the user names, or those in this machine.
std::vector<Target> devices_of(const std::string& text) {
  std::vector<Target> devices;
  if (text.empty()) return devices;
  if (text != "native") return {device_named(text)};
  const std::string list = native_gpu_list();
  for (const std::string_view each : split(list, ','))
    devices.push_back(cuda_target(read_gpu_name(each).capability.portable()));
  return devices;
}

// Does all general code have something for the device?
bool serves(const Inspection& inspection, Target device) {
  if (inspection.shapes().empty()) return !inspection.embedded().empty();
  return inspection.coverage_on(device).serves();
}

// One line, the files that have not enough, and 0 when all general code has something for the device. What
// was not read is said by the caller.
int answer(const Inspection& inspection, Target device, bool all_files, Terminal& terminal) {
  constexpr std::size_t most = 20;
  const std::string name = spell(device);
  if (inspection.shapes().empty() && !inspection.embedded().empty()) {
    terminal.print(
        "{}: chosen by the library itself: all device code here is data that it loads on its own\n", name);
    return 0;
  }
  if (inspection.shapes().empty()) {
    std::string_view where = inspection.read_in_part() ? "in what was read" : "here";
    if (!inspection.data_searched) where = "but what may lie among the data";
    terminal.print("{}: no device code {}\n", name, where);
    return 1;
  }
  const Coverage coverage = inspection.coverage_on(device);
  terminal.print("{}: {}\n", name, coverage.text());
  const auto files = inspection.not_serving(device);
  const std::size_t shown = all_files ? files.size() : std::min(most, files.size());
  for (std::size_t i = 0; i < shown; ++i) {
    terminal.print("  {}: {}\n", files[i]->path, files[i]->coverage_on(device).text());
  }
  if (files.size() > shown) terminal.print("  and {} more files; --files shows all\n", files.size() - shown);
  return coverage.serves() ? 0 : 1;
}

std::string title_of(const std::vector<std::string>& paths) {
  const std::filesystem::path path = std::filesystem::path(paths[0]).lexically_normal();
  const std::string name = (path.has_filename() ? path : path.parent_path()).filename().string();
  return paths.size() == 1 ? name : fmt::format("{} and {} more", name, paths.size() - 1);
}

void draw(const Inspection& inspection, const Options& options, Terminal& terminal) {
  const std::string picture = inspection_svg(inspection, title_of(options.paths));
  if (options.dry_run)
    return terminal.say(Tone::note, safe_format("torchlathe: {} would be written\n", options.picture));
  write_file_atomically(options.picture, picture);
}

bool has_errors(const Inspection& inspection) {
  return inspection.findings.count(Severity::error) > 0 ||
         std::ranges::any_of(inspection.files, [](const FileInspection& file) {
           return file.findings.count(Severity::error) > 0;
         });
}

int run(const Options& options, Terminal& terminal) {
  const std::vector<Target> devices = devices_of(options.gpu);
  const bool cpu = !options.no_cpu && devices.empty();  // the GPU question needs no CPU code
  const Inspection inspection =
      inspect_files(paths_of(options),
                    {.cpu = cpu, .embedded = !options.no_embedded, .platform = options.platform}, terminal);
  if (!options.picture.empty()) draw(inspection, options, terminal);
  if (!devices.empty() && options.format == "json") {
    terminal.out(inspection_json(inspection));
    const bool all = std::ranges::all_of(devices, [&](Target device) { return serves(inspection, device); });
    return all && !inspection.read_in_part() ? 0 : 1;
  }
  int exit = 0;
  for (const Target device : devices)
    exit = std::max(exit, answer(inspection, device, options.files, terminal));
  if (!devices.empty()) {
    if (!inspection.read_in_part()) return exit;
    terminal.out(inspection_findings(inspection, terminal));
    return 1;
  }
  terminal.out(options.format == "json" ? inspection_json(inspection)
                                        : inspection_text(inspection, terminal, options.files));
  return has_errors(inspection) ? 1 : 0;
}

}  // namespace inspect_command

std::unique_ptr<BoundCommand> command_inspect() {
  return bind_command(inspect_command::declare, inspect_command::run);
}

}  // namespace lathe
