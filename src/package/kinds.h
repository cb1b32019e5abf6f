// SPDX-License-Identifier: MIT
// What is this path? The kinds of packages that are known, one row each, and the one place that asks.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "formats/zip.h"
#include "package/package.h"

namespace lathe {

// A path that is looked at: opened once, and read only as far as somebody asks. Links are followed.
class PathLook {
 public:
  // Error when there is nothing, or neither a file nor a folder.
  explicit PathLook(std::filesystem::path path);

  const std::filesystem::path& path() const { return path_; }
  bool is_folder() const { return folder_; }
  std::uint64_t size() const { return size_; }
  const FileIdentity& file() const { return file_; }

  const MappedFile& mapped();  // of a file; kinds may take it over
  bool is_zip();               // by its first bytes
  const Zip& zip();            // its directory. Error when there is none to read

  MappedFile take_mapped();
  Zip take_zip();

 private:
  std::filesystem::path path_;
  bool folder_ = false;
  std::uint64_t size_ = 0;
  FileIdentity file_;
  std::optional<MappedFile> mapped_;
  std::optional<Zip> zip_;
};

struct PackageKind {
  std::string_view name;  // for people: "wheel"
  bool (*is)(PathLook& look);
  std::unique_ptr<Package> (*open)(PathLook look);  // Error when it is damaged
  // The same of bytes that are inside of another package; `bytes` outlive it. Null: not looked for there.
  bool (*is_inside)(ByteSpan bytes) = nullptr;
  std::unique_ptr<Package> (*open_inside)(ByteSpan bytes, std::string name) = nullptr;
};

// nullptr: no package, but a file by itself.
const PackageKind* package_kind(PathLook& look);
const PackageKind* package_kind_inside(ByteSpan bytes);

}  // namespace lathe
