// SPDX-License-Identifier: MIT
// What --verbose tells of the work below the commands: files that are read, programs that are run. Nobody
// hears it unless a command has set a narrator, and only what its own thread does: so it needs no lock, and
// two runs say the same.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace lathe {

using Narrator = std::function<void(std::string_view line)>;

// This thread's narrator, until the end of the scope.
class Narration {
 public:
  explicit Narration(Narrator narrator) : earlier_(std::exchange(current(), std::move(narrator))) {}
  ~Narration() { current() = std::move(earlier_); }
  Narration(const Narration&) = delete;
  Narration& operator=(const Narration&) = delete;

  static Narrator& current() {
    static thread_local Narrator narrator;
    return narrator;
  }

 private:
  Narrator earlier_;
};

// `line` is asked for only where somebody hears it. It has no line end.
inline void narrate(const std::function<std::string()>& line) {
  if (const Narrator& narrator = Narration::current()) narrator(line());
}

}  // namespace lathe
