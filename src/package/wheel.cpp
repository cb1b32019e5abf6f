// SPDX-License-Identifier: MIT
// A Python wheel: a zip archive with a folder NAME-VERSION.dist-info in it that says what it is. Inside of
// other packages it is read as any zip archive. Written again it gets a name that says what it holds now: in
// its file name, its folders, METADATA and RECORD.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/finding.h"
#include "formats/zip.h"
#include "package/kinds.h"
#include "package/package.h"
#include "package/wheel_names.h"
#include "package/writer.h"
#include "package/zip_package.h"
#include "package/zip_package_writer.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

// In .dist-info, of a wheel that changed.
constexpr std::array<std::string_view, 3> no_longer_true = {"RECORD.jws", "RECORD.p7s", variant_file_name};

class WheelPackage final : public ZipPackage {
 public:
  using ZipPackage::ZipPackage;
};

// By its name, or by what an installer would look for in it.
bool is_meant_as_wheel(PathLook& look) {
  if (!look.is_zip()) return false;
  if (look.path().extension() == ".whl") return true;
  try {
    return std::ranges::any_of(look.zip().members,
                               [](const ZipMember& member) { return !dist_info_stem(member.name).empty(); });
  } catch (const Error&) {
    return false;  // damaged: nobody can say
  }
}

class WheelWriter final : public ZipPackageWriter {
 public:
  WheelWriter(const ZipPackage& package, PackageWriteOptions how)
      : ZipPackageWriter(package, "wheel", std::move(how)) {
    refuse_what_is_damaged();
    find_name();
    for (const std::string_view file : no_longer_true) remove_own(file);
  }

  std::optional<PackageLabel> label() const override {
    return PackageLabel{.version = name_.version, .variant = name_.variant};
  }
  bool name_was_given() const override {
    return options().to.extension() == ".whl" && !fs::is_directory(options().to);
  }

  void relabel(const PackageLabel& label) override {
    WheelName now = name_;
    now.version = label.version;
    now.variant = label.variant;
    new_stem_ = stem_.substr(0, stem_.rfind('-')) + "-" + label.version;
    place_ = place_for(now.file_name());
    for (std::size_t i = 0; i < package().members().size(); ++i) {
      const std::string path = package().members()[i].path();
      if (std::string renamed = new_name(path); renamed != path) rename(i, std::move(renamed));
    }
    const auto metadata = own("METADATA");
    if (!metadata) return;
    const auto text = metadata_with_version(this->text(*metadata), label.version);
    if (!text) fail_without_version();
    if (label.version != name_.version) replace(*metadata, *text);
  }

  std::string description(std::string_view file) const override {
    const auto member = own(file);
    return member ? text(*member) : "";
  }
  void describe(std::string_view file, std::string_view content) override {
    remove_own(file);
    described_.emplace_back(file, content);
  }

  // The old wheel as it is, under its own name.
  WrittenPackage pass_on() override {
    if (options().dry_run) return {};
    return copy_to(place_.parent_path() / name_.file_name());
  }

 private:
  // By its file's name, as an installer does; a file by another name may be known by its own .dist-info
  // folder.
  void find_name() {
    const auto file_name = parse_wheel_name(fs::path(package().name()).filename().string());
    std::vector<std::string> stems;
    for (const PackageMember& member : package().members()) {
      const std::string path = member.path();
      if (const std::string_view stem = dist_info_stem(path); !stem.empty()) stems.emplace_back(stem);
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
    const auto inside = named == stems.end() ? wheel_name_inside(stem_, description("WHEEL"),
                                                                 label_inside(description(variant_file_name)))
                                             : file_name;
    if (!inside) {
      fail("no name of a wheel, and its WHEEL does not tell its tags",
           "it must be like torch-2.10.0+cu128-cp312-cp312-manylinux_2_28_x86_64.whl");
    }
    name_ = *inside;
  }

  void refuse_unreadable_info() const {
    if (own("METADATA") && !metadata_with_version(description("METADATA"), "0")) fail_without_version();
    if (!is_whole_record(description("RECORD")))
      fail("its RECORD ends inside a name in quotes", "the wheel is damaged: fetch it again");
  }

  [[noreturn]] void fail_without_version() const {
    fail("its METADATA names no version", "an installer would refuse it too");
  }

  // A folder, or one that does not exist yet, or the very name.
  fs::path place_for(const std::string& file_name) const {
    const fs::path& to = options().to;
    if (!name_was_given()) return free_place(to / file_name);
    if (to.filename() != file_name) {
      throw Error({.what = "a wheel's file name follows from its metadata",
                   .where = {.file = to.string()},
                   .next = fmt::format("give a folder, or the name {}", file_name)});
    }
    return free_place(to);
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

  // The first member of that name in its .dist-info.
  std::optional<std::size_t> own(std::string_view file) const {
    const std::string path = info_ + "/" + std::string(file);
    const auto& members = package().members();
    const auto it =
        std::ranges::find_if(members, [&](const PackageMember& member) { return member.path() == path; });
    if (it == members.end()) return std::nullopt;
    return static_cast<std::size_t>(it - members.begin());
  }
  void remove_own(std::string_view file) {
    if (const auto member = own(file)) remove(*member);
  }

  bool is_last(std::size_t member) const override {
    return package().members()[member].path() == info_ + "/RECORD";
  }

  // RECORD names files of which some are no members.
  void write_last(Output& out) override {
    const std::size_t record = *own("RECORD");
    const ZipMember& like = zip_package().zip_member(record);
    for (const auto& [file, content] : described_) out.add(like, new_stem_ + ".dist-info/" + file, content);
    std::set<std::string, std::less<>> gone;
    for (const std::string_view file : no_longer_true) gone.insert(info_ + "/" + std::string(file));
    for (std::size_t i = 0; i < package().members().size(); ++i) {
      if (fate(i) == Fate::removed) gone.insert(package().members()[i].path());
    }
    std::map<std::string, std::string, std::less<>> moved;
    for (const auto& [member, path] : renamed()) moved[package().members()[member].path()] = path;
    const auto name_now = [&](std::string_view name) {
      const auto known = moved.find(name);
      const std::string now = known == moved.end() ? new_name(name) : known->second;
      return gone.contains(name) && !out.written.contains(now) ? std::string() : now;
    };
    const std::string path = package().members()[record].path();
    out.zip.add(like, new_name(path),
                as_byte_span(rewrite_record(text(record), path, out.written, name_now)));
  }

  WheelName name_;                      // the one that it has, or would have
  std::string info_, stem_, new_stem_;  // "torch-2.11.0.dist-info", "torch-2.11.0"
  std::vector<std::pair<std::string, std::string>> described_;
};

}  // namespace

extern const PackageKind wheel_kind;
constinit const PackageKind wheel_kind = {
    .name = "wheel",
    .is = is_meant_as_wheel,
    .open = [](PathLook look) -> std::unique_ptr<Package> {
      return std::make_unique<WheelPackage>(std::move(look));
    },
    .write = [](const Package& package, PackageWriteOptions options) -> std::unique_ptr<PackageWriter> {
      return std::make_unique<WheelWriter>(static_cast<const ZipPackage&>(package), std::move(options));
    },
    .named_by_content = true,
    .has_variants = true,
};

}  // namespace lathe
