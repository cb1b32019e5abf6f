// SPDX-License-Identifier: MIT
// The log of one build: lines in, compressed on disk (zstd). A log whose writer was killed can be read up to
// its last second.
#pragma once

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "formats/streams/zstd_stream.h"

namespace lathe {

class LogFile {
 public:
  explicit LogFile(const std::filesystem::path& path);  // an Error when it cannot be written
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;
  ~LogFile();

  void line(std::string_view text);
  void close();

 private:
  std::string path_;
  std::FILE* file_;
  ZstdCompressor compressor_;
  std::chrono::steady_clock::time_point flushed_ = std::chrono::steady_clock::now();
};

// Where the log lies that a history in the folder `state` names. An Error unless it lies there: a history
// that somebody sent names no other file.
std::filesystem::path log_path(const std::filesystem::path& state, const std::string& log);

void read_log(const std::filesystem::path& path, const ByteSink& sink);

}  // namespace lathe
