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
#include "cli/commands.h"
#include "cli/inspect_files.h"
#include "cli/options/matrix_option.h"
#include "cli/options/options.h"
#include "matrix/expand.h"
#include "os/terminal.h"
#include "report/verification.h"

namespace lathe {
namespace verify_command {

struct Options {
  std::string name;
  std::vector<std::string> paths;
  MatrixOption matrix;
  std::string format = "text";
  bool no_cpu = false;
  bool strict = false;
};

void declare(OptionSet& set, Options& options) {
  set.positional("variant", options.name, "its name: of the matrix, or any name of the same kind",
                 ValueKind::variant);
  set.positionals("path", options.paths, "what was built: a folder, store path, wheel or library",
                  ValueKind::file);
  options.matrix.declare(set);
  set.flag("--no-cpu", options.no_cpu, "skip the scan of the CPU code: milliseconds instead of seconds");
  set.formerly("--gpu-only");
  set.flag("--strict", options.strict, "warnings count as errors");
  set.choice("-f,--format", options.format, {"text", "json"}, "how to print [text]");
}

// Without a matrix the name has to say it all.
BuildPromise promise_for(const Options& options) {
  const bool default_matrix = options.matrix.path.empty() && std::filesystem::exists("matrix.toml");
  if (options.matrix.path.empty() && !default_matrix) return promise_of(parse_variant_name(options.name));
  return promise_of(find_variant(options.matrix.load(), options.name));
}

int run(const Options& options, Terminal& terminal) {
  const BuildPromise promise = promise_for(options);
  const std::vector<std::filesystem::path> paths(options.paths.begin(), options.paths.end());
  const Verification result = verify(promise, inspect_files(paths, {.cpu = !options.no_cpu}, terminal));
  terminal.out(options.format == "json" ? verification_json(result) : verification_text(result, terminal));
  return result.findings.exit_code(options.strict);
}

}  // namespace verify_command

std::unique_ptr<BoundCommand> command_verify() {
  return bind_command(verify_command::declare, verify_command::run);
}

}  // namespace lathe
