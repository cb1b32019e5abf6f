// SPDX-License-Identifier: MIT
// What an image says of itself: index, manifests, configurations, of an OCI layout or of `docker save`; and
// the same with other layers. Sources: the OCI image specification 1.1 (image-layout, index, manifest,
// config), Docker's "Image Manifest V 2, Schema 2". Every digest is held against the bytes.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "package/images/files.h"
#include "package/images/reference.h"

namespace lathe {

// A layer as it is stored; images may share it.
struct ImageLayer {
  std::string name = {};     // of its file: "blobs/sha256/..."
  std::string digest = {};   // of that file, in hexadecimal; "" where nothing says it
  std::string diff_id = {};  // of what it unpacks to
  std::string media_type = {};
  std::string made_by = {};  // the command, as the history says
};

struct Image {
  std::string platform = {};  // "linux/amd64", "linux/arm64/v8"
  std::string tag = {};       // "" without one
  Json manifest = {};         // null of an older docker save
  std::string manifest_digest = {};
  Json config = {};
  std::string config_digest = {}, config_name = {};  // the name of its file
  std::string docker_tag = {};                       // "repository:tag", where manifest.json says one
  Json descriptor = {};                              // its entry of the index; null without one
  std::vector<std::size_t> layers = {};              // of ImageSet::layers, the lowest first
};

struct ImageSet {
  std::vector<ImageLayer> layers = {};
  std::vector<Image> images = {};
  std::vector<std::string> platforms = {};  // all that the index has
  std::size_t attestations = 0;             // what is said of an image and is none: not taken over
  bool is_docker = false;                   // a manifest.json lists it
};

// `platform`: one, "" for this machine's where there are several, or "all". Error when there is none of that
// tag or platform, or something is missing, or is not what its digest says.
ImageSet read_images(const ImageFiles& files, const ImageReference& reference, std::string_view platform);
// Does a folder or an archive look like an image?
bool looks_like_image(const ImageFiles& files);

// What a layer became.
struct NewLayer {
  std::string digest = {}, diff_id = {};
  std::uint64_t size = 0;
};

// Labels and annotations.
using ImageNotes = std::map<std::string, std::string>;

// JSON, as short as it can be. `notes` become labels.
std::string config_with(const Image& image, const std::vector<NewLayer>& layers, const ImageNotes& notes);
// `layers` of `set`, in the image's order. `notes` become annotations, where the form has some.
std::string manifest_with(const Image& image, const ImageSet& set, const std::vector<NewLayer>& layers,
                          std::string_view config, const ImageNotes& notes);
// The entry of an index.
Json descriptor_with(const Image& image, std::string_view manifest, std::string_view tag,
                     const ImageNotes& notes);
std::string index_of(const std::vector<Json>& descriptors);
// manifest.json, as docker load reads it.
std::string docker_list(const std::string& config_digest, const std::vector<NewLayer>& layers,
                        std::string_view tag);

inline constexpr std::string_view tag_annotation = "org.opencontainers.image.ref.name";

}  // namespace lathe
