// SPDX-License-Identifier: MIT
#include "carve/carve.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"
#include "formats/archive.h"
#include "device/embedded.h"
#include "device/nvidia_libraries.h"
#include "carve/plan/bundles.h"
#include "carve/plan/embedded_plan.h"
#include "carve/plan/no_gpu.h"
#include "formats/elf.h"
#include "inspect/inspect.h"
#include "carve/arch_list.h"
#include "carve/check/check.h"
#include "carve/layout/layout.h"
#include "carve/layout/packed.h"
#include "carve/pack.h"
#include "carve/plan/references.h"
#include "device/contents.h"
#include "device/coverage.h"
#include "device/target.h"
#include "device/vendor.h"
#include "os/new_file.h"
#include "os/file.h"
#include "os/mapped_file.h"
#include "os/unfinished.h"
#include "package/package.h"

namespace lathe {
namespace {

using Ranges = std::vector<std::pair<std::uint64_t, std::uint64_t>>;  // begin, end

// What is left of the runs when ranges of the new file (ascending by begin) are taken away.
std::vector<CopyRun> without(const std::vector<CopyRun>& runs, const Ranges& ranges) {
  std::vector<CopyRun> left;
  auto next = ranges.begin();
  for (const CopyRun& run : runs) {  // ascending too
    while (next != ranges.end() && next->second <= run.to) ++next;
    std::uint64_t at = run.to;
    const std::uint64_t end = run.to + run.size;
    const auto keep = [&](std::uint64_t until) {
      if (until > at) left.push_back({.from = run.from + (at - run.to), .to = at, .size = until - at});
    };
    for (auto range = next; range != ranges.end() && range->first < end; ++range) {
      if (range->second <= at) continue;
      keep(std::min(range->first, end));
      at = std::max(at, range->second);
    }
    keep(end);
  }
  return left;
}

// One file on its way: everything is known from the old one before the first byte is written.
class FileCarver {
 public:
  FileCarver(const std::filesystem::path& source, const CarveOptions& options)
      : options_(options),
        source_(std::in_place, source),
        map_(MappedFile::open(source)),
        old_(map_->bytes()) {
    begin(source.string());
  }

  // To plan alone.
  FileCarver(const LibraryInMemory& library, const CarveOptions& options)
      : options_(options), old_(library.bytes), absent_(library.absent), old_sha256_(library.sha256) {
    begin(library.path);
  }

  CarvedFile plan() {
    if (looks_like_archive(old_)) return not_a_library("a static archive, whose code is linked later");
    if (code_format(old_) == "fat binary") return not_a_library("a fat binary on its own");
    if (code_format(old_) == "PTX") return not_a_library("PTX on its own");
    if (code_format(old_) == "PE file") {
      throw Error({.what = "a Windows program or library (PE): only ELF files can be carved",
                   .where = {.file = result_.path},
                   .next = "carve the build for Linux"});
    }
    if (!Elf::looks_like(old_)) {
      throw Error({.what = "not a 64-bit little-endian ELF file",
                   .where = {.file = result_.path},
                   .next = "give a shared library, a folder of them or a wheel"});
    }
    elf_.emplace(Elf::parse(old_, result_.path));
    if (elf_->machine() == elf::em_cuda) return not_a_library("a cubin on its own");
    if (!elf_->findings().empty()) return damaged(elf_->findings()[0].what);
    fatbins_ = read_device_code(*elf_);
    if (elf_->type() == ElfType::relocatable && !fatbins_.containers.empty()) {
      return not_a_library("an object file, which is linked later");
    }
    if (!is_meant()) {
      result_.old_held = result_.new_held = held_architectures(fatbins_);
      return leave(fmt::format("{} code, and none of the GPUs is one of its maker", fatbins_.vendor->name()));
    }
    if (fatbins_.vendor != nullptr && fatbins_.vendor->has_lists()) return plan_lists();
    look_for_data();
    result_.old_held = result_.new_held = held_architectures(fatbins_);
    if (!options_.leave_because.empty()) return leave(options_.leave_because);
    plan_device_code();
    if (result_.serves_no_target && options_.no_target != CarveOptions::NoTarget::empty)
      return leave("no code for " + to_string(options_.targets));
    if (!options_.targets.empty()) plan_arch_list();
    pack();
    find_least_driver();
    if (work_to_do()) {
      const Findings unsound = check_sound(*elf_, fatbins_,
                                           {.targets = options_.targets,
                                            .referenced = referenced_,
                                            .meant = {},
                                            .strip_symbols = options_.strip_symbols,
                                            .packed = options_.compress,
                                            .unpacked = options_.unpack});
      if (!unsound.empty()) return damaged(unsound[0].what);
      lay_out_new_file();
    } else if (!fatbins_.containers.empty()) {
      result_.outcome = Outcome::nothing_to_drop;
    } else if (result_.embedded > 0) {
      result_.outcome = Outcome::left_alone;
    }
    if (map_) map_->expect_whole();
    return result_;
  }

