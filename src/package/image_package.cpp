// SPDX-License-Identifier: MIT
#include "package/image_package.h"

#include <fmt/format.h>

#include <cstdint>
#include <set>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/finding.h"
#include "base/json.h"
#include "base/parallel.h"
#include "formats/known_formats.h"
#include "os/mapped_file.h"
#include "package/image_writer.h"
#include "package/writer.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

using Kind = LayerEntry::Kind;

ImageReference reference_of(const PathLook& look) {
  return look.image().value_or(ImageReference{.place = look.place()});
}

void expect_form(const ImageReference& reference, const ImageFiles& files) {
  if (looks_like_image(files)) return;
  throw Error({.what = "no container image: neither an OCI layout nor what docker save writes",
               .where = {.file = reference.place.string()},
               .next = "name the folder that holds oci-layout, or such an archive"});
}

// An archive that cannot be read to its end is none of these, but whatever it is to others.
bool is_image_archive(const fs::path& place) {
  try {
    return looks_like_image(ImageFiles(place));
  } catch (const Error&) {
    return false;
  }
}

bool is_image(PathLook& look) {
  if (look.image()) return true;
  std::error_code ignored;
  if (look.is_folder())
    return fs::is_regular_file(look.place() / "oci-layout", ignored) &&
           fs::is_regular_file(look.place() / "index.json", ignored);
  return look.is_file() && looks_like_tar_header(look.mapped().bytes()) && is_image_archive(look.place());
}

}  // namespace

ImagePackage::ImagePackage(const PathLook& look)
    : Package(look.path().string()), reference_(reference_of(look)), files_(reference_.place) {
  expect_form(reference_, files_);
  set_ = read_images(files_, reference_, look.platform());
  scan_layers();
  list();
  describe();
}

void ImagePackage::scan_layers() {
  layers_.resize(set_.layers.size());
  parallel_for_all(set_.layers.size(), [&](std::size_t i) {
    const ImageLayer& layer = set_.layers[i];
    try {
      layers_[i] = std::make_unique<Layer>(files_.bytes(layer.name), layer.name, layer.digest, layer.diff_id,
                                           spool_.path(), i);
    } catch (const Error& error) {
      Error::Parts parts = error.parts();
      if (parts.where.file.empty()) parts.where.file = reference_.place.string();
      if (parts.what.find(layer.name) == std::string::npos)
        parts.what = fmt::format("layer {}: {}", i + 1, parts.what);
      throw Error(std::move(parts));
    }
  });
  for (const auto& layer : layers_) {
    layer_pointers_.push_back(layer.get());
    for (Finding finding : layer->findings()) {
      finding.where.file = fmt::format("{}: {}", name(), finding.where.file);
      findings_.add(std::move(finding));
    }
  }
}

void ImagePackage::list() {
  std::vector<std::vector<std::uint16_t>> seen;  // by layer and entry: the first image that sees it, from 1
  for (const auto& layer : layers_) seen.emplace_back(layer->entries().size());
  for (std::size_t i = 0; i < set_.images.size(); ++i) {
    views_.emplace_back(layer_pointers_, set_.images[i].layers);
    for (const auto& [path, entry] : views_[i].files()) {
      std::uint16_t& first = seen[entry.layer][entry.entry];
      if (first == 0) first = static_cast<std::uint16_t>(i + 1);
    }
    links_.insert(views_[i].links().begin(), views_[i].links().end());
  }
  for (const auto& [link, file] : links_) linked_.insert(file);
  for (std::size_t i = 0; i < layers_.size(); ++i) list_layer(i, seen[i]);
}

void ImagePackage::list_layer(std::size_t layer, const std::vector<std::uint16_t>& seen) {
  for (std::size_t i = 0; i < layers_[layer]->entries().size(); ++i) {
    const EntryOfLayer entry{layer, i};
    const Kind kind = layers_[layer]->entries()[i].kind;
    if (kind != Kind::file && (kind != Kind::hard_link || !links_.contains(entry))) continue;
    add(entry, seen[i] == 0 ? nullptr : &set_.images[seen[i] - 1].platform);
  }
}

