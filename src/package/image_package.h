// SPDX-License-Identifier: MIT
// Inside of package only. A container image as a package: its members are the files of its layers, also those
// that later layers hide.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "formats/streams/unpack.h"
#include "package/image_contents.h"
#include "package/images/files.h"
#include "package/images/layer.h"
#include "package/images/manifest.h"
#include "package/images/reference.h"
#include "package/images/spool.h"
#include "package/images/view.h"
#include "package/kinds.h"
#include "package/package.h"

namespace lathe {

class ImagePackage final : public Package {
 public:
  explicit ImagePackage(const PathLook& look);  // Error when it is damaged, or another image is meant

  bool describes_itself(std::string_view) const override { return true; }
  std::string part(std::size_t member, std::uint64_t from, std::uint64_t count) const override;
  void read(std::size_t member, const UnpackSink& sink) const override;
  std::optional<MemberContent> in_place(std::size_t member) const override;
  void expect_whole() const override { files_.expect_whole(); }
  const ImageContents* image() const override { return &contents_; }

  const ImageReference& reference() const { return reference_; }
  const ImageFiles& files() const { return files_; }
  const ImageSet& set() const { return set_; }
  const std::vector<const Layer*>& layers() const { return layer_pointers_; }
  const std::vector<ImageView>& views() const { return views_; }  // one an image
  // Of a hard link that of its file.
  EntryOfLayer entry_of(std::size_t member) const;
  EntryOfLayer own_entry_of(std::size_t member) const { return entries_[member]; }
  // The file that it was unpacked to already; "" where there is none.
  std::filesystem::path own_file(std::size_t member) const;
  // It is not read any more: its file may go.
  void release(std::size_t member) const;
  std::filesystem::path spool() const { return spool_.path(); }

 private:
  void scan_layers();
  void list();
  void list_layer(std::size_t layer, const std::vector<std::uint16_t>& seen);
  void add(EntryOfLayer entry, const std::string* platform);
  void describe();

  ImageReference reference_;
  ImageFiles files_;
  ImageSet set_;
  SpoolFolder spool_;
  std::vector<std::unique_ptr<Layer>> layers_;
  std::vector<const Layer*> layer_pointers_;
  std::vector<ImageView> views_;
  std::map<EntryOfLayer, EntryOfLayer> links_;
  std::set<EntryOfLayer> linked_;      // files that have another name
  std::vector<EntryOfLayer> entries_;  // by member
  ImageContents contents_;
};

}  // namespace lathe
