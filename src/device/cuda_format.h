// SPDX-License-Identifier: MIT
// CUDA's fat binaries as numbers and names: the one place that knows them. docs/formats/fatbin.md has the
// whole picture and how each was measured; what is done with them is fatbin.cpp, fatbin_object.cpp,
// cuda_stream.cpp and cuda.cpp. Nobody outside of device/ includes this: others ask vendor.h.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace lathe::cuda {

inline constexpr std::string_view images_section = ".nv_fatbin";
inline constexpr std::string_view linker_section = "__nv_relfatbin";
inline constexpr std::string_view wrappers_section = ".nvFatBinSegment";
inline constexpr std::string_view modules_section = "__nv_module_id";

// The same as other formats spell them: PE cuts names to eight letters, Mach-O has segments of its own.
inline constexpr std::array<std::string_view, 5> names_in_headers = {".nv_fatb", ".nvFatBi", "__nv_rel",
                                                                     "__NV_CUDA", "__nv_fatbin"};

// Containers, their entries and wrappers begin at multiples of this.
inline constexpr std::uint64_t alignment = 8;

// The section of modules is a list of texts, each ended by a zero, with more zeros between them: the name of
// each object file that was compiled as relocatable code, this one for others, and from each device link the
// names of those that it linked, each behind this word.
namespace modules {
inline constexpr std::string_view not_relocatable = "__NV_MODULE_ID";
inline constexpr std::string_view linked = "def ";
}  // namespace modules

//  0  magic(4) | version(2) | header size(2) | size of all entries(8)
namespace container {
inline constexpr std::uint32_t magic = 0xBA55ED50;
inline constexpr std::uint16_t version = 1;
inline constexpr std::uint64_t header_size = 16;
inline constexpr std::uint64_t entries_size_at = 8;
// Magic, version and header size of all that were seen, read as one number.
inline constexpr std::uint64_t first_eight =
    magic | std::uint64_t{version} << 32 | std::uint64_t{header_size} << 48;
}  // namespace container

//   0  kind(2) | version(2) | header size(4) | payload size, padded(8)
//  16  compressed size(4), 0: not compressed | offset of the option block(4), or 0
//  24  minor(2) | major(2) | arch(4) | name offset(4) | name length(4)
//  40  flags(8) | 0(8) | uncompressed size(8) | longer headers hold more
namespace entry {
inline constexpr std::uint16_t version = 0x0101;
inline constexpr std::uint64_t smallest_header = 64;
inline constexpr std::uint64_t header_size_at = 4;
inline constexpr std::uint64_t payload_size_at = 8;
inline constexpr std::uint64_t compressed_size_at = 16;
inline constexpr std::uint64_t flags_at = 40;
inline constexpr std::uint64_t unpacked_size_at = 56;

enum Kind : std::uint16_t { ptx = 1, cubin = 2, lto_ir = 8 };

// Bits of its flags; docs/formats/fatbin.md has those that are not used here.
enum Flag : std::uint64_t { lz4 = 0x2000, zstd = 0x8000, specific = 0x100000, family = 0x200000 };
}  // namespace entry

//  0  magic(4) | version(4) | pointer to the container(8) | 0, or pointer to a file name(8)
namespace wrapper {
inline constexpr std::uint32_t magic = 0x466243B1;
inline constexpr std::uint64_t size = 24;
inline constexpr std::uint64_t version_at = 4;
inline constexpr std::uint64_t pointer_at = 8;
inline constexpr std::uint64_t pointer_size = 8;
inline constexpr std::uint32_t plain = 1, linked = 2;  // versions; `linked`: the device linker's result
}  // namespace wrapper

}  // namespace lathe::cuda
