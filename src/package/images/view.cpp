// SPDX-License-Identifier: MIT
#include "package/images/view.h"

#include <string>

namespace lathe {

using Kind = LayerEntry::Kind;

ImageView::ImageView(const std::vector<const Layer*>& all, const std::vector<std::size_t>& layers) {
  for (const std::size_t layer : layers) add(layer, *all[layer]);
}

// Whiteouts hide what lies in the layers below, wherever they stand in their own.
void ImageView::add(std::size_t number, const Layer& layer) {
  for (const LayerEntry& entry : layer.entries()) {
    if (entry.kind == Kind::whiteout) hide(entry.path, true);
    if (entry.kind == Kind::opaque) hide(entry.path, false);
  }
  for (std::size_t i = 0; i < layer.entries().size(); ++i) {
    const LayerEntry& entry = layer.entries()[i];
    if (entry.path.empty() || entry.kind == Kind::whiteout || entry.kind == Kind::opaque) continue;
    if (entry.kind == Kind::folder) {
      files_.erase(entry.path);
      continue;
    }
    // the link first: it may be to what it hides
    const auto target = entry.kind == Kind::hard_link ? files_.find(entry.link) : files_.end();
    if (target != files_.end()) {
      const auto further = links_.find(target->second);
      links_[{number, i}] = further == links_.end() ? target->second : further->second;
    }
    hide(entry.path, true);
    if (entry.kind == Kind::file || target != files_.end()) files_[entry.path] = {number, i};
  }
}

void ImageView::hide(std::string_view path, bool itself) {
  if (itself) files_.erase(path);
  if (path.empty()) return files_.clear();
  const std::string first = std::string(path) + '/', last = std::string(path) + static_cast<char>('/' + 1);
  files_.erase(files_.lower_bound(first), files_.lower_bound(last));
}

}  // namespace lathe