  // A package for the GPUs of several makers has libraries for each.
  bool is_meant() const {
    if (fatbins_.vendor == nullptr || fatbins_.containers.empty() || options_.targets.empty() ||
        is_no_gpu(options_.targets))
      return true;
    return std::ranges::any_of(
        options_.targets, [&](const CarveTarget& target) { return target.device.vendor == fatbins_.vendor; });
  }

  // Containers with lists of their images (bundles.h): to the rest of a carve they are data of which some
  // becomes zeros.
  CarvedFile plan_lists() {
    result_.old_held = result_.new_held = held_architectures(fatbins_);
    if (!options_.leave_because.empty()) return leave(options_.leave_because);
    bundles_ = plan_bundles(*elf_, fatbins_, options_.targets);
    result_.totals = bundles_.totals;
    result_.serves_no_target =
        !options_.targets.empty() && bundles_.serving == 0 && !is_no_gpu(options_.targets);
    for (const CarveTarget& target : options_.targets) report(cover(shapes_of(fatbins_), target.device));
    if (bundles_.packed > 0) {
      note("carve-bundles-packed", Severity::note,
           fmt::format("{} of {} bundles are compressed as one piece: they stay whole", bundles_.packed,
                       bundles_.totals.containers),
           "");
    }
    if (result_.serves_no_target && options_.no_target != CarveOptions::NoTarget::empty)
      return leave("no code for " + to_string(options_.targets));
    fatbins_ = {};
    embedded_ = bundles_.code;
    data_ = bundles_.emptied;
    data_.emptied = bundles_.joined;
    if (work_to_do()) {
      lay_out_new_file();
      result_.new_held = held_architectures(bundles_.kept);
    } else {
      result_.outcome = bundles_.code.containers.empty() ? Outcome::left_alone : Outcome::nothing_to_drop;
    }
    if (map_) map_->expect_whole();
    return result_;
  }

  static std::vector<ContainerShape> shapes_of(const DeviceContents& contents) {
    std::vector<ContainerShape> shapes;
    for (const DeviceContainer& container : contents.containers) {
      const ContainerShape shape{.codes = container.code().codes, .count = 1};
      add_shapes(shapes, {&shape, 1});
    }
    return shapes;
  }

  CarvedFile write_to(const std::filesystem::path& destination) {
    std::error_code ignored;
    const bool in_place = std::filesystem::equivalent(source_->path(), destination, ignored);
    if (in_place && result_.outcome != Outcome::carved) return result_;
    if (result_.serves_no_target && options_.no_target == CarveOptions::NoTarget::refuse) return result_;
    if (result_.outcome != Outcome::carved && !options_.copy_unchanged) return result_;
    if (!in_place && destination.has_parent_path()) create_folders(destination.parent_path());
    if (result_.outcome != Outcome::carved) {
      copy_whole(source_->path(), destination);
      return result_;
    }
    // In place means in the place of the file itself, not of a link to it.
    const auto place = in_place ? std::filesystem::canonical(source_->path()) : destination;
    remove_leftovers(place);
    if (in_place && options_.before_replacing) options_.before_replacing(result_);
    NewFile file(place);
    write(file);
    file.take_attributes(*source_, in_place ? NewFile::Keep::everything : NewFile::Keep::mode);
    source_->expect_unchanged("carved");
    file.put_in_place(in_place && options_.synced,
                      in_place ? Unfinished::Over::what_is_there : Unfinished::Over::nothing);
    return result_;
  }

 private:
  void begin(const std::string& name) {
    result_.path = name;
    result_.old_size = result_.new_size = old_.size();
  }

  // Sound, with device code, and nothing that a loader ever sees: there is no runtime whose pick could be
  // kept.
  CarvedFile not_a_library(const std::string& what) {
    if (options_.no_target != CarveOptions::NoTarget::refuse) return leave(what);
    throw Error({.what = what + ": only what is linked can be carved",
                 .where = {.file = result_.path},
                 .next = "carve the library or program that is made of it"});
  }

