// SPDX-License-Identifier: MIT
#include "jobs/log_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include <cerrno>
#include <string>

#include "base/error.h"
#include "os/file.h"
#include "os/mapped_file.h"

namespace lathe {
namespace {

// A FIFO that somebody put there would hold the build for ever.
std::FILE* open_for_writing(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_CLOEXEC, 0666);
  if (descriptor < 0) throw system_error("write", path, errno);
  struct stat status {};
  if (::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode)) return ::fdopen(descriptor, "wb");
  ::close(descriptor);
  throw Error({.what = "no regular file, so no log is written there",
               .where = {.file = path},
               .next = "move it away"});
}

}  // namespace

LogFile::LogFile(const std::filesystem::path& path)
    : path_(path.string()), file_(open_for_writing(path_)), compressor_([this](std::string_view bytes) {
        if (std::fwrite(bytes.data(), 1, bytes.size(), file_) != bytes.size())
          throw system_error("write", path_, errno);
      }) {}

LogFile::~LogFile() {
  if (file_ != nullptr) std::fclose(file_);
}

void LogFile::line(std::string_view text) {
  compressor_.append(text);
  compressor_.append("\n");
  const auto now = std::chrono::steady_clock::now();
  if (now - flushed_ < std::chrono::seconds(1)) return;
  flushed_ = now;
  compressor_.flush();
  std::fflush(file_);
}

void LogFile::close() {
  compressor_.finish();
  const bool failed = std::fclose(file_) != 0;
  file_ = nullptr;
  if (failed) throw system_error("write", path_, errno);
}

std::filesystem::path log_path(const std::filesystem::path& state, const std::string& log) {
  const std::filesystem::path path = std::filesystem::path(log).lexically_normal();
  if (path.is_relative() && !path.empty() && *path.begin() == "logs") return state / path;
  throw Error({.what = fmt::format("the history says that the log is {}, which is not in its folder", log),
               .where = {.file = state.string()},
               .next = "look at the history with: torchlathe history -f json",
               .kind = ErrorKind::fault});
}

void read_log(const std::filesystem::path& path, const ByteSink& sink) {
  decompress_zstd_stream(MappedFile::open(path).bytes(), sink);
}

}  // namespace lathe
