// SPDX-License-Identifier: MIT
#include "simple/order_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"

namespace lathe {

OrderLock::OrderLock(const std::filesystem::path& path)
    : file_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {
  if (!file_) throw system_error("open", path.string(), errno);
  int result = 0;
  do result = ::flock(file_.get(), LOCK_EX);
  while (result != 0 && errno == EINTR);
  if (result != 0) throw system_error("lock", path.string(), errno);
}

void sync_to_disk(const std::filesystem::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) throw system_error("open", path.string(), errno);
  if (::fsync(file.get()) != 0) throw system_error("write", path.string(), errno);
}

}  // namespace lathe
