// SPDX-License-Identifier: MIT
// `torchlathe show VARIANT`: everything about one variant.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/json_report.h"
#include "cli/commands.h"
#include "cli/options/matrix_option.h"
#include "cli/options/options.h"
#include "hardware/compat.h"
#include "matrix/expand.h"
#include "matrix/spec.h"
#include "matrix/variant.h"
#include "os/terminal.h"
#include "recipe/render.h"
#include "select/variant_record.h"

namespace lathe {
namespace show_command {

struct Options {
  std::string name;
  MatrixOption matrix;
  std::string format = "text";
};

void declare(OptionSet& set, Options& options) {
  set.positional("variant", options.name, "its name, pname or an older name", ValueKind::variant);
  options.matrix.declare(set);
  set.choice("-f,--format", options.format, {"text", "json", "nix"}, "how to print; nix: its recipe [text]");
}

std::string settings_text(const Settings& settings) {
  std::string text =
      settings.narrow == Settings::Narrow::torch ? "narrows PyTorch alone" : "narrows the whole closure";
  if (settings.ptx) text += ", with PTX";
  if (settings.jobs > 0) text += fmt::format(", at most {} compile jobs", settings.jobs);
  if (settings.memory_per_job_gib > 0)
    text += fmt::format(", {} GiB of memory a job", settings.memory_per_job_gib);
  if (!settings.compile_cache.empty()) text += fmt::format(", compile cache in {}", settings.compile_cache);
  return text;
}

Style style_of(PairStatus status) {
  if (status == PairStatus::valid) return Style::green;
  return status == PairStatus::redundant ? Style::yellow : Style::red;
}

std::string carved_text(const Variant& variant) {
  if (variant.of_nixpkgs) return "out of nixpkgs' own torch";
  return variant.carved_from.empty() ? "" : fmt::format("out of {}", variant.carved_from);
}

void print(const Variant& variant, Terminal& terminal) {
  const Cell& cell = *variant.cell;
  const auto line = [&](std::string_view key, const std::string& value) {
    if (!value.empty())
      terminal.print("{} {}\n", terminal.styled(Style::bold, fmt::format("{:10}", key)), value);
  };
  line("variant", variant.name);
  line("aliases", fmt::format("{}", fmt::join(variant.aliases, ", ")));
  line("pname", variant.pname);
  line("status",
       fmt::format("{}: {}", terminal.styled(style_of(cell.status), to_string(cell.status)), cell.reason));
  line("pytorch", fmt::format("{} for Python {}", variant.pytorch->version, variant.python));
  if (variant.is_gpu()) {
    line("gpu", fmt::format("TORCH_CUDA_ARCH_LIST \"{}\"", fmt::join(variant.arch_list(), ";")));
    line("cuda", cell.cuda->text());
    line("driver", cell.min_driver ? fmt::format("{} or newer", cell.min_driver->text()) : "");
  }
  line("isa", fmt::format("{} ({})", cell.isa->name, cell.isa->title));
  line("flags", fmt::format("{}", fmt::join(variant.cpu_flags(), " ")));
  line("cpuinfo", fmt::format("{}", fmt::join(cell.isa->cpuinfo, " ")));
  line("system", system_of(cell.isa->machine));
  line("runs on", fmt::format("{}", fmt::join(cell.runs_on, ", ")));
  line("carved", carved_text(variant));
  line("settings", settings_text(*variant.settings));
  const std::string ships =
      variant.nixpkgs->torch.empty()
          ? ""
          : fmt::format(" (ships PyTorch {}, CUDA {})", variant.nixpkgs->torch, variant.nixpkgs->cuda);
  line("nixpkgs", variant.nixpkgs->rev + ships +
                      (variant.nixpkgs->assumed ? fmt::format(" ({})", variant.nixpkgs->assumption()) : ""));
  line("source", variant.pytorch->hash.empty() ? "as nixpkgs ships it" : variant.pytorch->hash);
}

int run(const Options& options, Terminal& terminal) {
  const MatrixSpec spec = options.matrix.load();
  const Variant variant = find_variant(spec, options.name);
  if (options.format == "json") {
    terminal.print("{{\"schema_version\": {}, \"variant\": {}}}\n", json_schema_version,
                   variant_json(variant));
  } else if (options.format == "nix") {
    terminal.data(render(spec, variant));
  } else {
    print(variant, terminal);
  }
  return 0;
}

}  // namespace show_command

std::unique_ptr<BoundCommand> command_show() {
  return bind_command(show_command::declare, show_command::run);
}

}  // namespace lathe
