// SPDX-License-Identifier: MIT
// What a side file says of itself: which original it belongs to, and the table of what it brings back.
// docs/formats/side.md describes it. Read from outside: names that lead out of their folder are Errors here.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "formats/streams/deflate_again.h"

namespace lathe {

struct StoreRange {
  std::uint64_t at = 0, size = 0;
};

struct SideFile {
  enum class Kind : std::uint8_t {
    file,
    link,         // symbolic
    second_name,  // of a file of this table, as a hard link
    folder,
  };
  Kind kind = Kind::file;
  std::string path;           // in the folder; of a file or a wheel by itself its name
  std::uint32_t above = 0;    // a RECORD that lies beside the folder: in which of the folders above
  std::string target = {};    // of a link; of a second name the path of the first
  std::uint32_t mode = 0;     // Unix permissions
  std::int64_t modified = 0;  // nanoseconds since 1970
  std::uint64_t size = 0;
  std::string sha256 = {};  // hexadecimal
  StoreRange recipe = {};
  bool dropped = false;         // the slim side lacks it; else:
  std::uint64_t slim_size = 0;  // of the file that its recipe takes runs of
  std::string slim_sha256 = {};
};

// Of a wheel: one that is packed again.
struct SideMember {
  std::string path;
  std::string slim_path = {};  // that of the slim wheel whose content its recipe takes runs of
  std::uint64_t size = 0, slim_size = 0;
  std::uint64_t packed_size = 0;
  ZlibSettings settings = {};
  StoreRange recipe = {};
};

struct SideManifest {
  enum class Kind : std::uint8_t { file, folder, wheel };
  Kind kind = Kind::file;
  std::string name = {};                        // of the original, without its folder
  std::map<std::string, std::string> how = {};  // how it was made slim, in the words of who did that
  std::vector<SideFile> files = {};             // of a file and a wheel one
  std::vector<SideMember> members = {};         // of a wheel
  std::vector<SideFile> added = {};  // only path, above, slim_size and slim_sha256: files to remove
};

std::string_view to_string(SideManifest::Kind kind);

std::string to_json(const SideManifest& manifest);
// Error when it is not one, or is of a later version.
SideManifest read_side_manifest(std::string_view json, const std::string& file);

}  // namespace lathe
