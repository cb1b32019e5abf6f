// SPDX-License-Identifier: MIT
// Images that a carve writes packed, or unpacked, instead of copying them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "device/contents.h"

namespace lathe {

// Header, payload and padding of each. What is packed is held in memory; what is unpacked is made when it is
// written.
class PackedImages {
 public:
  void add(ContainerIndex container, ImageIndex image, std::string bytes) {
    images_[{container, image}] = std::move(bytes);
  }
  void add_unpacked(ContainerIndex container, ImageIndex image, std::uint64_t size) {
    unpacked_[{container, image}] = size;
  }
  // nullopt: it is not unpacked.
  std::optional<std::uint64_t> unpacked_size(ContainerIndex container, ImageIndex image) const {
    const auto found = unpacked_.find({container, image});
    return found == unpacked_.end() ? std::nullopt : std::optional(found->second);
  }
  // nullptr: it is not packed.
  const std::string* find(ContainerIndex container, ImageIndex image) const {
    const auto found = images_.find({container, image});
    return found == images_.end() ? nullptr : &found->second;
  }
  // What it takes in the new file.
  std::uint64_t size_of(ContainerIndex container, ImageIndex image, const DeviceImage& old) const {
    if (const auto size = unpacked_size(container, image)) return *size;
    const std::string* packed = find(container, image);
    return packed ? packed->size() : old.size();
  }
  std::size_t count() const { return images_.size(); }
  std::size_t count_unpacked() const { return unpacked_.size(); }
  bool empty() const { return images_.empty() && unpacked_.empty(); }

 private:
  std::map<std::pair<ContainerIndex, ImageIndex>, std::string> images_;
  std::map<std::pair<ContainerIndex, ImageIndex>, std::uint64_t> unpacked_;
};

}  // namespace lathe
