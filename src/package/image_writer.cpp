// SPDX-License-Identifier: MIT
#include "package/image_writer.h"

#include <fmt/format.h>

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/finding.h"
#include "base/json.h"
#include "base/text.h"
#include "os/file.h"
#include "os/mapped_file.h"
#include "os/unfinished.h"
#include "package/image_contents.h"
#include "package/archives/json_edit.h"
#include "package/images/manifest.h"
#include "package/images/output.h"
#include "package/images/paths.h"
#include "package/images/reference.h"
#include "package/images/repack.h"
#include "package/images/view.h"
#include "package/installed_record.h"
#include "package/package.h"
#include "package/wheel_names.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t largest_record = std::uint64_t{64} << 20;

RecordedFile recorded_now(const EntryChange& change) {
  if (change.how == EntryChange::How::text)
    return {.hash = sha256(as_byte_span(change.text)), .size = change.text.size()};
  const MappedFile file = MappedFile::open(change.file);
  return {.hash = sha256(file.bytes()), .size = file.bytes().size()};
}

// Of one view, RECORD by RECORD.
class RecordMender {
 public:
  RecordMender(const ImageView& view, const std::vector<const Layer*>& layers,
               const std::vector<LayerChanges>& changes, std::vector<LayerChanges>& records)
      : view_(view), layers_(layers), changes_(changes), records_(records) {}

  void mend(const std::string& path, EntryOfLayer entry) {
    if (const auto link = view_.links().find(entry); link != view_.links().end()) entry = link->second;
    const Layer& layer = *layers_[entry.layer];
    if (layer.entries()[entry.entry].size > largest_record || change_of(entry)) return;
    const std::string text = layer.part(entry.entry, 0, largest_record);
    const fs::path base = fs::path(path).parent_path().parent_path();
    std::map<std::string, RecordedFile> now;
    std::set<std::string, std::less<>> gone;
    for (const std::string& name : recorded_paths(text)) {
      const auto inside = inside_path((base / name).generic_string());
      const EntryChange* change = inside ? change_of_path(*inside) : nullptr;
      if (!change) continue;
      if (change->how == EntryChange::How::removed) gone.insert(name);
      else now[name] = recorded_now(*change);
    }
    if (now.empty() && gone.empty()) return;
    const fs::path full = path;
    const std::string own = (full.parent_path().filename() / full.filename()).generic_string();
    records_[entry.layer][entry.entry] = {.how = EntryChange::How::text,
                                          .text = rewrite_record(text, own, now, [&](std::string_view name) {
                                            return gone.contains(name) ? std::string() : std::string(name);
                                          })};
  }

 private:
  const EntryChange* change_of(EntryOfLayer at) const {
    const auto change = changes_[at.layer].find(at.entry);
    return change == changes_[at.layer].end() ? nullptr : &change->second;
  }
  const EntryChange* change_of_path(const std::string& path) const {
    const auto file = view_.files().find(path);
    if (file == view_.files().end()) return nullptr;
    const auto link = view_.links().find(file->second);
    const EntryChange* change = change_of(link == view_.links().end() ? file->second : link->second);
    return change ? change : change_of(file->second);
  }

  const ImageView& view_;
  const std::vector<const Layer*>& layers_;
  const std::vector<LayerChanges>& changes_;
  std::vector<LayerChanges>& records_;
};

class ImageWriter final : public PackageWriter {
 public:
  ImageWriter(const ImagePackage& image, PackageWriteOptions how)
      : PackageWriter(image, std::move(how)), image_(image) {
    for (const Finding& finding : image.findings()) {
      if (finding.severity != Severity::error) continue;
      throw Error({.what = fmt::format("{}: {}", finding.where.text(), finding.what),
                   .next = fmt::format("such an image is not {}", options().done)});
    }
    find_place();
  }

  void begin() override {
    if (place_.has_parent_path()) create_folders(place_.parent_path());
    remove_leftovers(place_);
  }

