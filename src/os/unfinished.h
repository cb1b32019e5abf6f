// SPDX-License-Identifier: MIT
// Names for what is still being written: ".NAME.XXXXXX.new" beside NAME. Whoever writes holds a lock on it,
// so what a killed program left can be told from what another one is busy with, and is removed by the next
// one that writes NAME.
#pragma once

#include <filesystem>
#include <string>

#include "base/error.h"
#include "os/descriptor.h"

namespace lathe {

// A file or folder under such a name; removed again unless it was put in place.
class Unfinished {
 public:
  enum class Kind { file, folder };
  Unfinished(const std::filesystem::path& place, Kind kind);  // Error when nothing can be created there
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;
  ~Unfinished();

  int descriptor() const { return descriptor_.get(); }  // of a file: for reading and writing
  const std::string& path() const { return path_; }
  // Renames it to its place: over what is there, or only where nothing is; then an Error when something has
  // come meanwhile.
  enum class Over { nothing, what_is_there };
  void put_in_place(Over over);

 private:
  bool create(Kind kind);
  bool is_still_there() const;  // not removed, nor another one of its name

  std::filesystem::path place_;
  std::string path_;
  Descriptor descriptor_;
};

std::filesystem::path containing_folder(const std::filesystem::path& place);  // "." of a name alone

// The Error for a place whose new file or folder was removed before it was whole.
Error lost(const std::filesystem::path& place);

// Makes `place` another name of the file `existing`, in one step: `place` is the old file or this one at
// every moment.
void link_over(const std::filesystem::path& existing, const std::filesystem::path& place);

// Removes what killed programs left of NAME in its folder. Never fails: what cannot be removed stays.
void remove_leftovers(const std::filesystem::path& place);

}  // namespace lathe
