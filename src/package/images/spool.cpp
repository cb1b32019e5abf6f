// SPDX-License-Identifier: MIT
#include "package/images/spool.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "os/file.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_pending = 256 << 10;

fs::path base_folder() {
  const char* said = std::getenv("TMPDIR");
  if (said && *said) return said;
  std::error_code ignored;
  return fs::is_directory("/var/tmp", ignored) ? "/var/tmp" : "/tmp";
}

}  // namespace

SpoolFolder::SpoolFolder() {
  const fs::path place = base_folder() / "torchlathe-layers";
  remove_leftovers(place);
  folder_ = std::make_unique<Unfinished>(place, Unfinished::Kind::folder);
}

SpoolFile::SpoolFile(fs::path path)
    : path_(std::move(path)), file_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) {
  if (!file_) throw system_error("create a file here", path_.parent_path().string(), errno);
}

void SpoolFile::append(ByteSpan bytes) {
  size_ += bytes.size();
  pending_ += as_text(bytes);
  if (pending_.size() >= most_pending) flush();
}

void SpoolFile::flush() {
  try {
    write_all(file_.get(), path_.string(), pending_);
  } catch (const Error& error) {
    Error::Parts parts = error.parts();
    parts.next = "set TMPDIR to a folder with more room: the libraries of packed layers are unpacked there";
    throw Error(std::move(parts));
  }
  pending_.clear();
}

void SpoolFile::finish() {
  flush();
  pending_.shrink_to_fit();
  file_.close();
}

}  // namespace lathe