  fs::path old_file(std::size_t member) override {
    if (fs::path file = image_.own_file(member); !file.empty()) return file;
    const fs::path path = image_.spool() / fmt::format("old-{}", member);
    {
      const std::lock_guard lock(changing_);
      if (!unpacked_.insert(member).second) return path;
    }
    extract(image_, member, path);
    return path;
  }
  fs::path new_file(std::size_t member) override { return image_.spool() / fmt::format("new-{}", member); }
  using PackageWriter::replace;
  void replace(std::size_t member, std::string_view content) override {
    const std::lock_guard lock(changing_);
    texts_[member] = content;
    set_replaced(member);
  }

  // A file that goes would uncover one of a lower layer that stays.
  std::vector<std::size_t> that_stay() const override {
    std::map<std::string, std::vector<std::size_t>> gone;
    for (const std::size_t member : removed()) gone[path_of(member)].push_back(member);
    std::vector<std::size_t> stay;
    for (std::size_t i = 0; !gone.empty() && i < package().members().size(); ++i) {
      const auto covering = fate(i) == Fate::removed ? gone.end() : gone.find(path_of(i));
      if (covering == gone.end()) continue;
      stay.insert(stay.end(), covering->second.begin(), covering->second.end());
      gone.erase(covering);
    }
    return stay;
  }

