// SPDX-License-Identifier: MIT
// `torchlathe conform`: the recipes of a matrix on a real nixpkgs, and the tables' facts held against it.
// Builds nothing.
#include "cli/conform.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "audit/diff.h"
#include "base/error.h"
#include "base/finding.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/options/cuda_toolkit_option.h"
#include "cli/options/matrix_option.h"
#include "cli/options/options.h"
#include "cli/options/variant_filter.h"
#include "conform/conform.h"
#include "conform/pins_text.h"
#include "conform/promise.h"
#include "conform/survey.h"
#include "conform/tree.h"
#include "diagnose/diagnose.h"
#include "matrix/spec.h"
#include "matrix/variant.h"
#include "os/file.h"
#include "os/terminal.h"
#include "report/finding_style.h"
#include "report/table.h"

namespace lathe {
namespace conform_command {

struct Options {
  MatrixOption matrix;
  VariantFilter filter;
  CudaToolkitOption cuda_toolkit;
  std::string nixpkgs, rev, torchlathe, update_pins;
  std::vector<std::string> settings;
  std::uint64_t at_once = 4;
  std::string format = "text";
  bool strict = false, all = false, dry_run = false;
};

void declare(OptionSet& set, Options& options) {
  declare_variants(set, options.matrix, options.filter);
  set.text("--nixpkgs", options.nixpkgs, "PATH|URL",
           "a checkout, a store path, an archive or its address, channel:NAME, github:OWNER/REPO/REV, or a "
           "revision",
           ValueKind::folder);
  set.text("--rev", options.rev, "REV", "its revision, if it does not say so itself");
  set.text("--torchlathe", options.torchlathe, "DIR",
           "source tree of torchlathe for recipes that carve, instead of the pinned one", ValueKind::folder);
  options.cuda_toolkit.declare(set);
  set.text("--update-pins", options.update_pins, "FILE",
           "write what was seen of this revision into this pins.toml", ValueKind::file);
  set.flag("-n,--dry-run", options.dry_run, "with --update-pins: show the change, write nothing");
  set.texts("--nix-option", options.settings, "NAME=VALUE", "a setting of Nix");
  set.number("--at-once", options.at_once, "N", "recipes that one Nix evaluates: fewer take less memory [4]");
  set.flag("--strict", options.strict, "warnings count as errors");
  set.flag("-a,--all", options.all, "notes too, and recipes that conform, with what their derivations are");
  set.choice("-f,--format", options.format, {"text", "json"}, "how to print [text]");
}

// Where the matrix pins this revision among others, only what is made for it.
std::vector<Variant> wanted_variants(const Options& options, const MatrixSpec& spec, const std::string& rev) {
  std::vector<Variant> wanted = options.filter.variants(spec);
  const bool pinned =
      std::ranges::any_of(spec.nixpkgs, [&](const auto& each) { return each.second->rev == rev; });
  if (pinned) std::erase_if(wanted, [&](const Variant& variant) { return variant.nixpkgs->rev != rev; });
  if (wanted.empty()) fail_no_variant(spec);
  return wanted;
}

void print_finding(const Finding& finding, Terminal& terminal) {
  terminal.print("  {} {} [{}]\n", terminal.styled(style_of(finding.severity), to_string(finding.severity)),
                 printable(finding.what), finding.rule);
}

std::string joined(const std::vector<std::string>& texts) {
  return texts.empty() ? "none" : fmt::format("{}", fmt::join(texts, " "));
}

void print_seen(const SeenRecipe& seen, Terminal& terminal) {
  std::string parts;
  for (const auto& [part, version] : seen.parts)
    parts += fmt::format("{}{} {}", parts.empty() ? "" : ", ", part, version);
  terminal.print("  {}: GPUs {}, CUDA {}, {} inputs; {}\n", printable(seen.name),
                 printable(joined(seen.gpus)), printable(joined(seen.cuda)), seen.inputs.size(),
                 printable(parts));
}

std::string revision_text(const NixpkgsTree& tree) {
  if (tree.rev.empty()) return ": it does not say which revision it is";
  return tree.rev == tree.given ? "" : " is " + printable(tree.rev);
}

void print_facts(const Conformity& conformity, const Options& options, Terminal& terminal) {
  const NixpkgsTree& tree = conformity.tree;
  terminal.print("nixpkgs {}{}\n", printable(tree.given), revision_text(tree));
  const auto fact = [&](const char* column) {
    const auto found = conformity.survey.columns.find(column);
    return found == conformity.survey.columns.end() ? std::string("not seen")
                                                    : printable(joined(found->second));
  };
  terminal.print("  torch {}, triton {}, torchvision {}, torchaudio {}, Python {}\n", fact("torch"),
                 fact("triton"), fact("torchvision"), fact("torchaudio"), fact("python"));
  terminal.print("  CUDA {}; sets {}; torch takes {}\n", fact("cuda"), fact("cuda_sets"), fact("torch_cuda"));
  const std::string near =
      conformity.known_pin ? "" : fmt::format("; it is most like {}", conformity.nearest);
  terminal.print("compared with {}{}: {} differ\n", conformity.compared_with, near,
                 conformity.differences.size());
  for (const Finding& finding : conformity.findings) {
    const bool of_facts = finding.rule == "fact-differs" || (finding.rule == "fact-unseen" && options.all);
    if (of_facts) print_finding(finding, terminal);
  }
}

Style style_of(const ConformedRecipe& recipe) {
  if (recipe.state == "conforms") return Style::green;
  return recipe.state == "skipped" ? Style::dim : Style::red;
}

void print_recipe(const ConformedRecipe& recipe, const Options& options, Terminal& terminal) {
  const bool dull = recipe.findings.count(Severity::error) == 0 &&
                    (!options.strict || recipe.findings.count(Severity::warning) == 0);
  if (dull && !options.all) return;
  terminal.print("{:9}{}\n", terminal.styled(style_of(recipe), fmt::format("{:9}", recipe.state)),
                 terminal.styled(Style::bold, printable(recipe.name)));
  if (recipe.state == "skipped") terminal.print("  {}\n", printable(recipe.reason));
  if (options.all && recipe.seen) print_seen(*recipe.seen, terminal);
  for (const Finding& finding : recipe.findings) print_finding(finding, terminal);
  for (const Diagnosis& each : recipe.why)
    terminal.print("    cause: {}\n    fix: {}\n", printable(each.finding.cause),
                   printable(each.finding.fix));
}

void print(const Conformity& conformity, const Options& options, Terminal& terminal) {
  print_facts(conformity, options, terminal);
  std::map<std::string, std::size_t> count;
  std::map<std::string, std::size_t> warnings;
  for (const ConformedRecipe& recipe : conformity.recipes) {
    ++count[recipe.state];
    print_recipe(recipe, options, terminal);
    for (const Finding& finding : recipe.findings)
      warnings[finding.what] += finding.severity == Severity::warning;
  }
  for (const auto& [what, times] : warnings) {
    if (times > 0 && !options.strict && !options.all)
      terminal.print("{} {}: in {} recipes [derivation-lacks]\n", terminal.styled(Style::yellow, "warning"),
                     printable(what), times);
  }
  terminal.print("{} recipes: {} conform, {} differ, {} fail, {} skipped\n", conformity.recipes.size(),
                 count["conforms"], count["differs"], count["fails"], count["skipped"]);
}

void print_change(const std::string& before, const std::string& after, const Options& options,
                  Terminal& terminal) {
  std::string_view done = options.dry_run ? "would change" : "changed";
  if (before == after) done = "nothing to change";
  terminal.print("{}: {}\n", printable(options.update_pins), done);
  terminal.out(unified_diff(before, after, options.update_pins, options.update_pins));
}

void update(const Conformity& conformity, const Options& options, Terminal& terminal) {
  const std::string& rev = conformity.tree.rev;
  if (rev.empty())
    throw Error({.what = "--update-pins: this nixpkgs does not say which revision it is",
                 .where = {.file = options.nixpkgs},
                 .next = "give it: --rev REVISION"});
  PinUpdate pin{.rev = rev, .like = conformity.nearest, .columns = {}};
  // Of a revision that is new here: against the row that it is to be like.
  const auto rows = conformity.known_pin
                        ? conformity.differences
                        : differences(*nixpkgs_columns(conformity.nearest), conformity.survey, false);
  for (const FactDifference& each : rows) pin.columns[each.column] = each.tree;
  if (!conformity.known_pin) {
    for (const char* column : {"torch", "cuda", "cuda_sets", "magma_cuda13"}) {
      const auto seen = conformity.survey.columns.find(column);
      if (seen != conformity.survey.columns.end()) pin.columns[column] = seen->second;
    }
  }
  const std::string before = read_file(options.update_pins),
                    after = update_pins(before, options.update_pins, pin);
  if (options.format == "text") print_change(before, after, options, terminal);
  if (!options.dry_run && before != after) write_file_atomically(options.update_pins, after);
}

int run(const Options& options, Terminal& terminal) {
  if (options.nixpkgs.empty())
    throw Error({.what = "conform: --nixpkgs is missing",
                 .where = {},
                 .next = "torchlathe conform -m matrix.toml --nixpkgs ~/nixpkgs"});
  const MatrixSpec spec = options.matrix.load();
  Progress progress(terminal);
  progress.show("looking at nixpkgs");
  ConformOptions how{.tree = find_tree(options.nixpkgs),
                     .rev = options.rev,
                     .torchlathe = options.torchlathe,
                     .cuda_toolkit = options.cuda_toolkit.checked(spec),
                     .settings = options.settings,
                     .at_once = std::max<std::size_t>(1, options.at_once)};
  how.progress = [&](std::size_t done, std::size_t all) {
    progress.show(fmt::format("evaluating recipes {}/{}", done, all));
  };
  const std::vector<Variant> wanted =
      wanted_variants(options, spec, how.rev.empty() ? how.tree.rev : how.rev);
  const Conformity conformity = conform(spec, wanted, how);
  progress.done();
  if (options.format == "json") terminal.out(conformity_json(conformity, spec.name));
  else print(conformity, options, terminal);
  if (!options.update_pins.empty()) update(conformity, options, terminal);
  return conformity.findings.exit_code(options.strict);
}

}  // namespace conform_command

std::unique_ptr<BoundCommand> command_conform() {
  return bind_command(conform_command::declare, conform_command::run);
}

}  // namespace lathe