  // Headers that lead nowhere, a file cut short: what was not understood is not rewritten.
  CarvedFile damaged(const std::string& what) {
    if (options_.no_target != CarveOptions::NoTarget::refuse) return leave("damaged: " + what);
    throw Error({.what = fmt::format("damaged or cut short: {}", what),
                 .where = {.file = result_.path},
                 .next = "fetch it again"});
  }

  // Which of it the library loads on which GPU is known to the library alone.
  void look_for_data() {
    embedded_ = find_embedded(*elf_, fatbins_, map_ ? &*map_ : nullptr);
    const EmbeddedCode& embedded = embedded_;
    if (embedded.empty()) return;
    result_.embedded = embedded.count();
    result_.embedded_bytes = embedded.bytes();
    if (options_.leave_because.empty() && may_empty_data()) {
      data_ = plan_embedded(*elf_, embedded, options_.targets);
      result_.embedded_dropped = data_.bytes;
    }
    if (!data_.empty()) {
      note("carve-embedded", Severity::note,
           fmt::format("of {} of device code that is data {} go: machine code for {}",
                       size_text(embedded.bytes()), size_text(data_.bytes), spell_all(data_.gone)),
           "");
      return;
    }
    const bool nothing_else = fatbins_.containers.empty();
    result_.notes.add(
        {.rule = nothing_else ? "carve-left-alone" : "carve-embedded",
         .severity = Severity::note,
         .where = {.file = result_.path},
         .what = fmt::format("{} of device code is data that the library chooses from by itself: it stays",
                             size_text(embedded.bytes())),
         .fix = ""});
  }

  bool may_empty_data() const {
    using Embedded = CarveOptions::Embedded;
    return options_.embedded == Embedded::all ||
           (options_.embedded == Embedded::known && may_lose_embedded(elf_->soname()));
  }

  CarvedFile leave(const std::string& why) {
    if (fatbins_.containers.empty() && result_.embedded == 0) return result_;
    result_.outcome = Outcome::left_alone;
    for (const DeviceContainer& container : fatbins_.containers)
      result_.totals.images += container.images.size();
    result_.totals.images_kept = result_.totals.images;
    result_.totals.containers = result_.totals.untouched = fatbins_.containers.size();
    result_.totals.bytes_kept = result_.totals.bytes;
    result_.notes.add({.rule = "carve-left-alone",
                       .severity = Severity::note,
                       .where = {.file = result_.path},
                       .what = why,
                       .fix = ""});
    return result_;
  }

  void lay_out_new_file() {
    layout_ =
        lay_out(*elf_, fatbins_, plan_,
                {.strip_symbols = options_.strip_symbols, .packed = &packed_, .emptied = data_.emptied});
    result_.new_size = layout_.new_size;
    result_.stripped = options_.strip_symbols && elf_->find_section(".symtab");
    result_.outcome = Outcome::carved;
    result_.new_held = held_architectures(fatbins_, &plan_);
    if (options_.hash) result_.old_sha256 = map_ ? to_hex(sha256(old_)) : old_sha256_;
  }

  void plan_device_code() {
    referenced_ = containers_referenced_elsewhere(*elf_, fatbins_);
    const bool none = is_no_gpu(options_.targets);
    plan_ = plan_carve(fatbins_, referenced_,
                       {.targets = options_.targets,
                        .minimal = options_.minimal || none,
                        .keep_special = options_.keep_special && !none});
    result_.totals = plan_.totals;
    result_.notes.add(fatbins_.findings);
    std::map<Untouched, std::size_t> untouched;
    for (const ContainerPlan& container : plan_.containers) {
      if (container.untouched != Untouched::no) ++untouched[container.untouched];
    }
    result_.untouched.assign(untouched.begin(), untouched.end());
    result_.serves_no_target = serves_no_target();
    report_coverage();
    report_relocatable();
  }

  // Something can be carved, and nothing of it would be for any of the targets.
  bool serves_no_target() const {
    if (options_.targets.empty() || is_no_gpu(options_.targets)) return false;
    bool carvable = false;
    for (const ContainerIndex i : fatbins_.containers.ids()) {
      const ContainerPlan& container = plan_.containers[i];
      if (container.untouched != Untouched::no || fatbins_.containers[i].relocatable) continue;
      if (container.unserved.size() < options_.targets.size()) return false;
      carvable = true;
    }
    return carvable;
  }

