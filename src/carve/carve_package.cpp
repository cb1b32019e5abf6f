// SPDX-License-Identifier: MIT
#include "carve/carve_package.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"
#include "base/finding.h"
#include "base/hash.h"
#include "base/parallel.h"
#include "base/text.h"
#include "carve/container.h"
#include "carve/items.h"
#include "carve/loose.h"
#include "carve/manifest.h"
#include "carve/outcome.h"
#include "carve/vendor.h"
#include "carve/wheel_variant.h"
#include "device/contents.h"
#include "device/target.h"
#include "formats/elf.h"
#include "formats/known_formats.h"
#include "hardware/catalog.h"
#include "inspect/image_skipper.h"
#include "os/mapped_file.h"
#include "os/new_file.h"
#include "package/package.h"
#include "package/wheel_names.h"
#include "package/writer.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view vendors_own = "one of NVIDIA's own files";
class PackageCarver {
 public:
  PackageCarver(const PackageKind& kind, const Package& package, const fs::path& destination,
                const CarvePackageOptions& options)
      : package_(package), options_(options) {
    std::error_code ignored;
    in_place_ = fs::equivalent(package.name(), destination, ignored);
    options_.carve.no_target = may_empty() ? CarveOptions::NoTarget::empty : CarveOptions::NoTarget::leave;
    copies_unchanged_ = options.carve.copy_unchanged;
    options_.carve.arch_list_alone = true;
    options_.carve.hash = true;
    options_.carve.copy_unchanged = false;
    refuse_half_a_list();
    writer_ = kind.write(package, {.to = destination,
                                   .dry_run = options.carve.dry_run,
                                   .threads = options.threads,
                                   .on_packed = options.on_packed,
                                   .to_be_kept = options.to_be_kept,
                                   .journal = options.journal});
    relabel();
    items_ = list_items(package_, options_.carve.targets, options_.threads);
    remove_what_goes();
  }

  CarvedPackage carve() {
    if (!in_place_) say_what_is_left_out();
    if (!options_.carve.dry_run) writer_->begin();
    carve_all();
    look_at_packed();
    if (!out_.failures.empty() && !in_place_) return std::move(out_);
    if (nothing_fits_) keep_all();
    if (label_ && !is_new()) {
      pass_on();
    } else if (!options_.carve.dry_run) {
      write();
    }
    return std::move(out_);
  }

 private:
  // A library without code for any target loses what it has only where the old one stays: a GPU that was
  // mistyped would cost all libraries of a folder their code.
  bool may_empty() const { return !in_place_ && !options_.carve.keep_special; }

  // A folder of which a part cannot be listed would be carved in part.
  void refuse_half_a_list() const {
    for (const Finding& finding : package_.findings()) {
      if (finding.rule != "inspect-unreadable") continue;
      throw Error({.what = finding.what, .where = finding.where, .kind = ErrorKind::fault});
    }
  }

  // Its new name says which GPUs it is for.
  void relabel() {
    label_ = writer_->label();
    if (label_ && options_.keep_name) return writer_->relabel(*label_);
    if (!label_ || (!label_->variant.empty() && options_.carve.targets.empty())) return;
    if (options_.wheel_variant.empty() && label_->variant.empty()) {
      label_->version = version_for(label_->version, options_.carve.targets, label_of_packing());
    } else {
      label_->variant = variant_label(options_.wheel_variant.empty() ? "auto" : options_.wheel_variant,
                                      options_.carve.targets);
    }
    writer_->relabel(*label_);
  }

  std::string_view label_of_packing() const {
    return options_.carve.unpack ? "unpacked" : to_string(options_.carve.compress);
  }

  void remove_what_goes() {
    for (const std::size_t member : items_.along.files) writer_->remove(member);
    for (const PackageItem& item : items_.files) {
      if (item.goes() && !item.goes_along) writer_->remove(item.member);
    }
    for (const std::size_t folder : items_.along.folders) writer_->remove(folder);
    const std::vector<std::size_t> kept = writer_->that_stay();
    const std::set<std::size_t> staying(kept.begin(), kept.end());
    for (PackageItem& item : items_.files) {
      item.stays = staying.contains(item.member);
      if (item.stays) writer_->keep(item.member);
    }
    if (options_.merge_duplicates) merge();
  }

