// SPDX-License-Identifier: MIT
// Writes the side file of an original and of what somebody made of it: all that the second lacks of the
// first. It goes by their bytes alone, so it serves whatever made the one out of the other. Beside its
// place, on the disk, then renamed: whoever replaces the original does that afterwards.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace lathe {

// A file that lies beside a folder and changes with it: in.dist-info/RECORD.
struct SideNeighbour {
  std::string path;    // from the folder that it lies in
  unsigned above = 1;  // which of the folders above that is; 1: the one that holds the folder itself
  std::filesystem::path original, slim;
};

struct SideOptions {
  unsigned threads = 0;                                   // 0: all cores
  std::map<std::string, std::string> how = {};            // goes into the manifest as it is
  std::string name = {};                                  // of the original; "": its own
  std::vector<SideNeighbour> neighbours = {};             // of folders
  std::function<void(std::uint64_t done)> progress = {};  // bytes of the original; called by one thread
};

struct SideSummary {
  std::uint64_t original_size = 0, slim_size = 0;  // of what differs
  std::uint64_t content = 0;                       // bytes that the slim side lacks
  std::uint64_t twice = 0;                         // of these, that were there already
  std::uint64_t size = 0;                          // of the side file
  std::size_t files = 0, dropped = 0;              // that differ; that the slim side has not at all
  std::size_t packed_again = 0;                    // members of a wheel whose stream zlib makes again
  std::size_t streams_kept = 0;                    // and whose stream had to be kept
};

// Two folders, two files or two wheels. Error when they are not of one kind, or something is at `place`.
// What is unpacked lies in files beside `place`, not in memory.
SideSummary write_side(const std::filesystem::path& original, const std::filesystem::path& slim,
                       const std::filesystem::path& place, const SideOptions& options = {});

}  // namespace lathe