void ImagePackage::add(EntryOfLayer entry, const std::string* platform) {
  const LayerEntry& own = layers_[entry.layer]->entries()[entry.entry];
  const auto link = links_.find(entry);
  const EntryOfLayer content = link == links_.end() ? entry : link->second;
  const LayerEntry& file = layers_[content.layer]->entries()[content.entry];
  std::string path = own.path;
  if (!platform) path = fmt::format("[layer {}]/{}", entry.layer + 1, own.path);
  else if (set_.images.size() > 1) path = fmt::format("[{}]/{}", *platform, own.path);
  // What a container sees is another file than what it does not, also where a link makes them one.
  constexpr std::uint64_t unseen = std::uint64_t{1} << 32;
  const FileIdentity shared{content.layer + 1 + (platform ? 0 : unseen), content.entry + 1};
  members_.add({.path = path,
                .size = file.size,
                .mode = file.mode,
                .unreadable = file.sparse ? "is stored as a sparse file" : "",
                .file = linked_.contains(content) ? shared : FileIdentity{}});
  entries_.push_back(entry);
  if (const auto hash = layers_[content.layer]->hash(content.entry))
    contents_.hashes[entries_.size() - 1] = *hash;
  contents_.members.push_back({.layer = static_cast<std::uint32_t>(entry.layer), .hidden = !platform});
}

void ImagePackage::describe() {
  for (const Image& image : set_.images) {
    contents_.chosen.push_back(image.platform);
    const Json* settings = image.config.find("config");
    const Json* labels = settings ? settings->find("Labels") : nullptr;
    for (const auto& [label, value] : labels && labels->object() ? *labels->object() : Json::Object()) {
      if (label.starts_with(carve_label) && value.text()) contents_.labels[label] = *value.text();
    }
  }
  contents_.platforms = set_.platforms;
  contents_.attestations = set_.attestations;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const Layer& layer = *layers_[i];
    contents_.layers.push_back({.digest = layer.digest(),
                                .packing = std::string(to_string(layer.packing())),
                                .made_by = set_.layers[i].made_by,
                                .stored = layer.stored().size(),
                                .unpacked = layer.unpacked_size()});
    contents_.spooled += layer.spooled();
  }
}

EntryOfLayer ImagePackage::entry_of(std::size_t member) const {
  const auto link = links_.find(entries_[member]);
  return link == links_.end() ? entries_[member] : link->second;
}

fs::path ImagePackage::own_file(std::size_t member) const {
  const EntryOfLayer at = entry_of(member);
  return layers_[at.layer]->own_file(at.entry);
}

void ImagePackage::release(std::size_t member) const {
  std::error_code ignored;
  const fs::path file = own_file(member);
  if (!file.empty() && !linked_.contains(entry_of(member))) fs::remove(file, ignored);
}

std::string ImagePackage::part(std::size_t member, std::uint64_t from, std::uint64_t count) const {
  const EntryOfLayer at = entry_of(member);
  return layers_[at.layer]->part(at.entry, from, count);
}

void ImagePackage::read(std::size_t member, const UnpackSink& sink) const {
  const EntryOfLayer at = entry_of(member);
  layers_[at.layer]->read(at.entry, sink);
}

std::optional<MemberContent> ImagePackage::in_place(std::size_t member) const {
  if (const fs::path file = own_file(member); !file.empty()) return MemberContent(MappedFile::open(file));
  const EntryOfLayer at = entry_of(member);
  const auto bytes = layers_[at.layer]->in_place(at.entry);
  return bytes ? std::optional<MemberContent>(MemberContent(*bytes)) : std::nullopt;
}

extern const PackageKind image_kind;
constinit const PackageKind image_kind = {
    .name = "container image",
    .is = is_image,
    .open = [](PathLook look) -> std::unique_ptr<Package> { return std::make_unique<ImagePackage>(look); },
    .write = [](const Package& package, PackageWriteOptions options) -> std::unique_ptr<PackageWriter> {
      return write_image(static_cast<const ImagePackage&>(package), std::move(options));
    },
    .in_place = false,
    .has_platforms = true,
    .has_side = false,
};

}  // namespace lathe
