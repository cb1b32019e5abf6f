// SPDX-License-Identifier: MIT
// Images that a carve writes packed instead of copying them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "device/contents.h"

namespace lathe {

// Header, packed payload and padding of each, all of them in memory.
class PackedImages {
 public:
  void add(ContainerIndex container, ImageIndex image, std::string bytes) {
    images_[{container, image}] = std::move(bytes);
  }
  // nullptr: it is copied as it is.
  const std::string* find(ContainerIndex container, ImageIndex image) const {
    const auto found = images_.find({container, image});
    return found == images_.end() ? nullptr : &found->second;
  }
  // What it takes in the new file.
  std::uint64_t size_of(ContainerIndex container, ImageIndex image, const DeviceImage& old) const {
    const std::string* packed = find(container, image);
    return packed ? packed->size() : old.size();
  }
  std::size_t count() const { return images_.size(); }
  bool empty() const { return images_.empty(); }

 private:
  std::map<std::pair<ContainerIndex, ImageIndex>, std::string> images_;
};

}  // namespace lathe
