// SPDX-License-Identifier: MIT
// What a single image holds: a cubin (machine code for one GPU, an ELF file of its own) or PTX (text that
// the driver compiles). Two generations of cubin are known, told apart by the ABI version: up to 7 (toolkits
// before 13) and 8. Does not disassemble device code.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "hardware/capability.h"

namespace lathe {

struct CubinInfo {
  std::optional<Capability> capability = {};  // as the cubin itself says; it never says `f`
  std::string toolkit = {};                   // "13.0"; "" when it does not tell
  std::size_t kernels = 0;                    // entry functions
  // other functions that remain (relocatable code, calls that were not inlined)
  std::size_t functions = 0;
  std::uint64_t data_bytes = 0;  // global and constant data
  bool relocatable = false;      // device code that is not linked yet

  // nvcc's link stub: nothing in it that a program could ask for.
  bool holds_nothing() const { return kernels == 0 && functions == 0 && data_bytes == 0; }
};

CubinInfo read_cubin(ByteSpan image);  // Error when it is not a cubin

struct PtxInfo {
  std::string version = {};                   // of the language: "9.0"
  std::string target = {};                    // as written: "sm_90a"
  std::optional<Capability> capability = {};  // of `target`
  std::string toolkit = {};                   // from the compiler's comment: "13.0"; "" when there is none
  std::size_t kernels = 0;
  bool holds_nothing = true;  // no kernel, no function, no data
};

PtxInfo read_ptx(std::string_view text);

// PTX begins with its version, after comments.
bool looks_like_ptx(ByteSpan start);

}  // namespace lathe
