// SPDX-License-Identifier: MIT
#include "os/small_file.h"

#include <fcntl.h>
#include <unistd.h>

#include "os/descriptor.h"

namespace lathe {

std::optional<std::string> small_file(const std::filesystem::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return std::nullopt;
  constexpr std::size_t most = 1 << 20;
  std::string text;
  char buffer[16384];
  ssize_t count = 0;
  while (text.size() < most && (count = ::read(file.get(), buffer, sizeof(buffer))) > 0) {
    text.append(buffer, static_cast<std::size_t>(count));
  }
  if (count < 0) return std::nullopt;
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

}  // namespace lathe
