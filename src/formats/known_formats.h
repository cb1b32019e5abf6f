// SPDX-License-Identifier: MIT
// Formats that can hold machine code or device code and that are not read here: told by their first bytes,
// so that what was not read can be named. What is in such a file is not_read.h's business. Formats without a
// mark of their own (a raw deflate stream, a disk image) are not known.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "formats/streams/unpack.h"

namespace lathe {

struct KnownFormat {
  enum class Kind {
    cpu_code,     // programs and libraries of other systems
    linker_code,  // device code that a linker reads, never a GPU
    device_code,  // of other makers' GPUs, or that a linker has yet to work on
    compressed,   // one file, made smaller: `unpack` looks into it
    files,        // several files: archives, packages, file systems
  };

  std::string_view name;   // "PE": short, for programs
  std::string_view words;  // "Windows program or library (PE)"
  Kind kind = Kind::files;
  std::uint64_t offset = 0;  // of the mark
  std::string_view mark;
  bool (*confirm)(ByteSpan start) = nullptr;  // where the mark alone is too short
  Unpacked (*unpack)(ByteSpan packed, const UnpackSink& sink) = nullptr;
};

// How many first bytes tell all formats but one (ISO 9660, whose mark lies behind 32 KiB).
inline constexpr std::size_t look_size = 512;

// nullptr: none of them. `start`: the first look_size bytes or more, or all there are.
const KnownFormat* known_format(ByteSpan start);

// Where an ISO 9660 image has its mark; files that are not this long are none.
inline constexpr std::uint64_t iso_mark_at = 0x8001;

bool looks_like_tar_header(ByteSpan block);  // by its checksum, so old and new tar alike

}  // namespace lathe
