// SPDX-License-Identifier: MIT
#include "os/stream.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "base/error.h"

namespace lathe {
namespace {

class InputDescriptor {
 public:
  explicit InputDescriptor(const std::string& path)
      : owned_(path != "-"), number_(owned_ ? open(path.c_str(), O_RDONLY | O_CLOEXEC) : 0) {
    if (number_ < 0) throw system_error("open", path, errno);
  }
  InputDescriptor(const InputDescriptor&) = delete;
  InputDescriptor& operator=(const InputDescriptor&) = delete;
  ~InputDescriptor() {
    if (owned_ && number_ >= 0) close(number_);
  }
  int number() const { return number_; }

 private:
  bool owned_;
  int number_;
};

}  // namespace

void read_stream(const std::string& path, const std::function<void(std::string_view)>& sink) {
  const InputDescriptor file(path);
  std::vector<char> piece(std::size_t{1} << 17);  // stays in the second-level cache
  while (true) {
    const ssize_t count = read(file.number(), piece.data(), piece.size());
    if (count == 0) return;
    if (count > 0) {
      sink({piece.data(), static_cast<std::size_t>(count)});
    } else if (errno != EINTR) {
      throw system_error("read", path, errno);
    }
  }
}

}  // namespace lathe
