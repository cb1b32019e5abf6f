// SPDX-License-Identifier: MIT
// A log as a person would read it: without the escape codes of compilers, each state of a progress bar on a
// line of its own.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace lathe {

class LogLines {
 public:
  // `put` gets each line without its end; one longer than 1 MiB comes in pieces.
  using Put = std::function<void(std::string line)>;
  explicit LogLines(Put put) : put_(std::move(put)) {}

  void take(std::string_view text);
  void finish();  // the last line may have no end

 private:
  void end_line(bool by_return);

  Put put_;
  std::string line_;
  bool returned_ = false;
};

}  // namespace lathe