  void report_relocatable() {
    const CarveTotals& totals = plan_.totals;
    if (result_.serves_no_target || totals.relocatable_kept == totals.relocatable ||
        is_no_gpu(options_.targets))
      return;
    const std::string dropped = size_text(totals.relocatable - totals.relocatable_kept);
    const bool all = totals.relocatable_kept == 0;
    note("carve-relocatable", Severity::note,
         all ? fmt::format("{} of relocatable code go: the linked code serves {}", dropped,
                           to_string(options_.targets))
             : fmt::format("{} of relocatable code go; {} stay, which the driver links when the library is "
                           "loaded",
                           dropped, size_text(totals.relocatable_kept)),
         "");
  }

  // What `inspect` says of the file for each target: the same containers count, and the same are special.
  void report_coverage() {
    if (fatbins_.containers.empty() || is_no_gpu(options_.targets)) return;
    // look_for_data() did that
    const auto inspection = inspect_bytes(old_, result_.path, {.absent = absent_, .embedded = false});
    if (!inspection || inspection->shapes.empty()) return;
    toolkits_ = inspection->toolkits;
    for (const CarveTarget& target : options_.targets) {
      const Coverage coverage = inspection->coverage_on(target.device);
      if (coverage.runs == Runs::ptx) compiled_ptx_ = inspection->ptx_versions;
      report(coverage);
    }
  }

  void find_least_driver() {
    if (fatbins_.containers.empty()) return;
    bool zstd = !packed_.empty() && options_.compress == Compression::zstd;
    for (const ContainerIndex i : fatbins_.containers.ids()) {
      for (const ImageIndex kept : plan_.containers[i].keep)
        zstd = zstd || (fatbins_.containers[i].images[kept].compression == Compression::zstd &&
                        !packed_.unpacked_size(i, kept));
    }
    result_.least_driver = driver_need(zstd, toolkits_, compiled_ptx_);
    const auto& need = result_.least_driver;
    if (!need || !options_.driver || !(*options_.driver < need->version)) return;
    note("carve-driver", Severity::error,
         fmt::format("needs driver {} or newer because of {}, and is meant for {}", need->version.text(),
                     need->because, options_.driver->text()),
         "update the driver, or carve a build that was made with an older toolkit");
  }

  void report(const Coverage& coverage) {
    const std::string device = spell(coverage.device);
    if (coverage.special_without > 0) {
      note("carve-special", Severity::note,
           fmt::format("nothing for {} in {}", device, coverage.special_text()),
           "the library must leave their kernels alone on this GPU, as before the carve");
    }
    if (coverage.serves()) return;
    const bool none = coverage.runs == Runs::none;
    const std::string what =
        none ? fmt::format("holds no code for {}, it holds {}", device, result_.old_held)
             : fmt::format("{} of {} containers hold nothing for {}", coverage.containers_without,
                           coverage.containers - coverage.special_without, device);
    if (options_.require_full) {
      throw Error({.what = what,
                   .where = {.file = result_.path},
                   .next = "without --require-full their kernels fail at launch as they do now"});
    }
    const std::string written =
        result_.serves_no_target && options_.no_target == CarveOptions::NoTarget::refuse
            ? "; nothing was written"
            : "";
    if (none)
      note("carve-no-code", Severity::error, what, "carve a build that was made for this GPU too" + written);
    else note("carve-unserved", Severity::note, what, "their kernels fail at launch, as before the carve");
  }

  void note(std::string rule, Severity severity, std::string what, std::string fix) {
    result_.notes.add({.rule = std::move(rule),
                       .severity = severity,
                       .where = {.file = result_.path},
                       .what = std::move(what),
                       .fix = std::move(fix)});
  }

  void plan_arch_list() {
    if (fatbins_.containers.empty() && !options_.arch_list_alone) return;
    arch_list_ = find_arch_list(*elf_);
    if (!arch_list_) return;
    result_.old_architectures = arch_list_->text;
    result_.new_architectures = carved_arch_list(arch_list_->text, options_.targets);
  }

  void pack() {
    packed_ = options_.unpack ? unpack_images(fatbins_, plan_)
                              : pack_images(old_, fatbins_, plan_, options_.compress);
    result_.images_packed = packed_.count();
    result_.images_unpacked = packed_.count_unpacked();
  }

  bool work_to_do() const {
    return plan_.drops_something() || !data_.empty() || !packed_.empty() || result_.new_architectures ||
           (options_.strip_symbols && elf_->find_section(".symtab") && !elf_->segments().empty());
  }

