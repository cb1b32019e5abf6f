// SPDX-License-Identifier: MIT
#include "package/archive_package.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"
#include "base/finding.h"
#include "base/text.h"
#include "formats/tar.h"
#include "formats/zip.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

using Form = ArchivePackage::Form;
using EntryKind = LayerEntry::Kind;

constexpr std::uint64_t largest_info = std::uint64_t{64} << 20;

// "info-", "pkg-": the archives in a .conda.
bool is_part_of_conda(std::string_view member, std::string_view begin) {
  return member.starts_with(begin) && member.ends_with(".tar.zst") &&
         member.find('/') == std::string_view::npos;
}

bool is_conda_zip(PathLook& look) {
  if (look.path().extension() != ".conda" || !look.is_zip()) return false;
  try {
    const std::vector<ZipMember>& members = look.zip().members;
    const auto has = [&](std::string_view begin) {
      return std::ranges::any_of(
          members, [&](const ZipMember& member) { return is_part_of_conda(member.name, begin); });
    };
    return has("info-") && has("pkg-") && std::ranges::any_of(members, [](const ZipMember& member) {
             return member.name == "metadata.json";
           });
  } catch (const Error&) {
    return false;  // damaged: nobody can say
  }
}

template <LayerForm form>
bool is_archive(PathLook& look) {
  if (!look.is_file()) return false;
  const auto shape = archive_shape(look.mapped().bytes());
  return shape && shape->form == form;
}

// conda-build puts info/ at the end or at the start: the name, and the packing that conda knows, tell it.
bool is_conda_tar(PathLook& look) {
  return look.path().native().ends_with(".tar.bz2") && is_archive<LayerForm::tar>(look);
}

Zip zip_of(PathLook& look, Form form) { return form == Form::conda_zip ? look.take_zip() : Zip(); }

std::size_t only_member(const Zip& zip, std::string_view begin, const std::string& name) {
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < zip.members.size(); ++i) {
    if (!is_part_of_conda(zip.members[i].name, begin)) continue;
    if (found)
      throw Error({.what = fmt::format("there are two {}*.tar.zst in it", begin), .where = {.file = name}});
    found = i;
  }
  const ZipMember& member = zip.members[*found];
  if (member.method == 0 && member.readable) return *found;
  throw Error({.what = fmt::format("{} in it is not stored as it is", printable(member.name)),
               .where = {.file = name},
               .next = "a .conda holds its archives uncompressed: build the package again"});
}

}  // namespace

ArchivePackage::ArchivePackage(PathLook look, Form form)
    : Package(look.path().string()),
      form_(form),
      file_(look.file()),
      zip_(zip_of(look, form)),
      map_(look.take_mapped()) {
  scan();
  if (form_ == Form::nar) expect_a_folder();
  // A .tar.bz2 without info/ is a plain archive.
  if (form_ == Form::conda_tar && !info("index.json")) form_ = Form::tar;
  list();
  note_what_is_doubled();
}

void ArchivePackage::scan() {
  if (form_ == Form::conda_zip) {
    for (const std::string_view begin : {"info-", "pkg-"})
      zip_members_.push_back(only_member(zip_, begin, name()));
    for (const Finding& finding : zip_.findings) findings_.add(finding);
  }
  for (std::size_t i = 0; i < std::max<std::size_t>(1, zip_members_.size()); ++i) {
    const ByteSpan stored = zip_members_.empty() ? map_.bytes() : zip_.members[zip_members_[i]].packed;
    const std::string part = zip_members_.empty() ? "" : printable(zip_.members[zip_members_[i]].name) + ": ";
    try {
      layers_.push_back(std::make_unique<Layer>(stored, name(), "", "", spool_.path(), i, LayerUse::archive));
    } catch (const Error& error) {
      Error::Parts parts = error.parts();
      parts.what = part + parts.what;
      parts.where.file = name();
      throw Error(std::move(parts));
    }
    layer_pointers_.push_back(layers_.back().get());
    for (Finding finding : layers_.back()->findings()) {
      finding.where.file = fmt::format("{}: {}{}", name(), part, finding.where.file);
      findings_.add(std::move(finding));
    }
  }
  std::vector<std::size_t> all(layers_.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  view_ = ImageView(layer_pointers_, all);
}

// A store path may be one file, which has no name in its archive.
void ArchivePackage::expect_a_folder() const {
  if (layers_[0]->entries()[0].kind == EntryKind::folder) return;
  throw Error({.what = "the Nix archive holds one file and no folder",
               .where = {.file = name()},
               .next = "unpack it and name the file: nix-store --restore FILE < ARCHIVE"});
}

void ArchivePackage::list() {
  std::set<EntryOfLayer> linked;
  for (const auto& [link, file] : view_.links()) linked.insert(file);
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    for (std::size_t k = 0; k < layers_[i]->entries().size(); ++k) {
      const LayerEntry& own = layers_[i]->entries()[k];
      const EntryOfLayer at{i, k};
      if (own.kind != EntryKind::file && (own.kind != EntryKind::hard_link || !view_.links().contains(at)))
        continue;
      entries_.push_back(at);
      const EntryOfLayer content = entry_of(entries_.size() - 1);
      const LayerEntry& file = layers_[content.layer]->entries()[content.entry];
      members_.add({.path = own.path,
                    .size = file.size,
                    .mode = file.mode,
                    .unreadable = file.sparse ? "is stored as a sparse file" : "",
                    .file = linked.contains(content) ? FileIdentity{content.layer + 1, content.entry + 1}
                                                     : FileIdentity{}});
    }
  }
}

