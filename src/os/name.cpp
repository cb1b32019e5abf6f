// SPDX-License-Identifier: MIT
#include "os/name.h"

namespace lathe {

std::string_view cut_name(std::string_view name, std::size_t most) {
  if (name.size() <= most) return name;
  const auto goes_on = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; };
  while (most > 0 && goes_on(name[most])) --most;
  return name.substr(0, most);
}

std::string hidden_name(std::string_view name, std::string_view ending) {
  return "." + std::string(cut_name(name, longest_name - 1 - ending.size())) + std::string(ending);
}

}  // namespace lathe
