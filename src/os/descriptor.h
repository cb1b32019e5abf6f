// SPDX-License-Identifier: MIT
// A file descriptor that is closed when its owner goes.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <utility>

namespace lathe {

// Takes over what a call gave: a negative number is none. Closing leaves errno as it is, so that a failure
// can be told after it. Not for several threads at once.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() { close(); }

  explicit operator bool() const { return number_ >= 0; }
  int get() const { return number_; }

  void close() {
    if (number_ < 0) return;
    const int failure = errno;
    ::close(std::exchange(number_, -1));
    errno = failure;
  }

 private:
  int number_ = -1;
};

}  // namespace lathe
