// SPDX-License-Identifier: MIT
#include "carve/wheel.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>
#include <map>
#include <mutex>

#include "base/error.h"
#include "base/parallel.h"
#include "base/text.h"
#include "formats/inflate.h"
#include "inspect/inspect.h"
#include "formats/known_formats.h"
#include "formats/zip_read.h"
#include "formats/zip.h"
#include "carve/manifest.h"
#include "package/kinds.h"
#include "package/wheel_names.h"
#include "carve/wheel_variant.h"
#include "formats/zip_writer.h"
#include "os/file.h"
#include "os/mapped_file.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t largest_text = std::uint64_t{64} << 20;

// The first bytes of a member, which tell what it is.
bool looks_like_elf(const ZipMember& member) {
  constexpr std::size_t look = 64;
  if (!member.readable || member.size < look) return false;
  if (member.method == 0) return Elf::looks_like(member.packed);
  bool is_elf = false;
  inflate(
      member.packed, member.size,
      [&](ByteSpan out) {
        is_elf = Elf::looks_like(out);
        return false;
      },
      look);
  return is_elf;
}

void unpack_named(const ZipMember& member, const UnpackSink& sink) {
  try {
    unpack(member, sink);
  } catch (const Error& error) {
    Error::Parts parts = error.parts();
    parts.what = fmt::format("{}: {}", printable(member.name), parts.what);
    throw Error(std::move(parts));
  }
}

std::string unpack_text(const ZipMember& member) {
  if (member.size > largest_text)
    throw Error({.what = fmt::format("{} is larger than such a file can be", printable(member.name))});
  std::string text;
  unpack_named(member, [&](ByteSpan bytes) {
    text += as_text(bytes);
    return true;
  });
  return text;
}

void unpack_file(const ZipMember& member, const fs::path& path) {
  create_folders(path.parent_path());
  NewFile file(path);
  std::uint64_t at = 0;
  unpack_named(member, [&](ByteSpan bytes) {
    file.patch(at, as_text(bytes));
    at += bytes.size();
    return true;
  });
  file.put_in_place(false);
}

class WheelCarver {
 public:
  WheelCarver(const fs::path& source, const fs::path& destination, const TreeOptions& options)
      : source_(source),
        map_(MappedFile::open(source)),
        options_(options),
        zip_(read_zip(map_.bytes(), source.string())) {
    refuse_what_is_damaged();
    name_wheel(destination);
  }

  CarvedWheel carve() {
    find_libraries();
    if (options_.carve.dry_run) return plan();
    const MadeFolder made(place_.parent_path());
    remove_leftovers(place_);
    const Unfinished folder(place_, Unfinished::Kind::folder);
    CarvedWheel carved{.tree = carve_libraries(folder.path()), .path = {}, .old_file_size = source_.size()};
    if (is_done(carved)) return carved;
    write(carved, folder.path());
    return carved;
  }

 private:
  CarvedWheel plan() {
    TreeOptions options = options_;
    options.name = source_.path().string();
    PathLook look(source_.path());
    const auto package = package_kind(look)->open(std::move(look));
    std::vector<std::size_t> members;
    for (const ZipMember* library : libraries_)
      members.push_back(static_cast<std::size_t>(library - zip_.members.data()));
    CarvedWheel planned{
        .tree = plan_members(*package, members, options), .path = {}, .old_file_size = source_.size()};
    is_done(planned);
    return planned;
  }

  // Failed, or nothing in it changes.
  bool is_done(CarvedWheel& carved) const {
    map_.expect_whole();
    count_others(carved.tree);
    look_at_others(carved.tree);
    if (!carved.tree.failures.empty()) return true;
    if (carved.tree.count(Outcome::carved) != 0 || is_labelled_anew(carved.tree)) return false;
    pass_on(carved);
    return true;
  }

