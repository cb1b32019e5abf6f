// SPDX-License-Identifier: MIT
// What --log FILE writes: one JSON object a line, added at the end, so that several runs share a file.
#pragma once

#include <chrono>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "os/terminal.h"

namespace lathe {

class JsonWriter;

class RunLog {
 public:
  explicit RunLog(const std::string& path);  // an Error where it cannot be written

  void start(const std::vector<std::string>& arguments);
  void say(Tone tone, std::string_view text);
  void end(int exit_code);

 private:
  void begin_line(JsonWriter& json, std::string_view level) const;
  void write(JsonWriter& json);

  std::ofstream file_;
  std::chrono::steady_clock::time_point started_;
};

}  // namespace lathe
