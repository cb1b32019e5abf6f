// SPDX-License-Identifier: MIT
// `torchlathe shrink`: an environment for fewer GPUs, told by package.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/finding.h"
#include "base/finding_json.h"
#include "base/json.h"
#include "base/json_report.h"
#include "base/text.h"
#include "nix/shell_word.h"
#include "carve/carve.h"
#include "carve/carve_package.h"
#include "carve/plan/plan.h"
#include "cli/commands.h"
#include "cli/options/carving.h"
#include "cli/options/options.h"
#include "cli/parts/aside.h"
#include "cli/parts/restoring.h"
#include "side/side_file.h"
#include "os/mapped_file.h"
#include "device/contents.h"
#include "device/driver_need.h"
#include "inspect/not_read.h"
#include "os/keyboard.h"
#include "os/terminal.h"
#include "report/table.h"
#include "shrink/python_environment.h"
#include "shrink/shrink.h"
#include "side/restore.h"
#include "side/write_side.h"

namespace lathe {
namespace shrink_command {

namespace fs = std::filesystem;

struct Options : CarvingOptions {
  std::string path;
  std::string output;
  std::string side;
  std::string format = "text";
  bool undo = false;
  bool yes = false;
};

void declare(OptionSet& set, Options& options) {
  set.positional("path", options.path,
                 "a virtual environment, site-packages or another folder [that of python3]",
                 ValueKind::folder, false);
  declare_gpus(set, options);
  set.text("-o,--output", options.output, "DIR", "the new folder; without it the old one is changed in place",
           ValueKind::folder);
  set.flag("-n,--dry-run", options.carve.dry_run, "say what would happen, write nothing");
  set.flag("-y,--yes", options.yes, "do not ask about the environment of python3");
  declare_carving(set, options);
  set.text("--side", options.side, "FILE", "write what is dropped there, so that --undo gives it back",
           ValueKind::file);
  set.flag("--undo", options.undo, "give back what a shrink with --side dropped, bit for bit");
  set.choice("-f,--format", options.format, {"text", "json"}, "how to print [text]");
}

CarveOptions checked_options(const Options& options) {
  CarveOptions carve = carve_options(options);
  if (carve.targets.empty() && carve.compress == Compression::none && !carve.unpack && !carve.strip_symbols) {
    throw Error({.what = "for which GPU?",
                 .where = {},
                 .next = "say --gpu 9.0, or --gpu native for the one in this machine"});
  }
  if (options.output.empty() || !fs::exists(fs::symlink_status(options.output))) return carve;
  throw Error({.what = "this is there already",
               .where = {.file = options.output},
               .next = "name a folder that does not exist yet, or leave out --output to change it in place"});
}

// The call that does for `folder` what these options ask for, for a shell.
std::string same_call(const Options& options, const fs::path& folder) {
  std::string call = "torchlathe shrink " + single_quoted(folder.string());
  if (!options.gpu.empty()) call += " --gpu " + single_quoted(options.gpu);
  if (options.compress != "keep") call += " --compress " + options.compress;
  if (!options.driver.empty()) call += " --driver " + options.driver;
  if (options.carve.strip_symbols) call += " --strip-symbols";
  if (options.carve.minimal) call += " --minimal";
  if (options.carve.keep_special) call += " --keep-special";
  if (options.embedded != "known") call += " --embedded " + options.embedded;
  if (options.include_vendor) call += " --include-vendor";
  if (!options.side.empty()) call += " --side " + single_quoted(options.side);
  return call;
}

// Without a path: what python3 imports from. What is changed in place is shown, and asked about.
std::optional<fs::path> folder_of_python(const Options& options, Terminal& terminal) {
  const PythonEnvironment found = environment_of_python();
  terminal.say(Tone::note, safe_format("torchlathe: {} of {}, Python {}: {}\n",
                                       found.is_virtual ? "the virtual environment" : "the packages",
                                       found.python.string(), found.version, found.folder.string()));
  if (options.carve.dry_run || !options.output.empty() || options.yes) return found.folder;
  if (!somebody_answers()) {
    throw Error({.what = "this would change the environment of python3, and there is no terminal to ask on",
                 .where = {.file = found.folder.string()},
                 .next = same_call(options, found.folder)});
  }
  const std::string question = fmt::format("change {} in place?", printable(found.folder.string()));
  return says_yes(question, terminal) ? std::optional(found.folder) : std::nullopt;
}

fs::path without_slash(const std::string& folder) {
  const fs::path path = folder;
  return path.has_filename() ? path : path.parent_path();
}

std::string count_of(std::size_t count, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

std::string what_was_done(const ShrunkPackage& package, bool dry_run) {
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : "; ") + part; };
  if (package.images_before != package.images_after)
    add(fmt::format("{} -> {} images", package.images_before, package.images_after));
  if (package.images_packed > 0) add(count_of(package.images_packed, "image packed", "images packed"));
  if (package.images_unpacked > 0)
    add(count_of(package.images_unpacked, "image unpacked", "images unpacked"));
  if (package.stripped > 0) add("symbols of " + count_of(package.stripped, "library", "libraries"));
  if (package.files_gone > 0) {
    add(fmt::format("{} for {} {}", count_of(package.files_gone, "file", "files"), package.gone_for,
                    dry_run ? "would go" : "gone"));
  }
  if (package.left_alone > 0)
    add(fmt::format("{} as before", count_of(package.left_alone, "library", "libraries")));
  return text.empty() ? "its list of architectures" : text;
}

std::string driver_text(const std::optional<DriverNeed>& need) {
  return need ? fmt::format("{} ({})", need->version.text(), need->because) : "";
}

std::string name_of(const ShrunkPackage& package) {
  return package.name.empty() ? "(in no RECORD)" : package.name + " " + package.version;
}

void print_packages(const Shrunk& shrunk, bool dry_run, Terminal& terminal) {
  Table table({"package", "before", "after", "driver", "what"});
  for (const std::size_t column : {1u, 2u}) table.align_right(column);
  std::size_t others = 0;
  std::uint64_t bytes = 0;
  for (const ShrunkPackage& package : shrunk.packages) {
    if (!package.changed()) {
      ++others;
      bytes += package.size_before;
      continue;
    }
    table.add({name_of(package), size_text(package.size_before), size_text(package.size_after),
               driver_text(package.least_driver), what_was_done(package, dry_run)});
  }
  if (!table.empty()) terminal.out(table.text(terminal) + "\n");
  if (others == 0) return;
  terminal.print("no change in {}, {}\n",
                 others == shrunk.packages.size() ? count_of(others, "package", "packages")
                                                  : count_of(others, "other package", "other packages"),
                 size_text(bytes));
}

// What is wrong with the files, and what was not read.
Findings findings_in(const CarvedPackage& carved, Severity least) {
  Findings all;
  for (const CarvedFile& file : carved.files) {
    for (Finding note : file.notes) {
      if (note.severity > least) continue;
      note.where.file = file.path;
      all.add(std::move(note));
    }
  }
  all.add(findings_of(carved.not_read));
  all.add(carved.left_out);
  all.add(carved.failures);
  return all;
}

void print_text(const Shrunk& shrunk, const CarveOptions& options, const fs::path& to, Terminal& terminal) {
  const CarvedPackage& carved = shrunk.carved;
  print_packages(shrunk, options.dry_run, terminal);
  for (const Finding& finding : findings_in(carved, Severity::warning)) {
    terminal.print("{}: {}\n", finding.where.file, finding.what);
    if (!finding.fix.empty()) terminal.print("  fix: {}\n", finding.fix);
  }
  if (shrunk.finished_earlier) terminal.out("finished what a run that was killed here had begun\n");
  terminal.print(
      "{} for {}: {} -> {}, {}; {} carved, {} gone{}\n", options.dry_run ? "would be shrunk" : "shrunk",
      options.targets.empty() ? "every GPU" : to_string(options.targets), size_text(carved.old_size),
      size_text(carved.new_size), change_text(carved.old_size, carved.new_size),
      count_of(carved.count(Outcome::carved), "library", "libraries"),
      count_of(carved.gone.size(), "file", "files"),
      carved.failures.empty() ? "" : fmt::format(", {} failed", carved.failures.size()));
  if (!to.empty() && carved.failures.empty() && !options.dry_run) terminal.print("wrote {}\n", to.string());
}

void print_package(JsonWriter& json, const ShrunkPackage& package) {
  json.begin_object().member("name", package.name).member("version", package.version);
  json.member("files", package.files)
      .member("size_before", package.size_before)
      .member("size_after", package.size_after);
  json.member("libraries_carved", package.carved)
      .member("images_before", package.images_before)
      .member("images_after", package.images_after)
      .member("images_packed", package.images_packed)
      .member("images_unpacked", package.images_unpacked)
      .member("libraries_stripped", package.stripped)
      .member("libraries_left_alone", package.left_alone);
  json.member("files_gone", package.files_gone).member("gone_for", package.gone_for);
  if (package.least_driver) {
    json.key("least_driver").begin_object();
    json.member("version", package.least_driver->version.text())
        .member("because", package.least_driver->because);
    json.end_object();
  }
  json.end_object();
}

void print_json(const Shrunk& shrunk, const CarveOptions& options, const fs::path& folder, const fs::path& to,
                const std::optional<SideSummary>& side, Terminal& terminal) {
  JsonWriter json;
  begin_report(json).member("folder", folder.string());
  if (!to.empty()) json.member("output", to.string());
  json.key("gpus").begin_array();
  for (const CarveTarget& target : options.targets) json.value(to_string(target));
  json.end_array();
  json.member("dry_run", options.dry_run)
      .member("finished_earlier", shrunk.finished_earlier)
      .member("size_before", shrunk.carved.old_size)
      .member("size_after", shrunk.carved.new_size);
  json.key("packages").begin_array();
  for (const ShrunkPackage& package : shrunk.packages) print_package(json, package);
  json.end_array();
  if (side) write_side_json(json, *side);
  write_findings(json, "findings", findings_in(shrunk.carved, Severity::note));
  json.end_object();
  terminal.out(json.take());
}

// What lies in a virtual environment names it by its path.
void say_what_does_not_move(const fs::path& folder, Terminal& terminal) {
  if (!fs::exists(folder / "pyvenv.cfg")) return;
  terminal.say(Tone::note,
               "torchlathe: the scripts of a virtual environment name its folder: move the new one to the "
               "place of the old one to use it\n");
}

Shrunk shrink_with_progress(const fs::path& folder, const fs::path& to, CarvePackageOptions how,
                            Terminal& terminal) {
  Progress progress(terminal);
  how.progress = [&](std::size_t done, std::size_t all) {
    progress.show(fmt::format("shrinking {}/{}", done, all));
  };
  return shrink(folder, to.empty() ? folder : to, how);
}

// The folder, where its packages went; `to` is empty: in place.
struct Done {
  Shrunk shrunk;
  std::optional<SideSummary> side = {};
};

bool something_changed(const CarvedPackage& carved) {
  return carved.count(Outcome::carved) > 0 || !carved.gone.empty();
}

AsideCall aside_call(const Options& options, const fs::path& folder, const CarveOptions& how) {
  return {.original = folder, .side = options.side, .how = told_again(options, how)};
}

Done shrink_aside(const Options& options, const fs::path& folder, const fs::path& to,
                  const CarvePackageOptions& how, Terminal& terminal) {
  const AsideCall call = aside_call(options, folder, how.carve);
  Done done;
  if (to.empty()) {
    done.side = change_in_place_aside(
        call,
        [&](const fs::path& copy) {
          done.shrunk = shrink_with_progress(copy, {}, how, terminal);
          return something_changed(done.shrunk.carved);
        },
        terminal);
    return done;
  }
  done.shrunk = shrink_with_progress(folder, to, how, terminal);
  if (something_changed(done.shrunk.carved) && done.shrunk.carved.failures.empty())
    done.side = put_aside(call, to, terminal);
  return done;
}

void check_undo(const Options& options) {
  if (!options.gpu.empty())
    throw Error({.what = "--undo gives everything back, for every GPU", .next = "leave out --gpu"});
  if (options.path.empty() || options.side.empty()) {
    throw Error({.what = options.path.empty() ? "which folder is it?" : "where is the side file?",
                 .next = "say torchlathe shrink FOLDER --undo --side FILE, as it was shrunk"});
  }
}

int undo(const Options& options, Terminal& terminal) {
  check_undo(options);
  const MappedFile map = MappedFile::open(options.side);
  const SideContent side(map.bytes(), options.side);
  const fs::path folder = without_slash(options.path);
  const RestoreCall call{.slim = folder,
                         .to = options.output.empty() ? folder : without_slash(options.output),
                         .dry_run = options.carve.dry_run};
  const Restored done = restore_with_progress(call, side, terminal);
  map.expect_whole();
  if (options.format == "json") print_restored_json(call, side, done, terminal);
  else print_restored(call, side, done, terminal);
  return 0;
}

int run(const Options& options, Terminal& terminal) {
  if (options.undo) return undo(options, terminal);
  const CarveOptions carve = checked_options(options);
  say_what_is_unknown(carve.targets, terminal);
  const auto folder =
      options.path.empty() ? folder_of_python(options, terminal) : std::optional(without_slash(options.path));
  if (!folder) return 0;
  if (options.include_vendor) say_whose_licence(terminal);
  const fs::path to = without_slash(options.output);
  const CarvePackageOptions how{.carve = carve, .include_vendor = options.include_vendor};
  const bool aside = !options.side.empty();
  if (aside) check_side(*folder, options.side);
  const Done done = aside && !carve.dry_run ? shrink_aside(options, *folder, to, how, terminal)
                                            : Done{shrink_with_progress(*folder, to, how, terminal)};
  if (!to.empty()) say_what_does_not_move(*folder, terminal);
  if (options.format == "json") print_json(done.shrunk, carve, *folder, to, done.side, terminal);
  else print_text(done.shrunk, carve, to, terminal);
  if (done.side && options.format != "json") print_side(*done.side, terminal);
  if (aside && !done.side && !carve.dry_run)
    terminal.say(Tone::note, "torchlathe: nothing was dropped: no side file was written\n");
  return done.shrunk.carved.fault ? 3 : done.shrunk.carved.exit_code();
}

}  // namespace shrink_command

std::unique_ptr<BoundCommand> command_shrink() {
  return bind_command(shrink_command::declare, shrink_command::run);
}

}  // namespace lathe