  // Made when it is missing, and taken away again when nothing came into it.
  class MadeFolder {
   public:
    explicit MadeFolder(const fs::path& path) {
      for (fs::path each = path.lexically_normal(); !each.empty() && !fs::exists(each);
           each = each.parent_path()) {
        made_.push_back(each);
      }
      if (!made_.empty()) create_folders(made_.front());
    }
    MadeFolder(const MadeFolder&) = delete;
    MadeFolder& operator=(const MadeFolder&) = delete;
    ~MadeFolder() {
      std::error_code ignored;
      for (const fs::path& each : made_) {
        if (!fs::remove(each, ignored)) break;  // it holds something
      }
    }

   private:
    std::vector<fs::path> made_;  // the deepest first
  };

  [[noreturn]] void fail(std::string what, std::string next) const {
    throw Error(
        {.what = std::move(what), .where = {.file = source_.path().string()}, .next = std::move(next)});
  }

  void refuse_what_is_damaged() const {
    for (const Finding& finding : zip_.findings) {
      if (finding.severity == Severity::note || finding.rule == "wheel-link") continue;
      fail(fmt::format("{}: {}", finding.where.text(), finding.what),
           finding.rule == "not-read"
               ? "such a wheel is not carved: unpack it, and pack it again with deflate (zip -r)"
               : "such a wheel is not carved: fetch it again");
    }
  }

  void name_wheel(const fs::path& destination) {
    find_name();
    WheelName carved = name_;
    if (options_.wheel_variant.empty() && name_.variant.empty()) {
      carved.version = version_for(name_.version, options_.carve.targets);
    } else {
      carved.variant = variant_label(options_.wheel_variant.empty() ? "auto" : options_.wheel_variant,
                                     options_.carve.targets);
    }
    version_ = carved.version;
    label_ = carved.variant;
    new_stem_ = stem_.substr(0, stem_.rfind('-')) + "-" + version_;
    place_ = place_for(destination, carved.file_name());
    chosen_ = is_name(destination);
  }

  // By its file's name, as an installer does; a file by another name may be known by its own .dist-info
  // folder.
  void find_name() {
    const auto file_name = parse_wheel_name(source_.path().filename().string());
    std::vector<std::string> stems;
    for (const ZipMember& member : zip_.members) {
      if (const std::string_view stem = dist_info_stem(member.name); !stem.empty()) stems.emplace_back(stem);
    }
    if (stems.empty())
      fail("there is no NAME-VERSION.dist-info/RECORD in it", "an installer would refuse it too");
    const auto named = std::ranges::find_if(
        stems, [&](const std::string& stem) { return file_name && names_stem(*file_name, stem); });
    if (named == stems.end() && stems.size() > 1) {
      fail(fmt::format("there are {} .dist-info folders in it, and its name is that of none", stems.size()),
           "name it as its index does: torch-2.10.0+cu128-cp312-cp312-manylinux_2_28_x86_64.whl");
    }
    stem_ = named == stems.end() ? stems[0] : *named;
    info_ = stem_ + ".dist-info";
    refuse_unreadable_info();
    const auto inside = named == stems.end() ? wheel_name_inside(stem_, text_of("WHEEL"),
                                                                 label_inside(text_of(variant_file_name)))
                                             : file_name;
    if (!inside) {
      fail("no name of a wheel, and its WHEEL does not tell its tags",
           "it must be like torch-2.10.0+cu128-cp312-cp312-manylinux_2_28_x86_64.whl");
    }
    name_ = *inside;
  }

  void refuse_unreadable_info() const {
    const auto is_metadata = [&](const ZipMember& member) { return is_info(member.name, "METADATA"); };
    if (std::ranges::any_of(zip_.members, is_metadata) && !metadata_with_version(text_of("METADATA"), "0"))
      fail_without_version();
    if (!is_whole_record(text_of("RECORD")))
      fail("its RECORD ends inside a name in quotes", "the wheel is damaged: fetch it again");
  }

