// SPDX-License-Identifier: MIT
// Inside of device only: reads containers into a DeviceContents.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "device/contents.h"
#include "os/mapped_file.h"

namespace lathe {

class FatbinReader {
 public:
  FatbinReader(ByteSpan file, const std::string& name, const DeviceLimits& limits, const MappedFile* disk,
               DeviceContents& out)
      : file_(file), name_(name), limits_(limits), disk_(disk), out_(out) {}

  void read_region(const DeviceRegion& region);  // must lie in the file
  bool container_at(std::uint64_t offset);
  std::optional<DeviceContainer> read_container(std::uint64_t offset, std::uint64_t end);
  void warn(std::string rule, std::uint64_t offset, std::string_view what);

 private:
  void read_entries(DeviceContainer& container);
  std::optional<DeviceImage> read_entry(std::uint64_t offset, std::uint64_t end);
  ByteSpan header(std::uint64_t offset, std::size_t size);
  std::uint64_t next_container(std::uint64_t from, std::uint64_t end);

  ByteSpan file_;
  const std::string& name_;
  const DeviceLimits& limits_;
  const MappedFile* disk_;  // the same file, for reading headers by system call; or nullptr
  std::array<std::byte, 64> buffer_{};
  DeviceContents& out_;
  std::size_t entries_ = 0;
  bool full_ = false;  // a limit was reached
};

}  // namespace lathe
