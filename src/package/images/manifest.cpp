// SPDX-License-Identifier: MIT
#include "package/images/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"
#include "package/archives/json_edit.h"

namespace lathe {
namespace {

constexpr std::uint64_t largest_json = 16 << 20;  // registries take 4 MB
constexpr std::size_t most_layers = 4096, most_images = 1024;
constexpr int deepest_index = 4;
constexpr std::string_view sha256_prefix = "sha256:";

bool is_hex_digest(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_index_type(std::string_view type) {
  return type == "application/vnd.oci.image.index.v1+json" ||
         type == "application/vnd.docker.distribution.manifest.list.v2+json";
}

bool is_docker_type(std::string_view type) { return type.starts_with("application/vnd.docker."); }

class Reader {
 public:
  Reader(const ImageFiles& files, const ImageReference& reference, std::string_view platform)
      : files_(files), reference_(reference), wanted_(platform) {}

  ImageSet read() {
    set_.is_docker = files_.has("manifest.json");
    const bool layout = files_.has("index.json") && reference_.form != ImageReference::Form::docker_archive;
    if (layout) read_layout();
    else read_docker();
    if (found_.empty()) fail_without();
    choose();
    return std::move(set_);
  }

 private:
  struct Found {
    Json descriptor = {};
    std::string tag = {};
    std::string platform = {};
    const Json* docker = nullptr;  // its entry of manifest.json, where there is no manifest
  };

  [[noreturn]] void fail(std::string what, std::string next) const {
    throw Error(
        {.what = std::move(what), .where = {.file = files_.place().string()}, .next = std::move(next)});
  }

  Json json_of(std::string_view name) const {
    const ByteSpan bytes = files_.bytes(name);
    return parse_json(as_text(bytes), fmt::format("{}: {}", files_.place().string(), printable(name)),
                      {.bytes = largest_json, .depth = 50});
  }

  std::string digest_of(const Json& descriptor) const {
    const std::string text = descriptor.text_of("digest");
    if (text.starts_with(sha256_prefix) && is_hex_digest(std::string_view(text).substr(sha256_prefix.size())))
      return text.substr(sha256_prefix.size());
    fail(fmt::format("\"{}\" is no digest of SHA-256", printable(text.substr(0, 100))),
         "such images are not read: copy it with skopeo, which writes one");
  }

  // A blob of JSON, whose digest and size are held against its bytes.
  Json blob(const Json& descriptor) const {
    const std::string digest = digest_of(descriptor);
    const std::string name = "blobs/sha256/" + digest;
    const ByteSpan bytes = files_.bytes(name);
    if (bytes.size() > largest_json)
      fail(fmt::format("{} is larger than such a text can be", name), "copy it again");
    if (to_hex(sha256(bytes)) != digest)
      fail(fmt::format("{} is not what its name says", name), "copy it again");
    const Json* size = descriptor.find("size");
    const auto* number = size ? size->get<std::int64_t>() : nullptr;
    if (!number || *number != static_cast<std::int64_t>(bytes.size()))
      fail(fmt::format("{} has {} bytes, and another size is said of it", name, bytes.size()),
           "copy it again");
    return json_of(name);
  }

  void read_layout() { collect(json_of("index.json"), "", 0); }

  void collect(const Json& index, const std::string& tag, int depth) {
    const Json* manifests = index.find("manifests");
    if (!manifests || !manifests->array() || depth == deepest_index)
      fail("its index lists no manifests", "copy it again");
    for (const Json& descriptor : *manifests->array()) {
      const Json* annotations = descriptor.find("annotations");
      const std::string own_tag = annotations ? annotations->text_of(tag_annotation) : "";
      const std::string& known = depth == 0 ? own_tag : tag;
      if (annotations && !annotations->text_of("vnd.docker.reference.type").empty()) {
        ++set_.attestations;
      } else if (is_index_type(descriptor.text_of("mediaType"))) {
        if (depth == 0) tags_.insert(own_tag);
        if (depth != 0 || fits_tag(own_tag)) collect(blob(descriptor), known, depth + 1);
      } else {
        if (depth == 0) tags_.insert(own_tag);
        if (depth != 0 || fits_tag(own_tag)) add(descriptor, known);
      }
    }
  }

  // "repository/name:tag" for "tag" too: docker writes the whole name.
  bool fits_tag(std::string_view tag) const {
    return reference_.tag.empty() || tag == reference_.tag || tag.ends_with(":" + reference_.tag);
  }

  void add(const Json& descriptor, const std::string& tag) {
    if (found_.size() == most_images) fail("its index lists too many images", "name one of them");
    found_.push_back(
        {.descriptor = descriptor, .tag = tag, .platform = platform_of(descriptor.find("platform"))});
  }

  static std::string platform_of(const Json* platform) {
    if (!platform || platform->text_of("architecture").empty()) return "";
    std::string text = platform->text_of("os") + "/" + platform->text_of("architecture");
    if (const std::string variant = platform->text_of("variant"); !variant.empty()) text += "/" + variant;
    return text;
  }

  void read_docker() {
    docker_ = json_of("manifest.json");
    if (!docker_.array()) fail("its manifest.json is no list", "save it again: docker save");
    for (const Json& entry : *docker_.array()) {
      const Json* tags = entry.find("RepoTags");
      std::string first;
      bool fits = reference_.tag.empty();
      for (const Json& tag : tags && tags->array() ? *tags->array() : Json::Array()) {
        if (!tag.text()) continue;
        tags_.insert(*tag.text());
        if (first.empty() || (!fits && fits_tag(*tag.text()))) first = *tag.text();
        fits = fits || fits_tag(*tag.text());
      }
      if (fits && found_.size() < most_images) found_.push_back({.tag = first, .docker = &entry});
    }
  }

  std::string tag_list() const {
    std::string text;
    for (const std::string& tag : tags_) {
      if (!tag.empty()) text += (text.empty() ? "" : ", ") + printable(tag);
    }
    return text.empty() ? "none" : text;
  }

  [[noreturn]] void fail_without() const {
    if (reference_.tag.empty() || tags_.empty()) fail("it holds no image", "copy it again");
    const std::vector<std::string> tags(tags_.begin(), tags_.end());
    fail(fmt::format("it holds no image of the tag {}", printable(reference_.tag)),
         did_you_mean_text(reference_.tag, tags, "its tags: " + tag_list()));
  }

  // One tag; of its platforms the wanted one, or all.
  void choose() {
    std::set<std::string> tags;
    for (const Found& found : found_) tags.insert(found.tag);
    if (tags.size() > 1)
      fail(fmt::format("it holds several images: {}", tag_list()),
           fmt::format("name one: {}:TAG", files_.place().string()));
    for (const Found& found : found_) load(found);
    for (const Image& image : set_.images) set_.platforms.push_back(image.platform);
    if (wanted_ == "all" || (set_.images.size() == 1 && wanted_.empty())) return;
    const std::string wanted = wanted_.empty() ? own_platform() : wanted_;
    const auto fits = [&](const Image& image) {
      return image.platform == wanted || image.platform.starts_with(wanted + "/");
    };
    const auto chosen = std::ranges::find_if(set_.images, fits);
    if (chosen == set_.images.end())
      fail(fmt::format("it holds nothing for {}, but {}", printable(wanted), fmt::join(set_.platforms, ", ")),
           fmt::format("say --platform {}, or all", set_.platforms.front()));
    keep_only(std::move(*chosen));
  }

  void keep_only(Image image) {
    std::vector<ImageLayer> layers;
    std::map<std::size_t, std::size_t> now;
    for (std::size_t& layer : image.layers) {
      const auto [known, is_new] = now.try_emplace(layer, layers.size());
      if (is_new) layers.push_back(set_.layers[layer]);
      layer = known->second;
    }
    set_.layers = std::move(layers);
    set_.images.clear();
    set_.images.push_back(std::move(image));
  }

  void load(const Found& found) {
    Image image{.tag = found.tag, .descriptor = found.descriptor};
    std::vector<ImageLayer> layers = found.docker ? load_docker(*found.docker, image) : load_oci(image);
    if (!found.docker && set_.is_docker) take_docker_tag(image);
    image.platform = found.platform.empty() ? platform_of(&image.config) : found.platform;
    take_diff_ids(image, layers);
    for (ImageLayer& layer : layers) image.layers.push_back(number_of(std::move(layer)));
    set_.images.push_back(std::move(image));
  }

  // Both forms lie beside each other in what docker save writes since version 25.
  void take_docker_tag(Image& image) const {
    const Json list = json_of("manifest.json");
    for (const Json& entry : list.array() ? *list.array() : Json::Array()) {
      const Json* tags = entry.find("RepoTags");
      const bool same = entry.text_of("Config") == image.config_name;
      if (same && tags && tags->array() && !tags->array()->empty() && tags->array()->front().text())
        image.docker_tag = *tags->array()->front().text();
    }
  }

  std::vector<ImageLayer> load_oci(Image& image) const {
    image.manifest = blob(image.descriptor);
    image.manifest_digest = digest_of(image.descriptor);
    const Json* config = image.manifest.find("config");
    const Json* layers = image.manifest.find("layers");
    if (!config || !layers || !layers->array() || layers->array()->size() > most_layers)
      fail("a manifest in it names no configuration or no layers",
           "it is no image, or of the form before 2016");
    image.config = blob(*config);
    image.config_digest = digest_of(*config);
    image.config_name = "blobs/sha256/" + image.config_digest;
    std::vector<ImageLayer> all;
    for (const Json& layer : *layers->array()) {
      const std::string digest = digest_of(layer);
      all.push_back(
          {.name = "blobs/sha256/" + digest, .digest = digest, .media_type = layer.text_of("mediaType")});
    }
    return all;
  }

  std::vector<ImageLayer> load_docker(const Json& entry, Image& image) const {
    const std::string name = entry.text_of("Config");
    const Json* layers = entry.find("Layers");
    if (!layers || !layers->array() || layers->array()->size() > most_layers)
      fail("its manifest.json names no layers", "save it again: docker save");
    image.config = json_of(name);
    image.config_name = name;
    image.docker_tag = image.tag;
    image.config_digest = to_hex(sha256(files_.bytes(name)));
    // the name is the digest, with or without an ending
    const std::string file = name.substr(name.rfind('/') == std::string::npos ? 0 : name.rfind('/') + 1);
    const std::string said = file.substr(0, file.find('.'));
    if (is_hex_digest(said) && said != image.config_digest)
      fail(fmt::format("{} is not what its name says", printable(name)), "copy it again");
    std::vector<ImageLayer> all;
    for (const Json& layer : *layers->array()) {
      const std::string path = layer.text() ? *layer.text() : "";
      const bool blob = path.starts_with("blobs/sha256/");
      all.push_back({.name = path, .digest = blob ? path.substr(path.rfind('/') + 1) : ""});
    }
    return all;
  }

  void take_diff_ids(const Image& image, std::vector<ImageLayer>& layers) const {
    const Json* rootfs = image.config.find("rootfs");
    const Json* ids = rootfs ? rootfs->find("diff_ids") : nullptr;
    if (!ids || !ids->array() || ids->array()->size() != layers.size())
      fail(fmt::format("its configuration does not tell what the {} layers unpack to", layers.size()),
           "it is no image of files: such artifacts are not read");
    for (std::size_t i = 0; i < layers.size(); ++i) {
      const Json& id = (*ids->array())[i];
      if (!id.text() || !id.text()->starts_with(sha256_prefix))
        fail("a diff_id is no digest of SHA-256", "copy it again");
      layers[i].diff_id = id.text()->substr(sha256_prefix.size());
    }
    take_history(image, layers);
  }

  static void take_history(const Image& image, std::vector<ImageLayer>& layers) {
    const Json* history = image.config.find("history");
    std::size_t next = 0;
    for (const Json& step : history && history->array() ? *history->array() : Json::Array()) {
      const Json* empty = step.find("empty_layer");
      if (empty && empty->get<bool>() && *empty->get<bool>()) continue;
      if (next < layers.size()) layers[next++].made_by = step.text_of("created_by");
    }
  }

  std::size_t number_of(ImageLayer layer) {
    const auto known = std::ranges::find_if(set_.layers, [&](const ImageLayer& other) {
      return other.name == layer.name && other.diff_id == layer.diff_id;
    });
    if (known != set_.layers.end()) return static_cast<std::size_t>(known - set_.layers.begin());
    set_.layers.push_back(std::move(layer));
    return set_.layers.size() - 1;
  }

  const ImageFiles& files_;
  const ImageReference& reference_;
  const std::string wanted_;
  Json docker_;
  std::vector<Found> found_;
  std::set<std::string> tags_;
  ImageSet set_;
};

Json object_of(const ImageNotes& notes, const Json* before) {
  Json object = before && before->object() ? *before : Json(Json::Value(Json::Object()));
  for (const auto& [name, value] : notes) object = json_with(object, name, json_text(value));
  return object;
}

std::string prefixed(const std::string& digest) { return std::string(sha256_prefix) + digest; }

// What says where the parts of a layer's packed form lie: of another form they are none.
Json layer_annotations(const Json& annotations) {
  Json::Object kept;
  for (const auto& [name, value] : annotations.object() ? *annotations.object() : Json::Object()) {
    const bool of_bytes = name.starts_with("containerd.io/snapshot/stargz/") ||
                          name.starts_with("io.github.containers.zstd-chunked.") ||
                          name.starts_with("io.containers.estargz.");
    if (!of_bytes) kept.emplace_back(name, value);
  }
  return Json(Json::Value(std::move(kept)));
}

Json new_layer_descriptor(const Json& old, const NewLayer& layer) {
  if (old.text_of("digest") == prefixed(layer.digest)) return old;
  Json descriptor =
      json_with(json_with(old, "digest", json_text(prefixed(layer.digest))), "size", json_number(layer.size));
  const Json* annotations = old.find("annotations");
  if (!annotations) return descriptor;
  const Json kept = layer_annotations(*annotations);
  return kept.object()->empty() ? json_without(descriptor, "annotations")
                                : json_with(descriptor, "annotations", kept);
}

constexpr std::string_view oci_manifest = "application/vnd.oci.image.manifest.v1+json";
constexpr std::string_view oci_config = "application/vnd.oci.image.config.v1+json";
constexpr std::string_view oci_layer = "application/vnd.oci.image.layer.v1.tar";

// Of an image that had none.
Json fresh_manifest(const Image& image) {
  Json manifest = json_with(Json(), "schemaVersion", json_number(2));
  manifest = json_with(manifest, "mediaType", json_text(oci_manifest));
  manifest = json_with(manifest, "config", json_with(Json(), "mediaType", json_text(oci_config)));
  Json::Array layers(image.layers.size(), json_with(Json(), "mediaType", json_text(oci_layer)));
  return json_with(manifest, "layers", Json(Json::Value(std::move(layers))));
}

}  // namespace

ImageSet read_images(const ImageFiles& files, const ImageReference& reference, std::string_view platform) {
  return Reader(files, reference, platform).read();
}

// Other archives have a manifest.json too: theirs is no list of layers.
bool looks_like_image(const ImageFiles& files) {
  if (files.has("oci-layout") && files.has("index.json")) return true;
  if (!files.has("manifest.json")) return false;
  const std::string_view text = trim(as_text(files.bytes("manifest.json")));
  return text.starts_with('[') && text.find("\"Layers\"") != std::string_view::npos;
}

std::string config_with(const Image& image, const std::vector<NewLayer>& layers, const ImageNotes& notes) {
  Json::Array ids;
  for (const NewLayer& layer : layers) ids.push_back(json_text(prefixed(layer.diff_id)));
  const Json rootfs = json_with(*image.config.find("rootfs"), "diff_ids", Json(Json::Value(std::move(ids))));
  Json config = json_with(image.config, "rootfs", rootfs);
  const Json* settings = config.find("config");
  const Json labels = object_of(notes, settings ? settings->find("Labels") : nullptr);
  return json_line(json_with(config, "config", json_with(settings ? *settings : Json(), "Labels", labels)));
}

std::string manifest_with(const Image& image, const ImageSet&, const std::vector<NewLayer>& layers,
                          std::string_view config, const ImageNotes& notes) {
  const Json old = image.manifest.is_null() ? fresh_manifest(image) : image.manifest;
  const std::string config_digest = prefixed(to_hex(sha256(as_byte_span(config))));
  Json manifest = json_with(old, "config",
                            json_with(json_with(*old.find("config"), "digest", json_text(config_digest)),
                                      "size", json_number(config.size())));
  Json::Array all;
  for (std::size_t i = 0; i < layers.size(); ++i)
    all.push_back(new_layer_descriptor((*old.find("layers")->array())[i], layers[i]));
  manifest = json_with(manifest, "layers", Json(Json::Value(std::move(all))));
  if (is_docker_type(manifest.text_of("mediaType"))) return json_line(manifest);
  return json_line(json_with(manifest, "annotations", object_of(notes, old.find("annotations"))));
}

Json descriptor_with(const Image& image, std::string_view manifest, std::string_view tag,
                     const ImageNotes& notes) {
  Json descriptor = image.descriptor;
  if (descriptor.is_null()) descriptor = json_with(Json(), "mediaType", json_text(oci_manifest));
  descriptor = json_with(descriptor, "digest", json_text(prefixed(to_hex(sha256(as_byte_span(manifest))))));
  descriptor = json_with(descriptor, "size", json_number(manifest.size()));
  const Json* before = descriptor.find("annotations");
  Json annotations = object_of(notes, before);
  if (!tag.empty()) annotations = json_with(annotations, tag_annotation, json_text(tag));
  return annotations.object()->empty() ? descriptor : json_with(descriptor, "annotations", annotations);
}

std::string index_of(const std::vector<Json>& descriptors) {
  Json index = json_with(Json(), "schemaVersion", json_number(2));
  index = json_with(index, "mediaType", json_text("application/vnd.oci.image.index.v1+json"));
  return json_line(
      json_with(index, "manifests", Json(Json::Value(Json::Array(descriptors.begin(), descriptors.end())))));
}

std::string docker_list(const std::string& config_digest, const std::vector<NewLayer>& layers,
                        std::string_view tag) {
  Json::Array names, tags;
  for (const NewLayer& layer : layers) names.push_back(json_text("blobs/sha256/" + layer.digest));
  if (!tag.empty()) tags.push_back(json_text(tag));
  Json entry = json_with(Json(), "Config", json_text("blobs/sha256/" + config_digest));
  entry = json_with(entry, "RepoTags", Json(Json::Value(std::move(tags))));
  entry = json_with(entry, "Layers", Json(Json::Value(std::move(names))));
  return json_line(Json(Json::Value(Json::Array{entry})));
}

}  // namespace lathe