  [[noreturn]] void fail_without_version() const {
    fail("its METADATA names no version", "an installer would refuse it too");
  }

  static bool is_name(const fs::path& destination) {
    return destination.extension() == ".whl" && !fs::is_directory(destination);
  }

  // A folder, or one that does not exist yet, or the very name.
  fs::path place_for(const fs::path& destination, const std::string& file_name) const {
    if (!is_name(destination)) return free_place(destination / file_name);
    if (destination.filename() != file_name) {
      throw Error({.what = "an installer goes by a wheel's name, so it cannot be chosen",
                   .where = {.file = destination.string()},
                   .next = fmt::format("give a folder, or the name {}", file_name)});
    }
    return free_place(destination);
  }

  fs::path free_place(const fs::path& place) const {
    if (!options_.carve.dry_run && fs::exists(fs::symlink_status(place))) {
      throw Error({.what = "this is there already",
                   .where = {.file = place.string()},
                   .next = "remove it, or choose another folder"});
    }
    return place;
  }

  std::string new_name(std::string_view name) const {
    for (const std::string_view folder : {".dist-info", ".data"}) {
      const std::string old_folder = stem_ + std::string(folder);
      const bool inside = name.starts_with(old_folder) &&
                          (name.size() == old_folder.size() || name[old_folder.size()] == '/');
      if (inside) return new_stem_ + std::string(folder) + std::string(name.substr(old_folder.size()));
    }
    return std::string(name);
  }

  CarvedTree carve_libraries(const fs::path& folder) {
    parallel_for_all(
        libraries_.size(), [&](std::size_t i) { unpack_file(*libraries_[i], folder / libraries_[i]->name); },
        options_.threads);
    TreeOptions options = options_;
    options.carve.synced = false;
    options.write_manifest = false;
    options.own_copy = true;
    options.name = source_.path().string();
    return carve_tree(folder, folder, options);
  }

  void find_libraries() {
    std::vector<char> is_library(zip_.members.size());
    parallel_for_all(
        zip_.members.size(), [&](std::size_t i) { is_library[i] = looks_like_elf(zip_.members[i]); },
        options_.threads);
    for (std::size_t i = 0; i < is_library.size(); ++i) {
      if (is_library[i]) libraries_.push_back(&zip_.members[i]);
    }
    std::ranges::stable_sort(libraries_, std::ranges::greater{}, &ZipMember::size);
  }

  // The tree counted the libraries.
  void count_others(CarvedTree& tree) const {
    for (const ZipMember& member : zip_.members) {
      if (member.folder || std::ranges::find(libraries_, &member) != libraries_.end()) continue;
      ++tree.other_files;
      tree.old_size += member.size;
      tree.new_size += member.size;
    }
  }

  // Members that are no libraries and may hold some.
  void look_at_others(CarvedTree& tree) const {
    std::vector<std::optional<NotRead>> seen(zip_.members.size());
    parallel_for_all(
        zip_.members.size(),
        [&](std::size_t i) {
          const ZipMember& member = zip_.members[i];
          const bool library = std::ranges::find(libraries_, &member) != libraries_.end();
          if (!member.folder && !library) seen[i] = look_at(member);
        },
        options_.threads);
    for (std::size_t i = 0; i < seen.size(); ++i) {
      if (!seen[i]) continue;
      seen[i]->within = source_.path().string();
      seen[i]->path = seen[i]->within + "/" + printable(zip_.members[i].name);
      tree.not_read.push_back(std::move(*seen[i]));
    }
  }

  static std::optional<NotRead> look_at(const ZipMember& member) {
    if (member.method == 0) return look_for_device_code(member.packed);
    const std::string start = start_of(member);
    if (known_format(as_byte_span(start)) == nullptr && !start.starts_with("!<arch>")) return std::nullopt;
    const std::string more = part_of(member, 0, most_looked_at);
    return look_for_device_code(as_byte_span(more), more.size() >= member.size);
  }

