// SPDX-License-Identifier: MIT
#include "jobs/state_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "base/error.h"
#include "base/text.h"
#include "os/file.h"

namespace lathe {

StateLock::StateLock(const std::filesystem::path& folder, bool wait) {
  create_folders(folder);
  const std::string path = (folder / "lock").string();
  file_ = Descriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!file_) throw system_error("open", path, errno);
  if (::flock(file_.get(), wait ? LOCK_EX : LOCK_EX | LOCK_NB) != 0) {
    const std::string holder(trim(read_file(path)));
    throw Error({.what = fmt::format("another build is running in {}: {}", folder.string(),
                                     holder.empty() ? "it has just started" : holder),
                 .where = {},
                 .next = "wait for it (--wait), or give this one a folder of its own (--state)",
                 .kind = ErrorKind::fault});
  }
  const std::string text = fmt::format("process {}\n", ::getpid());
  if (::ftruncate(file_.get(), 0) != 0 || ::pwrite(file_.get(), text.data(), text.size(), 0) < 0)
    throw system_error("write", path, errno);
}

}  // namespace lathe