  void merge() {
    const std::vector<std::size_t> unseen = writer_->unseen();
    const std::set<std::size_t> merged(unseen.begin(), unseen.end());
    for (PackageItem& item : items_.files) {
      item.merged = merged.contains(item.member);
      if (!item.merged) continue;
      writer_->remove(item.member);
      ++out_.merged.files;
      out_.merged.bytes += item.size;
    }
  }

  // A GPU that was mistyped: of what is for other GPUs nothing goes.
  void keep_all() {
    for (const PackageItem& item : items_.files) {
      if (item.goes()) writer_->keep(item.member);
    }
    for (const std::size_t folder : items_.along.folders) writer_->keep(folder);
    items_.keep_all();
  }

  // In place they stay; a new folder is of files, folders and links.
  void say_what_is_left_out() {
    std::vector<std::pair<fs::path, std::size_t>> others;
    for (std::size_t i = 0; i < package_.members().size(); ++i) {
      if (package_.members()[i].kind == PackageMember::Kind::other)
        others.emplace_back(package_.members()[i].path(), i);
    }
    std::ranges::sort(others);
    for (const auto& [path, i] : others) {
      out_.left_out.add(
          {.rule = "carve-left-out",
           .severity = Severity::warning,
           .where = {.file = path.generic_string()},
           .what = fmt::format("{}, which the new folder does not have", kind_of(package_.file_of(i))),
           .fix = "make it there yourself, if something needs it"});
    }
  }

  static std::string_view kind_of(const fs::path& path) {
    switch (fs::symlink_status(path).type()) {
      case fs::file_type::fifo: return "a FIFO";
      case fs::file_type::socket: return "a socket";
      case fs::file_type::character:
      case fs::file_type::block: return "a device";
      default: return "no file";
    }
  }