  // It holds the right code and nothing else: with a label, or the name that was asked for, an installer
  // knows that.
  bool is_labelled_anew(const CarvedTree& tree) const {
    return chosen_ || (!options_.wheel_variant.empty() && tree.count(Outcome::nothing_to_drop) != 0);
  }

  // Nothing in it changes: it goes over as it is, under its own name.
  void pass_on(CarvedWheel& carved) const {
    const bool vendor = std::ranges::any_of(carved.tree.files, [](const CarvedFile& file) {
      return file.outcome == Outcome::left_alone && !file.unfit;
    });
    carved.unchanged =
        vendor ? "its device code is NVIDIA's own, or is left alone: --include-vendor carves NVIDIA's too"
        : carved.tree.not_read.empty() ? "nothing to drop"
                                       : "nothing to drop in what was read";
    carved.new_file_size = carved.old_file_size;
    if (options_.carve.dry_run) return;
    const fs::path place = place_.parent_path() / name_.file_name();
    std::error_code ignored;
    if (!fs::equivalent(place, source_.path(), ignored)) copy_whole(source_.path(), free_place(place));
    carved.path = place;
  }

  void write(CarvedWheel& carved, const fs::path& folder) {
    NewFile file(place_);
    ZipWriter writer(file, options_.threads);
    writer.progress = [&](std::uint64_t bytes) {
      if (options_.on_packed) options_.on_packed(bytes);
    };
    std::map<std::string, bool> changed;
    for (const CarvedFile& one : carved.tree.files) changed[one.path] = one.outcome == Outcome::carved;
    const ZipMember* record = nullptr;
    for (const ZipMember& member : zip_.members) {
      if (member.name == info_ + "/RECORD") record = &member;
      else if (!is_replaced(member.name)) write_member(writer, member, folder, changed[member.name]);
    }
    add(writer, *record, new_stem_ + ".dist-info/" + std::string(manifest_name),
        carve_manifest(carved.tree.files, options_.carve, text_of(manifest_name)));
    if (!label_.empty()) {
      add(writer, *record, new_stem_ + ".dist-info/" + std::string(variant_file_name),
          wheel_variant_json(label_, options_.carve.targets, toolkit_of(carved.tree, folder),
                             text_of(variant_file_name)));
    }
    writer.add(
        *record, new_name(record->name),
        as_byte_span(rewrite_record(unpack_text(*record), record->name, written_, [&](std::string_view name) {
          const std::string now = new_name(name);
          return is_replaced(std::string(name)) && !written_.contains(now) ? std::string() : now;
        })));
    carved.new_file_size = writer.finish();
    file.take_attributes(source_, NewFile::Keep::mode);
    check(file);
    source_.expect_unchanged("carved");
    map_.expect_whole();
    file.put_in_place(false);
    carved.path = place_;
  }

  // Of what is written anew or no longer holds.
  bool is_replaced(const std::string& name) const {
    constexpr std::array<std::string_view, 4> files = {"RECORD.jws", "RECORD.p7s", manifest_name,
                                                       variant_file_name};
    return std::ranges::any_of(files, [&](std::string_view file) { return is_info(name, file); });
  }
  bool is_info(const std::string& name, std::string_view file) const {
    return name == info_ + "/" + std::string(file);
  }

  // A text of .dist-info, "" when the wheel has none of that name.
  std::string text_of(std::string_view file) const {
    const auto it = std::ranges::find_if(zip_.members,
                                         [&](const ZipMember& member) { return is_info(member.name, file); });
    return it == zip_.members.end() ? "" : unpack_text(*it);
  }

