// SPDX-License-Identifier: MIT
// `torchlathe restore`: the original again, out of what carve made of it and the side file.
#include <fmt/format.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/json_report.h"
#include "base/text.h"
#include "carve/carve.h"
#include "carve/carve_package.h"
#include "cli/commands.h"
#include "cli/options/carving.h"
#include "cli/options/options.h"
#include "cli/parts/restoring.h"
#include "matrix/axis_table.h"
#include "os/mapped_file.h"
#include "os/terminal.h"
#include "os/unfinished.h"
#include "package/kinds.h"
#include "side/manifest.h"
#include "side/restore.h"
#include "side/side_file.h"

namespace lathe {
namespace restore_command {

namespace fs = std::filesystem;

struct Options {
  std::string path;
  std::string side;
  std::string output;
  std::string gpu;
  std::string format = "text";
  bool in_place = false;
  bool dry_run = false;
};

void declare(OptionSet& set, Options& options) {
  set.positional("path", options.path, "the carved library, folder or wheel", ValueKind::file);
  set.text("--side", options.side, "FILE", "what carve --side wrote", ValueKind::file);
  set.text("-o,--output", options.output, "PATH",
           "where the original goes; nothing may be there. A wheel: the folder for it", ValueKind::file);
  set.flag("--in-place", options.in_place, "replace the carved one by the original");
  set.text("-g,--gpu", options.gpu, "CC[,CC...]",
           "do not restore all: carve the original again, for these GPUs too");
  set.values(known_gpus());
  set.flag("-n,--dry-run", options.dry_run, "say what would happen, write nothing");
  set.choice("-f,--format", options.format, {"text", "json"}, "how to print [text]");
}

void check(const Options& options) {
  if (options.side.empty())
    throw Error({.what = "where is the side file?", .next = "say --side FILE, as carve was told"});
  check_destination(options.in_place, options.output, options.dry_run);
  if (!options.gpu.empty() && options.in_place) {
    throw Error({.what = "with --gpu the result goes to a new place: the side file fits the old one alone",
                 .next = "say --output PATH"});
  }
}

RestoreCall call_to(const Options& options, const fs::path& to) {
  return {.slim = options.path, .to = to, .dry_run = options.dry_run};
}

Restored restore_to(const Options& options, const SideContent& side, const fs::path& to, Terminal& terminal) {
  return restore_with_progress(call_to(options, to), side, terminal);
}

// What the side file says of an option that its original was carved with; "": nothing.
std::string told(const SideContent& side, const std::string& option) {
  const auto found = side.manifest().how.find(option);
  return found == side.manifest().how.end() ? "" : found->second;
}

// As the side file says that it was carved, and for more GPUs.
CarveOptions carved_as(const SideContent& side, const std::string& gpu) {
  CarveOptions carve;
  if (told(side, "gpu").empty()) {
    throw Error({.what = "the side file does not say for which GPUs its original was carved",
                 .where = {.file = side.name()},
                 .next = "restore the original without --gpu, and carve that"});
  }
  set_packing(told(side, "compress"), told(side, "driver"), carve);
  set_embedded(told(side, "embedded"), carve);
  carve.targets = carve_targets(told(side, "gpu") + "," + gpu);
  carve.minimal = told(side, "minimal") == "yes";
  carve.keep_special = told(side, "keep_special") == "yes";
  carve.strip_symbols = told(side, "strip_symbols") == "yes";
  return carve;
}

// The original is made beside the new place, carved from there, and goes.
Restored add_gpus(const Options& options, const SideContent& side, Terminal& terminal) {
  const CarveOptions carve = carved_as(side, options.gpu);
  if (options.dry_run) {
    const bool wheel = side.manifest().kind == SideManifest::Kind::wheel;
    return restore_to(options, side, wheel ? fs::path(".") : fs::path(options.path), terminal);
  }
  const fs::path output = options.output;
  const fs::path place = output.has_filename() ? output : output.parent_path();
  const Unfinished folder(place, Unfinished::Kind::folder);
  const Restored original =
      restore_to(options, side, fs::path(folder.path()) / side.manifest().name, terminal);
  Progress progress(terminal);
  progress.show(fmt::format("carving for {}", to_string(carve.targets)));
  Restored out = original;
  if (side.manifest().kind == SideManifest::Kind::file) {
    const fs::path to = output.has_filename() ? output : output / side.manifest().name;
    if (fs::exists(fs::symlink_status(to)))
      throw Error({.what = "this is there already", .where = {.file = to.string()}, .next = "remove it"});
    const CarvedFile carved = carve_file(original.path, to, carve);
    out.path = to;
    out.size = carved.new_size;
  } else {
    CarvePackageOptions how{.carve = carve, .include_vendor = told(side, "include_vendor") == "yes"};
    how.wheel_variant = told(side, "wheel_variant");
    const CarvedPackage carved = carve_package(original.path, output, how);
    if (!carved.failures.empty())
      throw Error({.what = carved.failures[0].what,
                   .where = carved.failures[0].where,
                   .next = carved.failures[0].fix});
    out.path = carved.path.empty() ? place : carved.path;
    out.size = carved.path.empty() || carved.new_file_size == 0 ? carved.new_size : carved.new_file_size;
  }
  out.sha256.clear();
  return out;
}

void print_text(const Options& options, const SideContent& side, const Restored& done, Terminal& terminal) {
  if (options.gpu.empty()) return print_restored(call_to(options, {}), side, done, terminal);
  terminal.print(
      "{} {} too: {}, {}\n", options.dry_run ? "would be carved for" : "carved for", options.gpu,
      options.dry_run && options.output.empty() ? "the original is restored first" : done.path.string(),
      size_text(done.size));
}

// Of a dry run it need not be told.
fs::path place_of(const Options& options, const SideContent& side) {
  if (!options.in_place && !options.output.empty()) return options.output;
  const bool wheel = side.manifest().kind == SideManifest::Kind::wheel;
  return wheel && !options.in_place ? fs::path(".") : fs::path(options.path);
}

int run(const Options& options, Terminal& terminal) {
  check(options);
  const MappedFile map = MappedFile::open(options.side);
  const SideContent side(map.bytes(), options.side);
  const fs::path to = place_of(options, side);
  const Restored done =
      options.gpu.empty() ? restore_to(options, side, to, terminal) : add_gpus(options, side, terminal);
  map.expect_whole();
  if (options.format == "json") print_restored_json(call_to(options, to), side, done, terminal);
  else print_text(options, side, done, terminal);
  return 0;
}

}  // namespace restore_command

std::unique_ptr<BoundCommand> command_restore() {
  return bind_command(restore_command::declare, restore_command::run);
}

}  // namespace lathe
