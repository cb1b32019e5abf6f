// SPDX-License-Identifier: MIT
// One build at a time in one state folder. The lock goes with its process, however that ends.
#pragma once

#include <filesystem>

#include "os/descriptor.h"

namespace lathe {

class StateLock {
 public:
  // An Error that names who holds it; with `wait`, waits for that one to end.
  StateLock(const std::filesystem::path& folder, bool wait);

 private:
  Descriptor file_;
};

}  // namespace lathe
