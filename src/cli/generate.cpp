// SPDX-License-Identifier: MIT
// `torchlathe generate`: the recipes of a matrix, into a folder.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/json_report.h"
#include "cli/commands.h"
#include "cli/options/cuda_toolkit_option.h"
#include "cli/options/matrix_option.h"
#include "cli/options/options.h"
#include "cli/options/variant_filter.h"
#include "matrix/expand.h"
#include "matrix/spec.h"
#include "matrix/variant.h"
#include "os/terminal.h"
#include "recipe/extra_files.h"
#include "recipe/write.h"

namespace lathe {
namespace generate_command {

struct Options {
  MatrixOption matrix;
  VariantFilter filter;
  CudaToolkitOption cuda_toolkit;
  std::string out;
  std::string format = "text";
  bool force = false;
  bool dry_run = false;
};

void declare(OptionSet& set, Options& options) {
  declare_variants(set, options.matrix, options.filter);
  set.text("-o,--output", options.out, "DIR", "folder to write into; Flox looks in .flox/pkgs",
           ValueKind::folder);
  set.formerly("--out");
  options.cuda_toolkit.declare(set);
  set.flag("--force", options.force,
           "overwrite files that torchlathe did not write, and files changed by hand");
  set.flag("-n,--dry-run", options.dry_run, "say what would be written, write nothing");
  set.choice("-f,--format", options.format, {"text", "json"}, "how to print [text]");
}

void print(const std::vector<Written>& all, const Options& options, Terminal& terminal) {
  std::array<std::size_t, 3> count{};
  for (const Written& written : all) ++count[static_cast<std::size_t>(written.action)];
  if (options.format == "json") {
    JsonWriter json;
    begin_report(json)
        .member("folder", options.out)
        .member("dry_run", options.dry_run)
        .key("files")
        .begin_array();
    for (const Written& written : all) {
      json.begin_object()
          .member("file", written.file)
          .member("action", to_string(written.action))
          .end_object();
    }
    json.end_array().key("summary").begin_object();
    for (std::size_t i = 0; i < count.size(); ++i)
      json.member(to_string(static_cast<Written::Action>(i)), count[i]);
    terminal.out(json.end_object().end_object().take());
    return;
  }
  for (const Written& written : all) {
    if (options.dry_run) terminal.print("{:10}{}\n", to_string(written.action), written.file);
  }
  const auto recipes = static_cast<std::size_t>(
      std::ranges::count_if(all, [](const Written& written) { return written.file.ends_with(".nix"); }));
  const std::string files =
      recipes == all.size() ? "" : fmt::format(" and {} files that they name", all.size() - recipes);
  terminal.print("{}: {} recipes{}{}: {} created, {} replaced, {} unchanged\n", options.out, recipes, files,
                 options.dry_run ? " would be written" : "", count[0], count[1], count[2]);
}

int run(const Options& options, Terminal& terminal) {
  if (options.out.empty()) {
    throw Error(
        {.what = "generate: --output is missing", .where = {}, .next = "for Flox: --output .flox/pkgs"});
  }
  MatrixSpec spec = options.matrix.load(terminal);
  if (const std::string local = options.cuda_toolkit.checked(spec); !local.empty()) {
    spec.cuda_packages->local = local;
    terminal.say(Tone::note,
                 safe_format("torchlathe: CUDA's packages come from {}\n", options.cuda_toolkit.named()));
  }
  const std::vector<Variant> wanted = with_bases(spec, options.filter.variants(spec));
  Progress progress(terminal);
  const auto written = write_recipes(
      spec, wanted, options.out, {.force = options.force, .dry_run = options.dry_run},
      [&](std::size_t done) { progress.show(fmt::format("writing recipes {}/{}", done, wanted.size())); });
  progress.done();
  for (const std::string& file : missing_extra_files(spec, options.out)) {
    terminal.say(
        Tone::note,
        safe_format("torchlathe: [extra] names ./{}, which is neither beside the matrix file nor in {}: "
                    "recipes there do not evaluate\n",
                    file, options.out));
  }
  print(written, options, terminal);
  return 0;
}

}  // namespace generate_command

std::unique_ptr<BoundCommand> command_generate() {
  return bind_command(generate_command::declare, generate_command::run);
}

}  // namespace lathe
