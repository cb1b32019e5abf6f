// SPDX-License-Identifier: MIT
// The files that an image is stored as: of a folder, or of a tar archive, read in place. Knows nothing of
// what they say.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "os/mapped_file.h"
#include "os/new_file.h"

namespace lathe {

// Its const functions may be called from several threads at once.
class ImageFiles {
 public:
  struct Place {
    const SourceFile* file = nullptr;
    std::uint64_t at = 0, size = 0;
  };

  // A folder, or a tar archive. Error when it cannot be read, or an archive is damaged or names a file twice.
  explicit ImageFiles(const std::filesystem::path& place);

  bool has(std::string_view name) const { return files_.contains(name); }
  // Error when there is none of that name; valid as long as this.
  ByteSpan bytes(std::string_view name) const;
  Place place_of(std::string_view name) const;
  const std::filesystem::path& place() const { return place_; }

  void expect_whole() const;  // Error when a file turned out not to be all there
  void expect_unchanged(std::string_view done) const;

 private:
  struct Opened {
    MappedFile map;
    SourceFile source;
  };
  struct Stored {
    std::filesystem::path path = {};  // of a file by itself, which is opened when it is asked for
    std::shared_ptr<const Opened> file = {};
    std::uint64_t at = 0, size = 0;
  };

  static std::shared_ptr<const Opened> open(const std::filesystem::path& path);
  void list_folder();
  void list_archive();
  const Stored& find(std::string_view name) const;

  std::filesystem::path place_;
  mutable std::mutex opening_;
  mutable std::map<std::string, Stored, std::less<>> files_;
};

}  // namespace lathe