  // A file with another name is not among them: a container may see it under that one, also where the layer
  // that links to it deletes it.
  std::vector<std::size_t> unseen() const override {
    std::set<std::string_view> linked;
    for (const Layer* layer : image_.layers()) {
      for (const LayerEntry& entry : layer->entries()) {
        if (entry.kind == LayerEntry::Kind::hard_link) linked.insert(entry.link);
      }
    }
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < package().members().size(); ++i) {
      const EntryOfLayer at = image_.own_entry_of(i);
      if (!image_.image()->members[i].hidden || package().members()[i].file() != FileIdentity{}) continue;
      if (!linked.contains(image_.layers()[at.layer]->entries()[at.entry].path)) found.push_back(i);
    }
    return found;
  }

  std::string description(std::string_view) const override { return ""; }
  // The record of a carve: of it the labels tell.
  void describe(std::string_view, std::string_view content) override {
    const Json record = parse_json(content, "record");
    notes_[std::string(carve_label) + "tool"] = record.text_of("tool");
    const Json* gpus = record.find("gpus");
    std::string list;
    for (const Json& gpu : gpus && gpus->array() ? *gpus->array() : Json::Array())
      if (gpu.text()) list += (list.empty() ? "" : ",") + *gpu.text();
    if (!list.empty()) notes_[std::string(carve_label) + "gpus"] = list;
  }

  WrittenPackage finish() override {
    gather_changes();
    mend_records();
    output_ = ImageOutput::make(form_, place_);
    write_layers();
    write_images();
    image_.expect_whole();
    image_.files().expect_unchanged(options().done);
    output_->finish();
    return std::move(written_);
  }

 private:
  // The layer itself is read once more: what it was unpacked to makes room for what is new.
  void taken(std::size_t member) override { image_.release(member); }
  void replaced(std::size_t member) override { image_.release(member); }

  // Of a tool's transport, or of the old one's form.
  void find_place() {
    if (options().dry_run) return;
    const ImageReference written_to = destination();
    ImageReference::Form form = written_to.form;
    if (form == ImageReference::Form::unsaid) form = own_form();
    form_ = form == ImageReference::Form::oci_folder ? ImageOutput::Form::folder : ImageOutput::Form::archive;
    docker_ = form == ImageReference::Form::docker_archive;
    place_ = written_to.place.lexically_normal();
    if (!place_.has_filename()) place_ = place_.parent_path();
    tag_ = written_to.tag;
    if (docker_ && image_.set().images.size() > 1) {
      throw Error({.what = "an archive for docker holds one platform",
                   .where = {.file = place_.string()},
                   .next = "say --platform, or write oci:DIR"});
    }
    if (!fs::exists(fs::symlink_status(place_))) return;
    throw Error({.what = "this is there already",
                 .where = {.file = place_.string()},
                 .next = "name a place where nothing is, or remove it"});
  }

  ImageReference destination() const {
    try {
      return parse_image_reference(options().to.native()).value_or(ImageReference{.place = options().to});
    } catch (const Error& error) {
      throw Error({.what = "images are written to files, not there",
                   .where = error.parts().where,
                   .next = fmt::format("write oci:DIR:TAG; then: skopeo copy oci:DIR:TAG {}",
                                       printable(options().to.native()))});
    }
  }

  ImageReference::Form own_form() const {
    if (fs::is_directory(image_.reference().place)) return ImageReference::Form::oci_folder;
    const bool docker =
        image_.set().is_docker || image_.reference().form == ImageReference::Form::docker_archive;
    return docker ? ImageReference::Form::docker_archive : ImageReference::Form::oci_archive;
  }

  std::string path_of(std::size_t member) const {
    return image_.image()->path_of(member, package().members()[member].path());
  }

  void gather_changes() {
    changes_.resize(image_.layers().size());
    for (std::size_t i = 0; i < package().members().size(); ++i) {
      if (fate(i) == Fate::replaced) replace_content(i);
      if (fate(i) == Fate::removed) remove_entry(i);
    }
  }

  void replace_content(std::size_t member) {
    const EntryOfLayer at = image_.entry_of(member);
    EntryChange change{.how = EntryChange::How::file, .file = new_file(member)};
    if (const auto text = texts_.find(member); text != texts_.end())
      change = {.how = EntryChange::How::text, .text = text->second};
    changes_[at.layer][at.entry] = std::move(change);
  }

  void remove_entry(std::size_t member) {
    const EntryOfLayer at = image_.own_entry_of(member);
    changes_[at.layer][at.entry] = {.how = EntryChange::How::removed};
  }

  // Lists of installed files stay true, wherever they lie: in the layer of a library, before or after it.
  void mend_records() {
    records_.resize(image_.layers().size());
    for (const ImageView& view : image_.views())
      lathe::mend_records(view, image_.layers(), changes_, records_);
  }

  void write_layers() {
    std::uint64_t packed = 0;
    RepackOptions how{.threads = options().threads};
    if (options().on_packed) {
      how.on_packed = [&](std::uint64_t bytes) { options().on_packed(packed += bytes); };
    }
    for (std::size_t i = 0; i < image_.layers().size(); ++i) {
      const Layer& layer = *image_.layers()[i];
      WrittenLayer told{.number = i + 1, .old_digest = layer.digest(), .old_size = layer.stored().size()};
      told.files = changes_[i].size();
      told.records = records_[i].size();
      LayerChanges all = changes_[i];
      all.merge(records_[i]);
      layers_.push_back(all.empty() ? copy(i) : repack(layer, all, how));
      told.new_digest = layers_.back().digest;
      told.new_size = layers_.back().size;
      written_.old_size += told.old_size;
      written_.new_size += told.new_size;
      written_.layers.push_back(std::move(told));
    }
    written_.path = options().to;
  }

  NewLayer copy(std::size_t i) {
    const ImageLayer& said = image_.set().layers[i];
    const Layer& layer = *image_.layers()[i];
    output_->copy_blob(image_.files().place_of(said.name), layer.digest());
    return {.digest = layer.digest(), .diff_id = said.diff_id, .size = layer.stored().size()};
  }

  NewLayer repack(const Layer& layer, const LayerChanges& changes, const RepackOptions& how) {
    return output_->write_blob(
        [&](const ImageOutput::Put& put) { return repack_layer(layer, changes, how, put); });
  }

  void write_images() {
    std::vector<Json> descriptors;
    const bool several = image_.set().images.size() > 1;
    for (const Image& image : image_.set().images) descriptors.push_back(write_image(image, several));
    if (several) descriptors = {nested(descriptors)};
    output_->add("oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
    output_->add("index.json", index_of(descriptors));
  }

  std::string new_tag(const Image& image) const { return tag_.empty() ? image.tag : tag_; }

  Json nested(const std::vector<Json>& descriptors) {
    const std::string index = index_of(descriptors);
    Image image;
    image.descriptor = json_with(Json(), "mediaType", json_text("application/vnd.oci.image.index.v1+json"));
    output_->add_blob(index);
    return descriptor_with(image, index, new_tag(image_.set().images[0]), {});
  }

  Json write_image(const Image& image, bool nested) {
    std::vector<NewLayer> layers;
    bool changed = false;
    for (const std::size_t layer : image.layers) {
      layers.push_back(layers_[layer]);
      changed = changed || written_.layers[layer].changed();
    }
    ImageNotes notes = changed ? notes_ : ImageNotes();
    if (changed) add_origin(image, notes);
    const std::string config = changed ? config_with(image, layers, labels_of(notes)) : old_config(image);
    const std::string manifest = changed || image.manifest.is_null()
                                     ? manifest_with(image, image_.set(), layers, config, notes)
                                     : std::string(blob(image.manifest_digest));
    const std::string config_digest = output_->add_blob(config);
    output_->add_blob(manifest);
    if (docker_) output_->add("manifest.json", docker_list(config_digest, layers, docker_tag(image)));
    return descriptor_with(image, manifest, nested ? "" : new_tag(image), {});
  }

  // Docker wants a whole name.
  std::string docker_tag(const Image& image) const {
    if (tag_.empty()) return image.docker_tag;
    return tag_.find(':') == std::string::npos ? tag_ + ":latest" : tag_;
  }

  // Labels of the configuration say less: who is asked for them has the annotations too.
  static ImageNotes labels_of(const ImageNotes& notes) {
    ImageNotes labels;
    for (const auto& [name, value] : notes)
      if (name.starts_with(carve_label)) labels[name] = value;
    return labels;
  }

  static void add_origin(const Image& image, ImageNotes& notes) {
    if (!image.manifest_digest.empty())
      notes["org.opencontainers.image.base.digest"] = "sha256:" + image.manifest_digest;
    notes[std::string(carve_label) + "image-id"] = "sha256:" + image.config_digest;
  }

  std::string_view blob(const std::string& digest) const {
    return as_text(image_.files().bytes("blobs/sha256/" + digest));
  }
  std::string old_config(const Image& image) const {
    return std::string(as_text(image_.files().bytes(image.config_name)));
  }

  const ImagePackage& image_;
  ImageOutput::Form form_ = ImageOutput::Form::folder;
  bool docker_ = false;
  fs::path place_;
  std::string tag_;
  std::unique_ptr<ImageOutput> output_;
  std::mutex changing_;  // the next two
  std::set<std::size_t> unpacked_;
  std::map<std::size_t, std::string> texts_;
  std::vector<LayerChanges> changes_, records_;  // by layer
  std::vector<NewLayer> layers_;
  ImageNotes notes_;
  WrittenPackage written_;
};

}  // namespace

std::unique_ptr<PackageWriter> write_image(const ImagePackage& image, PackageWriteOptions options) {
  return std::make_unique<ImageWriter>(image, std::move(options));
}

void mend_records(const ImageView& view, const std::vector<const Layer*>& layers,
                  const std::vector<LayerChanges>& changes, std::vector<LayerChanges>& records) {
  RecordMender mender(view, layers, changes, records);
  for (const auto& [path, entry] : view.files()) {
    if (is_installed_record(path)) mender.mend(std::string(path), entry);
  }
}

}  // namespace lathe
