// SPDX-License-Identifier: MIT
// `torchlathe carve`: the same software for fewer GPUs.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
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
#include "carve/carve.h"
#include "carve/carve_package.h"
#include "carve/container.h"
#include "carve/manifest.h"
#include "carve/plan/no_gpu.h"
#include "carve/plan/plan.h"
#include "carve/wheelhouse.h"
#include "cli/commands.h"
#include "cli/options/carving.h"
#include "cli/options/options.h"
#include "cli/parts/aside.h"
#include "cli/carved_wheels.h"
#include "device/contents.h"
#include "hardware/catalog.h"
#include "inspect/not_read.h"
#include "matrix/axis_table.h"
#include "os/file.h"
#include "os/output.h"
#include "os/terminal.h"
#include "package/kinds.h"
#include "package/place_journal.h"
#include "package/writer.h"
#include "report/table.h"
#include "side/write_side.h"

namespace lathe {
namespace carve_command {

namespace fs = std::filesystem;

struct Options : CarvingOptions {
  std::string path;
  std::string output;
  std::string manifest;
  std::string wheel_variant;
  std::string side;
  std::string platform;
  std::string format = "text";
  bool in_place = false;
  bool merge_duplicates = false;
};

void declare(OptionSet& set, Options& options) {
  set.positional("path", options.path,
                 "a library, a folder of them or of wheels, a wheel, an archive, or a container image",
                 ValueKind::file);
  declare_gpus(set, options);
  set.text("-o,--output", options.output, "PATH",
           "where the result goes; nothing may be there, folders are made. A wheel: the folder for it",
           ValueKind::file);
  set.flag("--in-place", options.in_place, "replace each library by its carved one");
  set.flag("-n,--dry-run", options.carve.dry_run, "say what would happen, write nothing");
  set.flag("--require-full", options.carve.require_full,
           "fail when something holds nothing for one of the GPUs");
  declare_carving(set, options);
  set.text("--manifest", options.manifest, "FILE", "write the record of what was done here too",
           ValueKind::file);
  set.text("--side", options.side, "FILE",
           "write what is dropped there, so that restore gives the original back", ValueKind::file);
  set.text("--platform", options.platform, "OS/ARCH",
           "of an image with several: linux/arm64, or all [that of this machine]");
  set.flag("--merge-duplicates", options.merge_duplicates,
           "an image: drop files that later layers delete or replace");
  set.text("--wheel-variant", options.wheel_variant, "LABEL",
           "a wheel: keep its version, label it as a variant; auto: sm90");
  set.choice("-f,--format", options.format, {"text", "json"}, "how to print [text]");
}

CarveOptions checked_options(const Options& options) {
  CarveOptions carve = carve_options(options);
  if (carve.targets.empty() && carve.compress == Compression::none && !carve.unpack) {
    throw Error({.what = "for which GPU?",
                 .where = {},
                 .next = "say --gpu 9.0, or --gpu native for the one in this machine"});
  }
  if ((carve.targets.empty() || is_no_gpu(carve.targets)) && !options.wheel_variant.empty()) {
    throw Error({.what = "a variant is for some GPU", .where = {}, .next = "say --gpu 9.0 too"});
  }
  check_destination(options.in_place, options.output, carve.dry_run);
  std::error_code ignored;
  if (!options.in_place && fs::equivalent(options.path, options.output, ignored)) {
    throw Error({.what = "this is what is to be carved",
                 .where = {.file = options.output},
                 .next = "name a place where nothing is, or say --in-place"});
  }
  if (!options.side.empty()) check_side(options.path, options.side);
  if (carve.dry_run && !options.manifest.empty()) {
    throw Error({.what = "--manifest writes a file, and --dry-run writes nothing",
                 .where = {},
                 .next = "leave out one of them; --format json tells the same"});
  }
  carve.hash = carve.hash || !options.manifest.empty();
  return carve;
}

// Where the carved library goes; "out/" is a folder for it.
fs::path place_of(const Options& options) {
  if (options.in_place) return options.path;
  const fs::path output = options.output;
  return output.empty() || output.has_filename() ? output : output / fs::path(options.path).filename();
}

// With its side file, if one was written.
struct Carved : CarvedPackage {
  std::optional<SideSummary> side = {};
  std::vector<CarvedWheel> wheels = {};  // of a folder of wheels
};

CarvedPackage carve_one(const Options& options, const CarveOptions& carve) {
  const fs::path destination = place_of(options);
  if (!options.in_place && !carve.dry_run && fs::exists(fs::symlink_status(destination))) {
    throw Error({.what = "this is there already",
                 .where = {.file = destination.string()},
                 .next = "name a file that does not exist yet, or remove it"});
  }
  CarvedPackage out;
  out.files.push_back(carve_file(options.path, destination, carve));
  out.old_size = out.files[0].old_size;
  out.new_size = out.files[0].new_size;
  return out;
}

// It stays as it is, and nothing is written anywhere.
CarvedPackage not_carved(NotRead container) {
  CarvedPackage out;
  out.other_files = 1;
  out.old_size = out.new_size = container.size;
  out.not_read.push_back(std::move(container));
  return out;
}

// Where the new package goes: a folder's name is said without a slash at its end.
fs::path package_place(const Options& options, const PackageKind& kind) {
  if (kind.named_by_content) return options.carve.dry_run && options.output.empty() ? "." : options.output;
  if (options.in_place) return options.path;
  const fs::path output = options.output;
  return output.has_filename() ? output : output.parent_path();
}

// What is told of one that gets a new name are its own sizes, where there is a new one.
CarvedPackage carve_whole(const Options& options, const CarvePackageOptions& how, const PackageKind& kind,
                          PathLook look) {
  if (options.in_place && !kind.in_place) {
    throw Error({.what = fmt::format("a {} is not carved in place{}", kind.name,
                                     kind.has_platforms ? ": others may share its layers" : ""),
                 .where = {.file = options.path},
                 .next = kind.has_platforms ? "say --output oci:DIR:TAG" : "say --output FILE"});
  }
  if (options.in_place && kind.named_by_content) {
    throw Error({.what = fmt::format("a {} is not carved in place: its name says what it holds", kind.name),
                 .where = {.file = options.path},
                 .next = "say --output FOLDER"});
  }
  std::optional<PlaceJournal> journal;  // nobody else changes the folder from here on
  CarvePackageOptions all = how;
  if (options.in_place && !options.carve.dry_run) all.journal = &journal.emplace(options.path);
  CarvedPackage carved = carve_package(kind, *kind.open(std::move(look)), package_place(options, kind), all);
  if (!carved.path.empty()) {
    carved.old_size = carved.old_file_size;
    carved.new_size = carved.new_file_size;
  }
  return carved;
}

// Options that mean something for container images alone.
void refuse_what_images_have(const Options& options) {
  const auto refuse = [&](std::string what, std::string next) {
    throw Error({.what = std::move(what), .where = {.file = options.path}, .next = std::move(next)});
  };
  if (!options.platform.empty())
    refuse("only a container image can be for several platforms", "leave out --platform");
  if (options.merge_duplicates)
    refuse("only a container image has layers with duplicates", "leave out --merge-duplicates");
}

CarvedPackage carve(const Options& options, PathLook look, const CarveOptions& carve, Terminal& terminal) {
  const PackageKind* kind = package_kind(look);
  if (!(kind && kind->has_platforms)) refuse_what_images_have(options);
  if (!(kind && kind->has_platforms) && parse_image_reference(options.output)) {
    throw Error({.what = "this is no container image, and cannot become one",
                 .where = {.file = options.path},
                 .next = "name a file or a folder for the result"});
  }
  if (kind && !kind->write) {
    NotRead archive = look_into_package(*kind, options.path, look.mapped().bytes());
    archive.path = options.path;
    return not_carved(std::move(archive));
  }
  if (!options.wheel_variant.empty() && !(kind && kind->has_variants)) {
    throw Error({.what = "only a wheel can be labelled as a variant",
                 .where = {.file = options.path},
                 .next = "leave out --wheel-variant"});
  }
  if (!kind) {
    auto container = look_into_file(look);
    return container ? not_carved(std::move(*container)) : carve_one(options, carve);
  }
  if (options.include_vendor) say_whose_licence(terminal);
  Progress progress(terminal);
  CarvePackageOptions how{.carve = carve, .include_vendor = options.include_vendor};
  how.wheel_variant = options.wheel_variant;
  how.merge_duplicates = options.merge_duplicates;
  how.progress = [&](std::size_t done, std::size_t all) {
    progress.show(fmt::format("carving {}/{}", done, all));
  };
  how.on_packed = [&](std::uint64_t bytes) { progress.show(fmt::format("packing, {}", size_text(bytes))); };
  return carve_whole(options, how, *kind, std::move(look));
}

// The highest need of all that was carved.
void say_which_driver(const CarvedPackage& carved, Terminal& terminal) {
  const CarvedFile* most = nullptr;
  for (const CarvedFile& file : carved.files) {
    if (!file.least_driver || file.outcome != Outcome::carved) continue;
    if (!most || most->least_driver->version < file.least_driver->version) most = &file;
  }
  if (!most || most->least_driver->because.starts_with("CUDA")) return;  // as every build with it
  terminal.print("needs driver {} or newer because of {}\n", most->least_driver->version.text(),
                 most->least_driver->because);
}

// The last column: what a reader might wonder about.
std::string remark(const CarvedFile& file) {
  if (file.outcome == Outcome::left_alone && !file.notes.empty()) {
    return fmt::format("left alone: {}", file.notes[file.notes.size() - 1].what);
  }
  std::string text = file.outcome == Outcome::carved ? "" : std::string(to_string(file.outcome));
  if (file.images_packed > 0)
    text += fmt::format("{} image{} packed", file.images_packed, file.images_packed == 1 ? "" : "s");
  if (file.images_unpacked > 0)
    text += fmt::format("{} image{} unpacked", file.images_unpacked, file.images_unpacked == 1 ? "" : "s");
  for (const auto& [why, count] : file.untouched) {
    text += fmt::format("{}{} {} as before: {}", text.empty() ? "" : "; ", count,
                        count == 1 ? "container" : "containers", to_string(why));
  }
  return text;
}

// Of a container with nothing for a GPU one image stays, and of two readings of the driver's rules both:
// usually little.
void say_what_minimal_saves(const CarvedPackage& carved, const CarveOptions& options, Terminal& terminal) {
  constexpr std::uint64_t much = 1'000'000;
  constexpr std::uint64_t share = 20;  // a twentieth of what is left
  const std::uint64_t saves = carved.minimal_saves();
  if (options.minimal || saves < much || saves * share < carved.new_size) return;
  terminal.print("--minimal would drop {} more: code that the driver picks on none of {}\n", size_text(saves),
                 to_string(options.targets));
}

// A container that is not a wheel: there is nothing to tell of it but this.
bool named_by_itself(const CarvedPackage& carved) {
  return carved.not_read.size() == 1 && carved.not_read[0].within.empty();
}

// "14 libraries and 2 RECORDs"
std::string changes_text(const WrittenLayer& layer) {
  const auto counted = [](std::size_t count, std::string_view what) {
    return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
  };
  if (layer.records == 0) return counted(layer.files, "file");
  const std::string records = counted(layer.records, "RECORD");
  return layer.files == 0 ? records + " alone, of libraries in other layers"
                          : fmt::format("{} and {}", counted(layer.files, "file"), records);
}

// What becomes of the layers of an image.
void print_layers(const std::vector<WrittenLayer>& layers, Terminal& terminal) {
  std::size_t kept = 0;
  for (const WrittenLayer& layer : layers) {
    if (!layer.changed()) {
      ++kept;
      continue;
    }
    terminal.print("layer {} of {}: {} -> {} as stored, {}\n", layer.number, layers.size(),
                   size_text(layer.old_size), size_text(layer.new_size), changes_text(layer));
  }
  if (kept == 0) return;
  terminal.print("{} of {} layers keep{} {} digest\n", kept, layers.size(), kept == 1 ? "s" : "",
                 kept == 1 ? "its" : "their");
}

void write_layers(JsonWriter& json, const std::vector<WrittenLayer>& layers) {
  json.key("layers").begin_array();
  for (const WrittenLayer& layer : layers) {
    json.begin_object().member("number", layer.number);
    json.member("digest_before", "sha256:" + layer.old_digest);
    json.member("digest_after", "sha256:" + layer.new_digest);
    json.member("size_before", layer.old_size).member("size_after", layer.new_size);
    json.member("files_changed", layer.files).member("records_changed", layer.records).end_object();
  }
  json.end_array();
}

// "3 carved", of libraries; "2 of 9 wheels carved"
std::string carved_text(const Carved& carved) {
  if (carved.wheels.empty()) return fmt::format("{} carved", carved.count(Outcome::carved));
  return fmt::format(
      "{} of {} wheel{} carved",
      std::ranges::count_if(carved.wheels, [](const CarvedWheel& one) { return one.is_carved(); }),
      carved.wheels.size(), carved.wheels.size() == 1 ? "" : "s");
}

std::size_t other_files(const Carved& carved) {
  if (!carved.wheels.empty()) return carved.other_files;
  return carved.files.size() - carved.count(Outcome::carved) + carved.other_files;
}

void print_text(const Carved& carved, const CarveOptions& options, Terminal& terminal) {
  Table table({"file", "before", "after", "images", "code", ""});
  for (const std::size_t column : {1u, 2u, 3u}) table.align_right(column);
  for (const CarvedFile& file : carved.files) {
    table.add({file.path, size_text(file.old_size), size_text(file.new_size),
               count_change(file.totals.images, file.totals.images_kept), file.new_held, remark(file)},
              file.outcome == Outcome::carved ? Style::plain : Style::dim);
  }
  if (!carved.wheels.empty()) terminal.out(wheel_table(carved.wheels, terminal) + "\n");
  else if (!table.empty()) terminal.out(table.text(terminal) + "\n");
  for (const CarvedFile& file : carved.files) {
    for (const Finding& note : file.notes) {
      if (note.rule == "carve-left-alone") continue;
      terminal.print("{}: {}\n", file.path, note.what);
      if (note.severity == Severity::error) terminal.print("  fix: {}\n", note.fix);
    }
    if (file.new_architectures) {
      terminal.print("{}: torch.cuda.get_arch_list() is now \"{}\", it was \"{}\"\n", file.path,
                     *file.new_architectures, *file.old_architectures);
    }
  }
  if (carved.loose.files > 0) {
    terminal.print("{} loose file{} of code for {}, {}: {}\n", carved.loose.files,
                   carved.loose.files == 1 ? "" : "s", carved.loose.code, size_text(carved.loose.bytes),
                   options.dry_run ? "would go" : "gone");
  }
  if (carved.merged.files > 0) {
    terminal.print("{} file{} that no container sees, {}: {}\n", carved.merged.files,
                   carved.merged.files == 1 ? "" : "s", size_text(carved.merged.bytes),
                   options.dry_run ? "would go" : "gone");
  }
  for (const Finding& finding : findings_of(carved.not_read)) {
    terminal.print("{}: {}\n  {}\n", finding.where.file, finding.what,
                   named_by_itself(carved) ? "fix: " + finding.fix : "it is as before");
  }
  for (const Finding& other : carved.left_out) {
    terminal.print("{}: {}\n  fix: {}\n", other.where.file, other.what, other.fix);
  }
  for (const Finding& failure : carved.failures) {
    terminal.print("{}: {}\n  fix: {}\n", failure.where.file, failure.what, failure.fix);
  }
  if (named_by_itself(carved)) return;
  terminal.print(
      "{} for {}: {} -> {}, {}; {}, {} other files{}\n", options.dry_run ? "would be carved" : "carved",
      options.targets.empty() ? "every GPU" : to_string(options.targets), size_text(carved.old_size),
      size_text(carved.new_size), change_text(carved.old_size, carved.new_size), carved_text(carved),
      other_files(carved), carved.failures.empty() ? "" : fmt::format(", {} failed", carved.failures.size()));
  if (!carved.unchanged.empty())
    terminal.print("{}: the {} goes over as it is\n", carved.unchanged, carved.kind);
  say_which_driver(carved, terminal);
  say_what_minimal_saves(carved, options, terminal);
  print_layers(carved.layers, terminal);
  if (!carved.path.empty()) terminal.print("wrote {}\n", carved.path.string());
  if (carved.side) print_side(*carved.side, terminal);
}

std::string_view key_of_path(const CarvedPackage& carved) {
  if (!carved.layers.empty()) return "image";
  return carved.kind == "wheel" ? "wheel" : "package";
}

void print_json(const Carved& carved, const CarveOptions& options, Terminal& terminal) {
  JsonWriter json;
  begin_report(json).key("gpus").begin_array();
  for (const CarveTarget& target : options.targets) json.value(to_string(target));
  json.end_array();
  json.member("dry_run", options.dry_run)
      .member("size_before", carved.old_size)
      .member("size_after", carved.new_size);
  json.member("minimal_saves", carved.minimal_saves());
  if (!carved.path.empty()) json.member(key_of_path(carved), carved.path.string());
  if (!carved.layers.empty()) write_layers(json, carved.layers);
  if (!carved.wheels.empty()) write_wheels(json, carved.wheels);
  if (!carved.unchanged.empty()) json.member("unchanged", carved.unchanged);
  json.key("files").begin_array();
  for (const CarvedFile& file : carved.files) write_carved_file(json, file);
  json.end_array();
  json.member("other_files", carved.other_files);
  write_loose(json, carved.loose);
  if (carved.merged.files > 0) {
    json.key("merged").begin_object().member("files", carved.merged.files);
    json.member("bytes", carved.merged.bytes).end_object();
  }
  if (carved.side) write_side_json(json, *carved.side);
  Findings findings;
  for (const CarvedFile& file : carved.files) findings.add(file.notes);
  findings.add(findings_of(carved.not_read));
  findings.add(carved.left_out);
  findings.add(carved.failures);
  write_findings(json, "findings", findings);
  json.end_object();
  terminal.out(json.take());
}

bool something_changed(const CarvedPackage& result) {
  return result.count(Outcome::carved) > 0 || result.loose.files > 0;
}

AsideCall aside_call(const Options& options, const CarveOptions& how) {
  auto told = told_again(options, how);
  told.emplace("wheel_variant", options.wheel_variant);
  told.emplace("in_place", options.in_place ? "yes" : "no");
  return {.original = options.path, .side = options.side, .how = std::move(told)};
}

Carved carve_in_place_aside(const Options& options, const CarveOptions& how, Terminal& terminal) {
  Carved result;
  const auto change = [&](const fs::path& copy) {
    Options other = options;
    other.path = copy;
    result = Carved{carve(other, PathLook(copy), how, terminal)};
    return something_changed(result);
  };
  result.side = change_in_place_aside(aside_call(options, how), change, terminal);
  if (fs::is_regular_file(options.path) && result.side) result.files[0].path = options.path;
  return result;
}

Carved carve_aside(const Options& options, PathLook look, const CarveOptions& how, Terminal& terminal) {
  const PackageKind* kind = package_kind(look);
  if (kind && !kind->has_side) {
    throw Error({.what = fmt::format("a {} has no side file", kind->name),
                 .where = {.file = options.path},
                 .next = kind->has_platforms ? "leave out --side: its old layers stay where they are"
                                             : "leave out --side, or unpack it and carve the folder"});
  }
  if (options.in_place && !how.dry_run) return carve_in_place_aside(options, how, terminal);
  Carved result{carve(options, std::move(look), how, terminal)};
  if (how.dry_run || !something_changed(result) || !result.failures.empty()) return result;
  result.side =
      put_aside(aside_call(options, how), result.path.empty() ? place_of(options) : result.path, terminal);
  return result;
}

// All that is asked of a folder of wheels and cannot be had.
void expect_new_wheelhouse(const Options& options) {
  const auto refuse = [&](std::string_view what, std::string_view next) {
    throw Error({.what = std::string(what), .where = {.file = options.path}, .next = std::string(next)});
  };
  if (options.in_place)
    refuse("a folder of wheels is not carved in place: the names of wheels say what they hold",
           "say --output FOLDER");
  if (!options.side.empty()) refuse("a folder of wheels has no side file", "carve wheel by wheel for --side");
  refuse_what_images_have(options);
}

Carved carve_wheels(const Options& options, const CarveOptions& how, Terminal& terminal) {
  expect_new_wheelhouse(options);
  if (options.include_vendor) say_whose_licence(terminal);
  Progress progress(terminal);
  CarvePackageOptions all{.carve = how, .include_vendor = options.include_vendor};
  all.wheel_variant = options.wheel_variant;
  all.progress = [&](std::size_t done, std::size_t count) {
    progress.show(fmt::format("carving wheel {}/{}", done, count));
  };
  CarvedWheelhouse carved = carve_wheelhouse(options.path, options.output, all);
  Carved out{joined(carved)};
  out.wheels = std::move(carved.wheels);
  return out;
}

Carved carve_what_is_there(const Options& options, const CarveOptions& how, Terminal& terminal) {
  PathLook look(options.path, options.platform);
  if (look.is_folder() && !look.image() && is_wheelhouse(options.path))
    return carve_wheels(options, how, terminal);
  return options.side.empty() ? Carved{carve(options, std::move(look), how, terminal)}
                              : carve_aside(options, std::move(look), how, terminal);
}

int run(const Options& options, Terminal& terminal) {
  const CarveOptions how = checked_options(options);
  say_what_is_unknown(how.targets, terminal);
  if (!options.manifest.empty()) check_output(options.manifest);
  const Carved result = carve_what_is_there(options, how, terminal);
  if (!options.manifest.empty())
    write_file_atomically(options.manifest, carve_manifest(result.files, how, ""));
  if (options.format == "json") print_json(result, how, terminal);
  else print_text(result, how, terminal);
  if (!options.side.empty() && !result.side && !how.dry_run) {
    terminal.say(Tone::note, "torchlathe: nothing was dropped: no side file was written\n");
  }
  return result.fault ? 3 : result.exit_code();
}

}  // namespace carve_command

std::unique_ptr<BoundCommand> command_carve() {
  return bind_command(carve_command::declare, carve_command::run);
}

}  // namespace lathe
