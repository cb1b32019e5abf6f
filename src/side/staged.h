// SPDX-License-Identifier: MIT
// A folder or file that is changed in place without being the only copy: a second one beside it, made of
// hard links, is changed instead. When its side file is on the disk, what changed is renamed to its place.
// Killed at any moment each file is the old or the new one, and once one is new the side file is there.
#pragma once

#include <filesystem>
#include <vector>

#include "os/unfinished.h"
#include "side/side_file.h"
#include "side/write_side.h"

namespace lathe {

class StagedCopy {
 public:
  // Error where the file system has no hard links. Programs that write files anew and rename them leave the
  // original as it is.
  explicit StagedCopy(const std::filesystem::path& original);

  const std::filesystem::path& path() const { return copy_; }  // what is changed
  // RECORDs beside the folder, which change with it.
  const std::vector<SideNeighbour>& neighbours() const { return neighbours_; }

  // `side` was written of the original and path(), and is on the disk.
  void put_in_place(const SideContent& side);

 private:
  void link_folder();
  void link_neighbours();

  std::filesystem::path original_, copy_;
  std::filesystem::path base_;  // of the copy, as the folder above with the RECORDs is of the original
  Unfinished folder_;
  std::vector<SideNeighbour> neighbours_;
};

}  // namespace lathe
