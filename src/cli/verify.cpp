// SPDX-License-Identifier: MIT
// `torchlathe verify VARIANT PATH...`: does a finished build keep the promise of its name?
#include "verify/verify.h"

#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "carve/plan/plan.h"
#include "carve/trial.h"
#include "cli/commands.h"
#include "cli/parts/inspect_files.h"
#include "cli/options/driver_option.h"
#include "cli/options/matrix_option.h"
#include "cli/options/options.h"
#include "device/cuda_target.h"
#include "hardware/capability.h"
#include "matrix/expand.h"
#include "os/terminal.h"
#include "report/verification.h"

namespace lathe {
namespace verify_command {

struct Options {
  std::string name;
  std::vector<std::string> paths;
  MatrixOption matrix;
  std::string platform;
  std::string driver;
  std::string format = "text";
  bool no_cpu = false;
  bool strict = false;
};

void declare(OptionSet& set, Options& options) {
  set.positional("variant", options.name, "the variant's name", ValueKind::variant);
  set.positionals("path", options.paths,
                  "what was built: a folder, store path, wheel, container image or library", ValueKind::file);
  options.matrix.declare(set);
  set.text("--platform", options.platform, "OS/ARCH",
           "of an image with several: linux/arm64, or all [that of this machine]");
  set.text("--driver", options.driver, "VERSION",
           "the oldest driver that it must run with, or native: what needs a newer one is an error");
  set.flag("--no-cpu", options.no_cpu, "skip the scan of the CPU code: milliseconds instead of seconds");
  set.formerly("--gpu-only");
  set.flag("--strict", options.strict, "warnings count as errors");
  set.choice("-f,--format", options.format, {"text", "json"}, "how to print [text]");
}

// Without a matrix the name has to say it all.
BuildPromise promise_for(const Options& options) {
  BuildPromise promise = options.matrix.is_there()
                             ? promise_of(find_variant(options.matrix.load(), options.name))
                             : promise_of(parse_variant_name(options.name));
  if (!options.driver.empty()) promise.driver = driver_named(options.driver);
  return promise;
}

std::vector<CarveTarget> targets_of(const BuildPromise& promise) {
  std::vector<CarveTarget> targets;
  for (const Capability gpu : promise.gpus)
    targets.push_back({.device = cuda_target(gpu.portable()), .ptx = promise.ptx});
  return targets;
}

// Advice to carve that carve would refuse is none.
std::string advice_to_drop(const std::vector<std::filesystem::path>& paths, const BuildPromise& promise) {
  const std::vector<CarveTarget> targets = targets_of(promise);
  const std::string gpus = to_string(targets);
  std::string refused;
  for (const std::filesystem::path& path : paths) {
    const CarveTrial trial = try_carve(path, targets);
    if (trial.refused.empty())
      return fmt::format("torchlathe carve {} --gpu {} --output DIR drops it", path.string(),
                         replace_all(gpus, ", ", ","));
    refused = trial.refused;
  }
  return fmt::format("build it for {} alone; a carve drops nothing: {}", gpus, refused);
}

int run(const Options& options, Terminal& terminal) {
  const BuildPromise promise = promise_for(options);
  const std::vector<std::filesystem::path> paths(options.paths.begin(), options.paths.end());
  const Verification result =
      verify(promise, inspect_files(paths, {.cpu = !options.no_cpu, .platform = options.platform}, terminal),
             [&](const BuildPromise& promised) { return advice_to_drop(paths, promised); });
  terminal.out(options.format == "json" ? verification_json(result) : verification_text(result, terminal));
  return result.findings.exit_code(options.strict);
}

}  // namespace verify_command

std::unique_ptr<BoundCommand> command_verify() {
  return bind_command(verify_command::declare, verify_command::run);
}

}  // namespace lathe
