// SPDX-License-Identifier: MIT
// What is this path? The kinds of packages that are known, one row each, and the one place that asks.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "formats/zip.h"
#include "os/mapped_file.h"
#include "package/images/reference.h"
#include "package/package.h"
#include "package/writer.h"

namespace lathe {

// A path that is looked at: opened once, and read only as far as somebody asks. Links are followed.
class PathLook {
 public:
  // `path` may be the name of a container image: oci:DIR:TAG. `platform`: of an image with several. Error
  // when there is nothing.
  explicit PathLook(std::filesystem::path path, std::string platform = {});
  void expect_file_or_folder() const;  // Error when it is a FIFO, a socket, a device

  const std::filesystem::path& path() const { return path_; }            // as given
  const std::filesystem::path& place() const { return place_; }          // what lies there
  const std::optional<ImageReference>& image() const { return image_; }  // where it is named as one
  const std::string& platform() const { return platform_; }
  bool is_folder() const { return folder_; }
  bool is_file() const { return regular_; }
  std::uint64_t size() const { return size_; }
  const FileIdentity& file() const { return file_; }

  const MappedFile& mapped();  // of a file; kinds may take it over
  bool is_zip();               // by its first bytes; no folder is
  const Zip& zip();            // its directory. Error when there is none to read

  MappedFile take_mapped();
  Zip take_zip();

 private:
  std::filesystem::path path_, place_;
  std::string platform_;
  std::optional<ImageReference> image_;
  bool folder_ = false, regular_ = false;
  std::uint64_t size_ = 0;
  FileIdentity file_;
  std::optional<MappedFile> mapped_;
  std::optional<Zip> zip_;
};

struct PackageKind {
  std::string_view name;  // for people: "wheel"
  bool (*is)(PathLook& look);
  std::unique_ptr<Package> (*open)(PathLook look);  // Error when it is damaged
  // Writes again what this kind opened. Error when that cannot be done there. Null: such are only read.
  std::unique_ptr<PackageWriter> (*write)(const Package& package, PackageWriteOptions options) = nullptr;
  bool named_by_content = false;  // its file name says what it holds: written again it gets a new one
  bool has_variants = false;      // and can have a variant's label
  bool in_place = true;           // can be written in its own place, where its name may stay
  bool has_platforms = false;     // may hold the same for several
  bool has_side = true;           // what a carve drops of it can be kept aside, and restored
  // The same of bytes that are inside of another package; `bytes` outlive it. Null: not looked for there.
  bool (*is_inside)(ByteSpan bytes) = nullptr;
  std::unique_ptr<Package> (*open_inside)(ByteSpan bytes, std::string name) = nullptr;
};

// nullptr: no package, but a file by itself.
const PackageKind* package_kind(PathLook& look);
const PackageKind* package_kind_inside(ByteSpan bytes);

// "conda package", "zip archive of wheels", "zip archive": by the names of its members.
std::string_view words_for_zip(const Zip& zip);

}  // namespace lathe