// Who unpacks it gets the last one; who looks a name up may get the first.
void ArchivePackage::note_what_is_doubled() {
  constexpr std::size_t most_told = 20;
  std::size_t told = 0;
  for (std::size_t i = 0; i < entries_.size() && told < most_told; ++i) {
    const std::string path = members()[i].path();
    const auto seen = view_.files().find(path);
    if (seen != view_.files().end() && seen->second == entries_[i]) continue;
    ++told;
    findings_.add({.rule = "archive-doubled",
                   .severity = Severity::warning,
                   .where = {.file = fmt::format("{}: {}", name(), printable(path))},
                   .what = "a later entry of the archive takes its place",
                   .fix = "pack the archive again with each name once"});
  }
}

EntryOfLayer ArchivePackage::entry_of(std::size_t member) const {
  const auto link = view_.links().find(entries_[member]);
  return link == view_.links().end() ? entries_[member] : link->second;
}

fs::path ArchivePackage::own_file(std::size_t member) const {
  const EntryOfLayer at = entry_of(member);
  return layers_[at.layer]->own_file(at.entry);
}

std::optional<EntryOfLayer> ArchivePackage::info(std::string_view file) const {
  const auto found = view_.files().find("info/" + std::string(file));
  if (found == view_.files().end()) return std::nullopt;
  const auto link = view_.links().find(found->second);
  return link == view_.links().end() ? found->second : link->second;
}

std::string ArchivePackage::text(EntryOfLayer entry) const {
  const Layer& layer = *layers_[entry.layer];
  const LayerEntry& found = layer.entries()[entry.entry];
  if (found.size > largest_info || found.sparse)
    throw Error({.what = fmt::format("{} is larger than such a file can be", printable(found.path)),
                 .where = {.file = name()}});
  return layer.part(entry.entry, 0, found.size);
}

std::string ArchivePackage::part(std::size_t member, std::uint64_t from, std::uint64_t count) const {
  const EntryOfLayer at = entry_of(member);
  return layers_[at.layer]->part(at.entry, from, count);
}

void ArchivePackage::read(std::size_t member, const UnpackSink& sink) const {
  const EntryOfLayer at = entry_of(member);
  layers_[at.layer]->read(at.entry, sink);
}

std::optional<MemberContent> ArchivePackage::in_place(std::size_t member) const {
  if (const fs::path file = own_file(member); !file.empty()) return MemberContent(MappedFile::open(file));
  const EntryOfLayer at = entry_of(member);
  const auto bytes = layers_[at.layer]->in_place(at.entry);
  return bytes ? std::optional<MemberContent>(MemberContent(*bytes)) : std::nullopt;
}

namespace {

template <Form form>
std::unique_ptr<Package> open_archive(PathLook look) {
  return std::make_unique<ArchivePackage>(std::move(look), form);
}

std::unique_ptr<PackageWriter> write_it(const Package& package, PackageWriteOptions options) {
  return write_archive(static_cast<const ArchivePackage&>(package), std::move(options));
}

// Of a .tar.bz2 that is a package only the content tells it.
bool is_conda_package_tar(PathLook& look) {
  if (!is_conda_tar(look)) return false;
  bool found = false;
  struct Look final : TarReader::Sink {
    explicit Look(bool& there) : there_(there) {}
    void entry(const TarEntry& one, std::string_view) override {
      there_ = there_ || one.path == "info/index.json" || one.path == "./info/index.json";
    }
    void content(ByteSpan) override {}
    void end_of_entry(std::string_view) override {}
    void trailer(ByteSpan) override {}
    bool& there_;
  } sink(found);
  try {
    TarReader reader(sink);
    unpack_layer(look.mapped().bytes(), archive_shape(look.mapped().bytes())->packing, [&](ByteSpan piece) {
      reader.feed(piece);
      return !found;
    });
  } catch (const Error&) {
    return false;
  }
  return found;
}

}  // namespace

extern const PackageKind conda_kind, conda_tar_kind, nar_kind, tar_kind;
constinit const PackageKind conda_kind = {
    .name = "conda package",
    .is = is_conda_zip,
    .open = open_archive<Form::conda_zip>,
    .write = write_it,
    .named_by_content = true,
    .has_side = false,
};
constinit const PackageKind conda_tar_kind = {
    .name = "conda package",
    .is = is_conda_package_tar,
    .open = open_archive<Form::conda_tar>,
    .write = write_it,
    .named_by_content = true,
    .has_side = false,
};
constinit const PackageKind nar_kind = {
    .name = "Nix archive",
    .is = is_archive<LayerForm::nar>,
    .open = open_archive<Form::nar>,
    .write = write_it,
    .in_place = false,
    .has_side = false,
};
constinit const PackageKind tar_kind = {
    .name = "tar archive",
    .is = is_archive<LayerForm::tar>,
    .open = open_archive<Form::tar>,
    .write = write_it,
    .in_place = false,
    .has_side = false,
};

}  // namespace lathe
