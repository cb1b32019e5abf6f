// SPDX-License-Identifier: MIT
// Names for what is still being written: ".NAME.XXXXXX.new" beside NAME. Whoever writes holds a lock on it, so what a killed
// program left can be told from what another one is busy with, and is removed by the next one that writes NAME.
#pragma once

#include <filesystem>
#include <string>

namespace lathe {

// A file or folder under such a name; removed again unless it was put in place.
class Unfinished {
 public:
  enum class Kind { file, folder };
  Unfinished(const std::filesystem::path& place, Kind kind);  // Error when nothing can be created there
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;
  ~Unfinished();

  int descriptor() const { return descriptor_; }  // of a file: for reading and writing
  const std::string& path() const { return path_; }
  void put_in_place();  // renames it over its place

 private:
  bool create(Kind kind);

  std::filesystem::path place_;
  std::string path_;
  int descriptor_ = -1;
};

// Removes what killed programs left of NAME in its folder. Never fails: what cannot be removed stays.
void remove_leftovers(const std::filesystem::path& place);

}  // namespace lathe
