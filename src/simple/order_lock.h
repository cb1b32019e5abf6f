// SPDX-License-Identifier: MIT
// Inside of simple only. What keeps a cache right that several programs use.
#pragma once

#include <filesystem>

#include "os/descriptor.h"

namespace lathe {

// Of one piece of work, between threads and programs; waits for who has it. It goes with its process,
// however that ends.
class OrderLock {
 public:
  explicit OrderLock(const std::filesystem::path& path);

 private:
  Descriptor file_;
};

// A file or folder is on the disk when this returns: before a record says so.
void sync_to_disk(const std::filesystem::path& path);

}  // namespace lathe
