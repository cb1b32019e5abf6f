// SPDX-License-Identifier: MIT
// `torchlathe arch-patch`: does a PyTorch source tree take these capabilities, and a patch where it does not.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/json_report.h"
#include "base/safe_format.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/options/options.h"
#include "hardware/capability.h"
#include "hardware/gpu_name.h"
#include "matrix/axis_table.h"
#include "os/file.h"
#include "os/terminal.h"
#include "recipe/arch_patch.h"
#include "report/table.h"

namespace lathe {
namespace arch_patch_command {

struct Options {
  std::string tree;
  std::vector<std::string> gpus;
  std::string out;
  bool dry_run = false;
  std::string format = "text";
};

void declare(OptionSet& set, Options& options) {
  set.positional("tree", options.tree, "a PyTorch source tree, an installed torch, or the file itself",
                 ValueKind::file);
  set.texts("--gpu", options.gpus, "GPU", "what to ask for: 12.0f, 12.1, 9.0+PTX, \"RTX 5090\"");
  set.values(known_gpus());
  set.text("-o,--output", options.out, "FILE", "write the patch, if one is needed", ValueKind::file);
  set.formerly("--out");
  set.flag("-n,--dry-run", options.dry_run, "with --output: say what would be written, write nothing");
  set.choice("-f,--format", options.format, {"text", "json"}, "how to print [text]");
}

// The file after the change must take what was asked for, and do with the rest as before.
std::string checked_patch(const std::string& text, const std::vector<ArchAnswer>& before,
                          const Options& options) {
  const auto widened = widen_arch_parser(text);
  if (!widened || *widened == text) {
    throw Error({.what = "no expression in it that could be widened",
                 .where = {.file = options.tree},
                 .next = "this tree needs a patch written by hand"});
  }
  const std::vector<ArchAnswer> after = ask_arch_parser(*widened, options.gpus);
  for (std::size_t i = 0; i < after.size(); ++i) {
    const bool as_before = !before[i].taken || before[i].flags == after[i].flags;
    if (after[i].taken && as_before) continue;
    throw Error(
        {.what = fmt::format("with the change CMake {} {}",
                             after[i].taken ? "does otherwise with" : "still refuses", after[i].token),
         .where = {.file = options.tree},
         .next = "this tree needs a patch written by hand"});
  }
  return unified_patch(arch_parser_path, text, *widened);
}

void print(const std::vector<ArchAnswer>& answers, const std::string& patch, const Options& options,
           Terminal& terminal) {
  if (options.format == "json") {
    JsonWriter json;
    begin_report(json).member("tree", options.tree).key("answers").begin_array();
    for (const ArchAnswer& answer : answers) {
      json.begin_object()
          .member("token", answer.token)
          .member("taken", answer.taken)
          .member("flags", answer.flags)
          .member("refusal", answer.refusal)
          .end_object();
    }
    terminal.out(json.end_array().member("patch", patch).end_object().take());
    return;
  }
  Table table({"asked", "this tree", "flags"});
  for (const ArchAnswer& answer : answers)
    table.add({answer.token, answer.taken ? "takes it" : "refuses it", answer.flags});
  terminal.say(Tone::note, table.text(terminal));
  if (patch.empty()) {
    terminal.say(Tone::note, "torchlathe: no patch is needed\n");
  } else if (options.out.empty()) {
    terminal.data(patch);
  }
}

// PyTorch's list has capabilities; products are theirs.
std::vector<std::string> capabilities_of(const std::vector<std::string>& gpus) {
  std::vector<std::string> names;
  for (const std::string& gpu : gpus) {
    const bool product = !parse_capability(gpu);
    if (!product) parse_capability_as(gpu, Dialect::dotted);
    names.push_back(product ? spell(read_gpu_name(gpu).capability, Dialect::dotted) : gpu);
  }
  return names;
}

int run(const Options& given, Terminal& terminal) {
  Options options = given;
  if (options.gpus.empty())
    throw Error({.what = "arch-patch: --gpu is missing",
                 .where = {},
                 .next = "name what the build is to be for: --gpu 12.0f"});
  options.gpus = capabilities_of(options.gpus);
  const std::string text = read_file(find_arch_parser(options.tree));
  const std::vector<ArchAnswer> answers = ask_arch_parser(text, options.gpus);
  const bool refused = std::ranges::any_of(answers, [](const ArchAnswer& answer) { return !answer.taken; });
  const std::string patch = refused ? checked_patch(text, answers, options) : "";
  const bool written = !patch.empty() && !options.out.empty();
  if (written && !options.dry_run) write_file_atomically(options.out, patch);
  if (written && options.dry_run)
    terminal.say(Tone::note, safe_format("torchlathe: {} would be written\n", options.out));
  print(answers, patch, options, terminal);
  return refused ? 1 : 0;
}

}  // namespace arch_patch_command

std::unique_ptr<BoundCommand> command_arch_patch() {
  return bind_command(arch_patch_command::declare, arch_patch_command::run);
}

}  // namespace lathe