  // The newest that made some of the device code: an older driver may not take it.
  static std::string toolkit_of(const CarvedTree& tree, const fs::path& folder) {
    std::optional<Version> newest;
    for (const CarvedFile& file : tree.files) {
      if (file.outcome != Outcome::carved) continue;
      const MappedFile map = MappedFile::open(folder / file.path);
      // the toolkits are of the rest
      const auto inspection = inspect_bytes(map.bytes(), file.path, {.embedded = false});
      for (const std::string& toolkit : inspection ? inspection->toolkits : std::vector<std::string>{}) {
        newest = std::max(newest, Version::parse(toolkit));
      }
    }
    return newest ? newest->text() : "";
  }

  void write_member(ZipWriter& writer, const ZipMember& member, const fs::path& folder, bool changed) {
    if (changed) {
      const MappedFile file = MappedFile::open(folder / member.name);
      const Sha256 hash = writer.add(member, new_name(member.name), file.bytes());
      file.expect_whole();
      written_[new_name(member.name)] = {.hash = hash, .size = file.bytes().size()};
    } else if (member.name == info_ + "/METADATA") {
      const auto text = metadata_with_version(unpack_text(member), version_);
      if (!text) fail_without_version();
      add(writer, member, new_name(member.name), *text);
    } else {
      const auto at =
          member.packed.empty() ? 0 : static_cast<std::uint64_t>(member.packed.data() - map_.bytes().data());
      writer.take_over(member, new_name(member.name), source_, at);
    }
  }

  void add(ZipWriter& writer, const ZipMember& like, const std::string& name, const std::string& content) {
    written_[name] = {.hash = writer.add(like, name, as_byte_span(content)), .size = content.size()};
  }

  // The new wheel, read like a stranger's: all members are there and readable, and what was taken over is
  // the same.
  void check(const NewFile& file) const {
    const MappedFile written = MappedFile::open(file.path());
    const Zip zip = read_zip(written.bytes(), file.path());
    std::map<std::string_view, const ZipMember*> by_name;
    for (const ZipMember& member : zip.members) by_name[member.name] = &member;
    std::string wrong = zip.findings.count(Severity::error) + zip.findings.count(Severity::warning) >
                                zip_.findings.count(Severity::warning)
                            ? zip.findings[0].what
                            : "";
    for (const ZipMember& member : zip_.members) {
      if (is_replaced(member.name)) continue;
      const std::string name = new_name(member.name);
      const auto it = by_name.find(name);
      if (it == by_name.end()) wrong = name + " is missing";
      else if (!written_.contains(name) && member.name != info_ + "/RECORD" && !same(member, *it->second))
        wrong = name + " is another";
    }
    written.expect_whole();
    if (wrong.empty()) return;
    source_.expect_unchanged("carved");
    throw Error({.what = "the carved wheel did not pass its check and was deleted: " + wrong,
                 .where = {.file = place_.string()},
                 .next = "the old wheel is as it was; please report this",
                 .kind = ErrorKind::fault});
  }

  static bool same(const ZipMember& old_one, const ZipMember& new_one) {
    return old_one.crc == new_one.crc && old_one.size == new_one.size && old_one.mode == new_one.mode &&
           as_text(old_one.packed) == as_text(new_one.packed);
  }

  SourceFile source_;
  MappedFile map_;
  TreeOptions options_;
  Zip zip_;
  WheelName name_;                                // the one that it has, or would have
  std::string info_, stem_, new_stem_, version_;  // "torch-2.11.0.dist-info", "torch-2.11.0"
  std::string label_;                             // of a wheel variant: "sm90"
  fs::path place_;
  bool chosen_ = false;                          // the new wheel's own name was given, not a folder
  std::vector<const ZipMember*> libraries_;      // ELF files, the largest first
  std::map<std::string, RecordedFile> written_;  // by new name
};

}  // namespace

bool is_wheel(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored) && looks_like_zip(MappedFile::open(path).bytes());
}

CarvedWheel carve_wheel(const fs::path& source, const fs::path& destination, const TreeOptions& options) {
  return WheelCarver(source, destination, options).carve();
}

}  // namespace lathe