  // The largest first, so that no core is left alone with one at the end. What is packed and no library goes
  // over when the package is written.
  void carve_all() {
    const std::vector<PackageItem>& items = items_.files;
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < items.size(); ++i) {
      const PackageItem& item = items[i];
      if (!item.merged && !item.loose && !item.goes_along && !item.other_name &&
          (item.by_itself || item.library))
        order.push_back(i);
    }
    std::ranges::stable_sort(order, std::ranges::greater{}, [&](std::size_t i) { return items[i].size; });
    std::vector<std::unique_ptr<CarvedFile>> done(items.size());  // of libraries alone
    std::size_t finished = 0;
    const auto failures = parallel_for(
        order.size(),
        [&](std::size_t k) {
          CarvedFile file = carve_one(items[order[k]]);
          if (!file.path.empty()) done[order[k]] = std::make_unique<CarvedFile>(std::move(file));
          const std::lock_guard lock(progress_);
          if (options_.progress) options_.progress(++finished, order.size());
        },
        options_.threads);
    for (std::size_t k = 0; k < order.size(); ++k) {
      if (!failures[k]) continue;
      if (damaged_.contains(items[order[k]].member)) std::rethrow_exception(failures[k]);
      note_failure(out_, items[order[k]].path, failures[k]);
    }
    package_.expect_whole();
    collect(done);
  }

  CarvedFile carve_one(const PackageItem& item) {
    CarvedFile file;
    if (item.by_itself && !is_library(package_.file_of(item.member))) {
      if (!options_.carve.dry_run) writer_->take_over(item.member);
      return file;
    }
    if (!options_.carve.dry_run) file = carve_written(item);
    else if (item.by_itself) file = plan_by_itself(item);
    else file = plan_packed(item);
    file.path = item.path;
    return file;
  }

  CarvedFile carve_written(const PackageItem& item) {
    const fs::path from = item.by_itself ? package_.file_of(item.member)
                                         : whole(item, [&] { return writer_->old_file(item.member); });
    CarveOptions how = options_for(item, from);
    how.before_replacing = [&](CarvedFile carved) {
      carved.path = item.path;
      writer_->will_replace(item.member, carved_file_json(carved));
    };
    how.kept_runs = [&](std::vector<CopyRun> runs) { writer_->keeps(item.member, std::move(runs)); };
    CarvedFile file = carve_file(from, writer_->new_file(item.member), how);
    for (Finding& note : file.notes.items()) {
      if (!item.by_itself && note.where.file == from) note.where.file = item.path;
    }
    if (file.outcome == Outcome::carved) writer_->replace(item.member);
    else writer_->take_over(item.member);
    return file;
  }

  CarvedFile plan_by_itself(const PackageItem& item) const {
    const fs::path path = package_.file_of(item.member);
    return plan_file(path, options_for(item, path));
  }

  CarvedFile plan_packed(const PackageItem& item) {
    Sha256Stream hash;
    const MemberContent opened = whole(item, [&] { return open_packed(item, hash); });
    const std::string& path = item.path;
    const CarveOptions how = options_with(item, Elf::parse(opened.bytes(), path).soname());
    return plan_library(
        {.path = path, .bytes = opened.bytes(), .absent = opened.absent(), .sha256 = to_hex(hash.finish())},
        how);
  }

  MemberContent open_packed(const PackageItem& item, Sha256Stream& hash) const {
    try {
      if (package_.in_place(item.member)) package_.read(item.member, [](ByteSpan) { return true; });
      ImageSkipper skipper;
      const bool needs_images = options_.carve.compress != Compression::none;
      return package_.open(item.member, {.leave_out = needs_images ? nullptr : &skipper, .hash = &hash});
    } catch (const Error& error) {
      throw_about(package_, item.member, error);
    }
  }

  // A damaged member makes the whole package one that is not carved.
  template <typename Read>
  std::invoke_result_t<Read> whole(const PackageItem& item, const Read& read) {
    try {
      return read();
    } catch (...) {
      const std::lock_guard lock(progress_);
      damaged_.insert(item.member);
      throw;
    }
  }

  CarveOptions options_for(const PackageItem& item, const fs::path& file) const {
    if (options_.include_vendor) return options_with(item, "");
    const MappedFile map = MappedFile::open(file);
    return options_with(item, Elf::parse(map.bytes(), file.string()).soname());
  }
  CarveOptions options_with(const PackageItem& item, std::string_view soname) const {
    CarveOptions how = options_.carve;
    how.synced = item.by_itself;
    if (!options_.include_vendor && is_vendor_file(item.path, soname)) how.leave_because = vendors_own;
    return how;
  }

  // What is none by itself may hold some: then it is said.
  bool is_library(const fs::path& path) {
    if (fs::file_size(path) < smallest_library) return false;
    const MappedFile map = MappedFile::open(path);
    if (Elf::looks_like(map.bytes())) return true;
    look_at(path, map);
    return false;
  }

  void look_at(const fs::path& path, const MappedFile& map) {
    const PackageKind* kind = package_kind_inside(map.bytes());
    auto file = kind ? look_into_package(*kind, path, map.bytes()) : look_for_device_code(map.bytes());
    if (!file || file->holds == NotRead::Holds::nothing) return;
    if (kind) file->words += ", which cannot be carved inside another package";
    file->path = path.string();
    file->within = package_.name();
    const std::lock_guard lock(progress_);
    out_.not_read.push_back(std::move(*file));
  }

  // Packed members that are no libraries and may hold some.
  void look_at_packed() {
    std::vector<std::size_t> members;
    for (const PackageItem& item : items_.files) {
      if (!item.by_itself && !item.library && !item.merged) members.push_back(item.member);
    }
    std::ranges::sort(members);
    std::vector<std::optional<NotRead>> seen(members.size());
    parallel_for_all(
        members.size(), [&](std::size_t i) { seen[i] = look_at_packed(members[i]); }, options_.threads);
    for (std::size_t i = 0; i < seen.size(); ++i) {
      if (!seen[i]) continue;
      seen[i]->within = package_.name();
      seen[i]->path = package_.shown(members[i]);
      out_.not_read.push_back(std::move(*seen[i]));
    }
  }

  std::optional<NotRead> look_at_packed(std::size_t member) const {
    if (const auto content = package_.in_place(member)) return look_for_device_code(content->bytes());
    const std::string start = package_.start(member);
    if (known_format(as_byte_span(start)) == nullptr && !start.starts_with("!<arch>")) return std::nullopt;
    const std::string more = package_.part(member, 0, most_looked_at);
    return look_for_device_code(as_byte_span(more), more.size() >= package_.members()[member].size);
  }

  void collect(const std::vector<std::unique_ptr<CarvedFile>>& done) {
    const std::vector<PackageItem>& items = items_.files;
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (items[i].other_name) continue;
      out_.old_size += items[i].size;
      if (items[i].goes()) continue;
      CarvedFile* file = done[i].get();
      out_.new_size += file ? file->new_size : items[i].size;
      if (!file || file->outcome == Outcome::no_device_code) ++out_.other_files;
      else out_.files.push_back(std::move(*file));
    }
    std::ranges::sort(out_.not_read, {}, &NotRead::path);
    tell_what_goes();
    nothing_fits_ = refuse_if_nothing_fits(out_, items_, options_.carve, package_.name(), in_place_);
  }

  void tell_what_goes() {
    for (const PackageItem& item : items_.files) {
      if (!item.goes() || item.merged || item.other_name) continue;
      out_.gone.push_back(
          {.path = item.path, .size = item.size, .code = item.loose ? spell(item.loose->target) : ""});
    }
    out_.loose = items_.dropped();
  }

  // It changes; or it holds the right code and nothing else: with a label, or the name that was asked for, an
  // installer knows that.
  bool is_new() const {
    return out_.count(Outcome::carved) != 0 || out_.loose.files != 0 || writer_->name_was_given() ||
           (!options_.wheel_variant.empty() && out_.count(Outcome::nothing_to_drop) != 0);
  }

  void pass_on() {
    const bool vendor = std::ranges::any_of(out_.files, [](const CarvedFile& file) {
      return file.outcome == Outcome::left_alone && !file.serves_no_target;
    });
    out_.unchanged = out_.not_read.empty() ? "nothing to drop" : "nothing to drop in what was read";
    if (vendor) {
      out_.unchanged =
          "its device code is NVIDIA's own, or is left alone: --include-vendor carves NVIDIA's too";
    }
    if (copies_unchanged_) take(writer_->pass_on());
  }

  // In place lists are written when what they list is as they say: a run that is killed on the way leaves
  // lines that its journal tells the next one.
  void write() {
    const bool changes =
        out_.count(Outcome::carved) != 0 || out_.loose.files != 0 || !writer_->earlier_changes().empty();
    writer_->rearrange();
    mend_checksums();
    if (changes || (!in_place_ && (label_ || !out_.files.empty()))) {
      writer_->describe(manifest_name,
                        carve_manifest(out_.files, options_.carve, writer_->description(manifest_name),
                                       out_.loose, finished_earlier()));
      if (label_ && !label_->variant.empty() && !options_.carve.targets.empty()) {
        writer_->describe(variant_file_name,
                          wheel_variant_json(label_->variant, options_.carve.targets, newest_toolkit(),
                                             writer_->description(variant_file_name)));
      }
    }
    const WrittenPackage written = writer_->finish();
    if (label_ || !written.layers.empty() || written.new_size != 0) take(written);
  }

  // What killed runs carved is not carved again: their records of it.
  std::map<std::string, std::string> finished_earlier() const {
    std::map<std::string, std::string> records;
    for (const PlaceChange& change : writer_->earlier_changes()) {
      if (change.record.empty()) continue;
      const PackageItem* item = items_.find(change.path);
      if (!item) continue;
      if (carved_size(change.record) == item->size) records[change.path] = change.record;
    }
    return records;
  }

  // Lists of checksums that a package brings along stay true.
  void mend_checksums() {
    std::set<std::string> removed;
    std::map<std::string, std::size_t> replaced;
    for (const PackageItem& item : items_.files) {
      if (item.goes()) removed.insert(item.path);
    }
    for (const CarvedFile& file : out_.files) {
      if (file.outcome != Outcome::carved) continue;
      const PackageItem* item = items_.find(file.path);
      replaced.emplace(file.path, item->member);
    }
    std::set<std::string> earlier;
    for (const PlaceChange& change : writer_->earlier_changes()) {
      const fs::file_status now = fs::symlink_status(fs::path(package_.name()) / change.path);
      if (now.type() == fs::file_type::not_found) removed.insert(change.path);
      else if (now.type() == fs::file_type::regular) earlier.insert(change.path);
    }
    if (removed.empty() && replaced.empty() && earlier.empty()) return;
    const auto sum_of = [&](const std::string& path) -> std::optional<std::string> {
      const auto found = replaced.find(path);
      if (found == replaced.end() && !earlier.contains(path)) return std::nullopt;
      const fs::path file =
          found != replaced.end() ? writer_->new_file(found->second) : fs::path(package_.name()) / path;
      return to_hex(sha256(MappedFile::open(file).bytes()));
    };
    for (const PackageItem& item : items_.files) {
      if (name_in(item.path) != checksums_name || item.other_name) continue;
      const MemberContent content = package_.open(item.member);
      const std::string text(as_text(content.bytes()));
      const std::string mended =
          true_checksums(text, fs::path(item.path).parent_path().generic_string(), removed, sum_of);
      if (mended != text) writer_->replace(item.member, mended);
    }
  }

  void take(const WrittenPackage& written) {
    out_.path = written.path;
    out_.old_file_size = written.old_size;
    out_.new_file_size = written.new_size;
    out_.layers = written.layers;
    out_.sha256 = written.sha256;
  }

  // That made some of the device code: an older driver may not take it.
  std::string newest_toolkit() {
    std::optional<Version> newest;
    for (const CarvedFile& file : out_.files) {
      if (file.outcome != Outcome::carved) continue;
      const PackageItem* item = items_.find(file.path);
      const MappedFile map = MappedFile::open(writer_->new_file(item->member));
      // the toolkits are of the rest
      const auto inspection = inspect_bytes(map.bytes(), file.path, {.embedded = false});
      for (const std::string& toolkit : inspection ? inspection->toolkits : std::vector<std::string>{})
        newest = std::max(newest, Version::parse(toolkit));
    }
    return newest ? newest->text() : "";
  }

  const Package& package_;
  CarvePackageOptions options_;
  bool in_place_ = false;
  bool copies_unchanged_ = true;  // a wheel that does not change gets a copy
  std::unique_ptr<PackageWriter> writer_;
  std::optional<PackageLabel> label_;  // the new one
  bool nothing_fits_ = false;          // no code for any target: nothing is written
  PackageItems items_;
  std::mutex progress_;            // and of what follows
  std::set<std::size_t> damaged_;  // members
  CarvedPackage out_;
};

}  // namespace

CarvedPackage carve_package(const PackageKind& kind, const Package& package, const fs::path& destination,
                            const CarvePackageOptions& options) {
  CarvedPackage carved = PackageCarver(kind, package, destination, options).carve();
  carved.kind = kind.name;
  return carved;
}

CarvedPackage carve_package(const fs::path& source, const fs::path& destination,
                            const CarvePackageOptions& options) {
  PathLook look(source);
  const PackageKind* kind = package_kind(look);
  if (!kind || !kind->write) {
    throw Error({.what = "no package that can be carved",
                 .where = {.file = source.string()},
                 .next = "give a folder of libraries, a wheel or an archive"});
  }
  CarvePackageOptions all = options;
  std::optional<PlaceJournal>
      journal;  // before the members are listed: it removes what was left half-written
  std::error_code ignored;
  const bool in_place = fs::equivalent(source, destination, ignored);
  if (in_place && look.is_folder() && !options.carve.dry_run && !options.journal)
    all.journal = &journal.emplace(source);
  return carve_package(*kind, *kind->open(std::move(look)), destination, all);
}

}  // namespace lathe
