// SPDX-License-Identifier: MIT
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hardware/capability.h"
#include "torchlathe/compat.h"

#include "hardware/compat.h"
#include "library/convert.h"

namespace torchlathe {
namespace {

lathe::DeviceCode read_code(std::string_view text) {
  const lathe::SpelledCapability read = read_capability(text);
  const bool ptx = read.dialect == lathe::Dialect::compute;
  return {.capability = read.capability, .kind = ptx ? lathe::CodeKind::ptx : lathe::CodeKind::cubin};
}

lathe::Capability read_device(std::string_view text) { return read_capability(text).capability.portable(); }

}  // namespace

bool runs_on(std::string_view code, std::string_view device) {
  return guarded([&] { return lathe::runs_on(read_code(code), read_device(device)); });
}

std::optional<std::size_t> pick(const std::vector<std::string>& codes, std::string_view device) {
  return guarded([&] {
    std::vector<lathe::DeviceCode> read;
    for (const std::string& code : codes) read.push_back(read_code(code));
    return lathe::pick(read, read_device(device));
  });
}

std::string why_not_compilable(std::string_view capability, std::string_view toolkit) {
  return guarded([&] {
    return lathe::why_not_compilable(read_capability(capability).capability, read_version(toolkit));
  });
}

std::string minimum_driver(std::string_view capability, std::string_view toolkit, bool ptx) {
  return guarded([&] {
    return lathe::minimum_driver(read_capability(capability).capability, read_version(toolkit), ptx).text();
  });
}

}  // namespace torchlathe
