// SPDX-License-Identifier: MIT
// What a container sees: the layers laid over each other, by the rules of the OCI image specification.
#pragma once

#include <cstddef>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "package/images/layer.h"

namespace lathe {

struct EntryOfLayer {
  std::size_t layer = 0, entry = 0;
  auto operator<=>(const EntryOfLayer&) const = default;
};

// Valid as long as its layers.
class ImageView {
 public:
  ImageView() = default;
  // The lowest first; numbers are those of `all`.
  ImageView(const std::vector<const Layer*>& all, const std::vector<std::size_t>& layers);

  // By path: all that are files, hard links among them.
  const std::map<std::string_view, EntryOfLayer>& files() const { return files_; }
  // The file that a hard link of a layer is a name of, by the link. Links that lead nowhere are not there.
  const std::map<EntryOfLayer, EntryOfLayer>& links() const { return links_; }

 private:
  void add(std::size_t number, const Layer& layer);
  void hide(std::string_view path, bool itself);

  std::map<std::string_view, EntryOfLayer> files_;
  std::map<EntryOfLayer, EntryOfLayer> links_;
};

}  // namespace lathe