  void write(NewFile& file) {
    file.write(*source_, layout_);
    const MappedFile written = MappedFile::open(file.path());
    const Elf elf = Elf::parse(written.bytes(), result_.path);
    CheckOptions check{.targets = options_.targets,
                       .referenced = referenced_,
                       .meant = {},
                       .strip_symbols = options_.strip_symbols,
                       .embedded = data_.empty() ? nullptr : &embedded_,
                       .lists = !bundles_.code.containers.empty(),
                       .packed = options_.compress,
                       .unpacked = options_.unpack};
    if (result_.new_architectures) {
      patch_arch_list(file, elf);
      check.meant.push_back({.address = arch_list_->address, .size = arch_list_->text.size()});
    }
    for (const NewList& list : bundles_.lists) {
      if (const auto offset = elf.offset_of(list.address)) file.patch(*offset, list.bytes);
      check.meant.push_back({.address = list.address, .size = list.bytes.size()});
    }
    for (const ZeroGap& gap : bundles_.gaps)
      check.meant.push_back({.address = gap.address, .size = gap.size});
    Findings wrong = check_carved(*elf_, fatbins_, elf, check);
    for (std::string& problem : check_bundles(*elf_, bundles_, elf, options_.targets))
      wrong.add({.rule = "carve-check", .severity = Severity::error, .what = std::move(problem)});
    if (wrong.empty() && options_.kept_runs) tell_kept_runs(elf, check.meant);
    if (wrong.empty()) return written.expect_whole();
    source_->expect_unchanged("carved");
    map_->expect_whole();
    std::string reasons;
    for (const Finding& finding : wrong) reasons += (reasons.empty() ? "" : "; ") + finding.what;
    throw Error({.what = "the carved file did not pass its check and was deleted: " + reasons,
                 .where = {.file = result_.path},
                 .next = "the old file is as it was; please report this",
                 .kind = ErrorKind::fault});
  }

  // Copies, without what was written over them.
  void tell_kept_runs(const Elf& elf, const std::vector<MeantChange>& meant) const {
    Ranges changed;
    for (const BytePatch& patch : layout_.patches)
      changed.emplace_back(patch.at, patch.at + patch.bytes.size());
    for (const LateBytes& late : layout_.late) changed.emplace_back(late.at, late.at + late.size);
    for (const MeantChange& change : meant) {
      if (const auto at = elf.offset_of(change.address)) changed.emplace_back(*at, *at + change.size);
    }
    std::ranges::sort(changed);
    options_.kept_runs(without(layout_.copies, changed));
  }

  void patch_arch_list(NewFile& file, const Elf& elf) {
    std::string text = *result_.new_architectures;
    text.resize(arch_list_->text.size());
    const auto offset = elf.offset_of(arch_list_->address);
    if (offset) file.patch(*offset, text);
  }

  const CarveOptions& options_;
  std::optional<SourceFile> source_;  // both: of what lies on a disk
  std::optional<MappedFile> map_;
  ByteSpan old_;
  ByteRanges absent_;
  std::string old_sha256_;
  std::optional<Elf> elf_;
  DeviceContents fatbins_;
  std::vector<ContainerIndex> referenced_;
  CarvePlan plan_;
  PackedImages packed_;
  EmbeddedCode embedded_;
  EmbeddedPlan data_;
  BundlePlan bundles_;
  std::vector<std::string> toolkits_;
  std::vector<std::string> compiled_ptx_;  // versions of the language, where a target runs no machine code
  std::optional<ArchList> arch_list_;
  FileLayout layout_;
  CarvedFile result_;
};

}  // namespace

std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::carved: return "carved";
    case Outcome::nothing_to_drop: return "nothing to drop";
    case Outcome::no_device_code: return "no device code";
    case Outcome::left_alone: return "left alone";
  }
  return "";
}

CarvedFile plan_file(const std::filesystem::path& source, const CarveOptions& options) {
  return FileCarver(source, options).plan();
}

CarvedFile plan_library(const LibraryInMemory& library, const CarveOptions& options) {
  return FileCarver(library, options).plan();
}

CarvedFile carve_file(const std::filesystem::path& source, const std::filesystem::path& destination,
                      const CarveOptions& options) {
  FileCarver carver(source, options);
  const CarvedFile planned = carver.plan();
  return options.dry_run ? planned : carver.write_to(destination);
}

}  // namespace lathe
