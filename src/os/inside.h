// SPDX-License-Identifier: MIT
// A folder that is held open, and what is done to files in it by names that others chose: no symbolic link
// is followed on the way, and no name leads out. Names are relative to the folder, with "/" between their
// parts. Every failure is an Error that names the path and what was tried.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "os/descriptor.h"

namespace lathe {

class Inside {
 public:
  explicit Inside(const std::filesystem::path& folder);  // the folder itself may be reached by a link
  Inside(Inside&&) = default;
  Inside& operator=(Inside&&) = delete;

  Inside open_folder(const std::string& name) const;
  Inside make_folder(const std::string& name) const;  // Error when there is something of that name

  enum class Kind { none, file, folder, link, other };
  // a part on the way that is missing: none; that is a link: an Error
  Kind kind(const std::string& name) const;
  // one file with two names
  bool same(const std::string& name, const Inside& other, const std::string& other_name) const;

  std::string read(const std::string& name, std::uint64_t limit) const;  // a regular file
  // Error when there is something of that name. On the disk when it returns; folders on the way are made.
  void write_new(const std::string& name, std::string_view content) const;
  // Opened for writing, made when it is missing.
  Descriptor open_or_make(const std::string& name) const;

  // Over what is there; folders on the way are made.
  void rename(const std::string& name, const Inside& to, const std::string& new_name) const;
  // False: this file system has no second names, or not for this file.
  bool link(const std::string& name, const Inside& to, const std::string& new_name) const;
  void remove_empty_folder(const std::string& name) const;  // does nothing when it is not empty
  void sync() const;

  std::filesystem::path path(const std::string& name = {}) const {
    return name.empty() ? path_ : path_ / name;
  }

 private:
  Inside(std::filesystem::path path, Descriptor descriptor)
      : path_(std::move(path)), descriptor_(std::move(descriptor)) {}
  enum class Missing { fails, is_made, is_told };
  Inside parent_of(const std::string& name, Missing missing) const;  // told: no descriptor_
  static std::string last_part(const std::string& name);
  bool look(const std::string& name, struct ::stat& status) const;
  Inside step(const std::string& part, Missing missing) const;

  std::filesystem::path path_;
  Descriptor descriptor_;
};

}  // namespace lathe
