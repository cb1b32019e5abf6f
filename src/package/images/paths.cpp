// SPDX-License-Identifier: MIT
// Source of whiteouts: "Image Layer Filesystem Changeset" of the OCI image specification.
#include "package/images/paths.h"

#include <vector>

#include "base/text.h"

namespace lathe {

std::optional<std::string> inside_path(std::string_view path) {
  std::vector<std::string_view> parts;
  for (const std::string_view part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.push_back(part);
    } else if (parts.empty()) {
      return std::nullopt;
    } else {
      parts.pop_back();
    }
  }
  std::string inside;
  for (const std::string_view part : parts) {
    if (!inside.empty()) inside += '/';
    inside += part;
  }
  return inside;
}

std::optional<Whiteout> whiteout_of(std::string_view path) {
  constexpr std::string_view mark = ".wh.", opaque = ".wh..wh..opq", own = ".wh..wh.";
  const std::size_t slash = path.rfind('/');
  const std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  const std::string_view folder = slash == std::string_view::npos ? "" : path.substr(0, slash);
  if (!name.starts_with(mark)) return std::nullopt;
  if (name == opaque) return Whiteout{.path = std::string(folder), .opaque = true};
  if (name.starts_with(own) || name == mark) return std::nullopt;  // aufs' own notes
  const std::string hidden(name.substr(mark.size()));
  return Whiteout{.path = folder.empty() ? hidden : std::string(folder) + "/" + hidden};
}

}  // namespace lathe
