// SPDX-License-Identifier: MIT
// Inside of carve/layout only: where an offset of the old file lies in the new one, given the runs that
// leave the file.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace lathe {

struct FileRange {
  std::uint64_t offset = 0, size = 0;
  std::uint64_t end() const { return offset + size; }
  bool touches(const FileRange& other) const {
    return size != 0 && other.size != 0 && offset < other.end() && other.offset < end();
  }
  bool operator==(const FileRange&) const = default;
};

class OffsetMap {
 public:
  // The runs must not overlap.
  void cut(FileRange range) {
    cuts_.insert(std::ranges::upper_bound(cuts_, range.offset, {}, &FileRange::offset), range);
  }

  // What lies inside a run that leaves moves to where the run was.
  std::uint64_t moved(std::uint64_t offset) const {
    std::uint64_t gone = 0;
    for (const FileRange& cut : cuts_) {
      if (cut.offset >= offset) break;
      gone += std::min(cut.size, offset - cut.offset);
    }
    return offset - gone;
  }

 private:
  std::vector<FileRange> cuts_;
};

}  // namespace lathe
