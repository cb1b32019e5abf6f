// SPDX-License-Identifier: MIT
#include "simple/order_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"

namespace lathe {

OrderLock::OrderLock(const std::filesystem::path& path)
    : descriptor_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {
  if (descriptor_ < 0) throw system_error("open", path.string(), errno);
  int result = 0;
  do result = ::flock(descriptor_, LOCK_EX);
  while (result != 0 && errno == EINTR);
  if (result == 0) return;
  const int why = errno;
  ::close(descriptor_);
  throw system_error("lock", path.string(), why);
}

OrderLock::~OrderLock() { ::close(descriptor_); }

void sync_to_disk(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) throw system_error("open", path.string(), errno);
  const bool synced = ::fsync(descriptor) == 0;
  const int why = errno;
  ::close(descriptor);
  if (!synced) throw system_error("write", path.string(), why);
}

}  // namespace lathe
