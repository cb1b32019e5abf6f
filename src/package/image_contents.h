// SPDX-License-Identifier: MIT
// Where the members of a container image lie: in which layer, and whether a container sees them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"

namespace lathe {

struct ImageContents {
  struct Layer {
    std::string digest = {};                 // as it is stored, in hexadecimal
    std::string packing = {};                // "gzip"
    std::string made_by = {};                // the command, as the history says
    std::uint64_t stored = 0, unpacked = 0;  // bytes
  };
  // Small, as there may be a million of them.
  struct Member {
    std::uint32_t layer = 0;  // of `layers`
    bool hidden = false;      // a later layer deletes or replaces it
  };

  std::vector<std::string> chosen = {};       // platforms that are read: "linux/amd64"
  std::vector<std::string> platforms = {};    // that are there
  std::vector<Layer> layers = {};             // the lowest first; of several platforms each once
  std::vector<Member> members = {};           // as Package::members()
  std::map<std::size_t, Sha256> hashes = {};  // of large members
  std::uint64_t spooled = 0;                  // bytes of temporary files, while it is open
  std::size_t attestations = 0;               // of other images in the index, which a new one does not get
  std::map<std::string, std::string> labels = {};  // those that a carve left

  // Inside of the image, of a member by its path in the package.
  std::string path_of(std::size_t member, std::string shown) const {
    const bool prefixed = members[member].hidden || chosen.size() > 1;
    return prefixed ? shown.substr(shown.find("]/") + 2) : shown;
  }
};

// What a carve writes into the labels and annotations of an image.
inline constexpr std::string_view carve_label = "torchlathe.carve.";

}  // namespace lathe
