// SPDX-License-Identifier: MIT
// Where a file's bytes go, in terms a person understands: device code, code, symbols, ...
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "formats/object_file.h"
#include "device/embedded.h"
#include "device/contents.h"

namespace lathe {

enum class ByteUse : std::uint8_t {
  gpu_code,         // containers that the driver sees
  gpu_relocatable,  // device code kept for the linker
  gpu_embedded,     // device code kept as data, for the library itself to choose from
  code,             // machine code of the CPU
  unwind,           // exception tables
  constants,        // read-only data
  data,             // data that the program changes
  linking,          // dynamic symbols, relocations, hash tables: what the loader needs
  symbols,          // .symtab, .strtab: what only debuggers need; `strip` takes them away
  debug,            // .debug_*
  rest,             // headers, padding, what no section claims
  count,
};
std::string_view to_string(ByteUse use);

struct ByteShares {
  std::array<std::uint64_t, static_cast<std::size_t>(ByteUse::count)> bytes{};

  std::uint64_t& operator[](ByteUse use) { return bytes[static_cast<std::size_t>(use)]; }
  std::uint64_t operator[](ByteUse use) const { return bytes[static_cast<std::size_t>(use)]; }
  ByteShares& operator+=(const ByteShares& other);
};

// The shares add up to the file's size.
ByteShares byte_shares(const ObjectFile& object, const DeviceContents& fatbins,
                       const EmbeddedCode& embedded = {});

}  // namespace lathe
