// SPDX-License-Identifier: MIT
// Where what packed layers hold lies while it is worked on: a folder in $TMPDIR, or in /var/tmp (/tmp is
// memory on many machines). It goes with its content; what a killed program left is removed by the next one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "os/descriptor.h"
#include "os/unfinished.h"

namespace lathe {

class SpoolFolder {
 public:
  SpoolFolder();  // Error when it cannot be made
  std::filesystem::path path() const { return folder_->path(); }

 private:
  std::unique_ptr<Unfinished> folder_;
};

// A new file in it, written from front to back.
class SpoolFile {
 public:
  explicit SpoolFile(std::filesystem::path path);
  SpoolFile(const SpoolFile&) = delete;
  SpoolFile& operator=(const SpoolFile&) = delete;

  void append(ByteSpan bytes);  // Error when the disk is full
  void finish();                // nothing is appended afterwards
  std::uint64_t size() const { return size_; }

 private:
  void flush();

  std::filesystem::path path_;
  Descriptor file_;
  std::uint64_t size_ = 0;
  std::string pending_;
};

}  // namespace lathe
