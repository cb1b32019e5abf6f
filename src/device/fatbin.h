// SPDX-License-Identifier: MIT
// CUDA fat binaries inside an ELF file: containers, their entries (cubins, PTX, and kinds that this doesn't
// know), and the wrappers through which the runtime finds them. docs/formats/fatbin.md describes the format;
// NVIDIA publishes none, so whatever is not understood is kept as unknown and said. Reads headers only: a
// payload is touched by image_bytes() alone. Does not know what a cubin holds (cubin.h) nor which image a
// driver picks (hardware/compat.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/finding.h"
#include "formats/elf.h"
#include "hardware/compat.h"
#include "os/mapped_file.h"

namespace lathe {

class Vendor;  // device/vendor.h

enum class Compression { none, lz4, zstd };
std::string_view to_string(Compression compression);

struct FatbinEntry {
  std::uint64_t offset = 0;  // of the entry's header, from the start of the file
  std::uint32_t header_size = 0;
  std::uint64_t payload_size = 0;  // with its padding; the next entry follows
  // of the payload without padding where the header says so, else payload_size
  std::uint64_t stored_size = 0;
  std::uint64_t unpacked_size = 0;  // as the header claims; of what is not compressed: payload_size
  std::uint16_t kind_number = 0;    // 1 PTX, 2 cubin, 8 LTO IR; others are not known
  std::uint16_t version_major = 0;  // PTX: of its language (9.0); cubin: of the format (1.8)
  std::uint16_t version_minor = 0;
  std::uint64_t flags = 0;
  Compression compression = Compression::none;
  std::optional<CodeKind> kind = {};  // nullopt: nothing that the driver picks by itself
  bool known_version = true;          // of the entry's header
  Capability capability = {};         // with the suffix that the flags tell

  // Link-time IR (`nvcc -gencode ...,code=lto_90`): the device linker makes machine code of it when it is
  // wanted, so that it runs on more GPUs than it names.
  bool is_lto_ir() const;

  std::uint64_t payload_offset() const { return offset + header_size; }
  std::uint64_t end() const { return offset + header_size + payload_size; }
};

struct FatbinContainer {
  std::uint64_t offset = 0;   // from the start of the file
  std::uint64_t address = 0;  // virtual; 0 in a relocatable object
  std::uint32_t header_size = 0;
  std::uint64_t entries_size = 0;
  bool relocatable = false;                 // of __nv_relfatbin: input of the device linker
  bool understood = true;                   // false: entries are missing after a damaged one
  std::optional<std::size_t> wrapper = {};  // index; nullopt: nothing in .nvFatBinSegment points here
  std::vector<FatbinEntry> entries = {};

  std::uint64_t end() const { return offset + header_size + entries_size; }
};

// 24 bytes in .nvFatBinSegment.
struct FatbinWrapper {
  std::uint64_t offset = 0;   // of the wrapper, from the start of the file
  std::uint64_t address = 0;  // virtual; 0 in a relocatable object
  std::uint32_t version = 0;
  // virtual address of the container; in a relocatable object its file offset
  std::uint64_t target = 0;
  // file offset of the 8 bytes that hold `target` (an addend, or in place)
  std::uint64_t pointer_at = 0;
  enum class Pointer { rela, relr, in_place, none } pointer = Pointer::none;
  std::optional<std::size_t> container = {};  // index; nullopt: there is no container there
};

// A run of bytes that holds containers: an ELF section, or what stands in its place in a file without
// section headers.
struct FatbinRegion {
  std::string name;  // ".nv_fatbin", "__nv_relfatbin", or "" where there are no section headers
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint64_t address = 0;
  bool relocatable = false;
};

struct Fatbins {
  const Vendor* vendor = nullptr;  // whose they are; nullptr: there are none
  std::vector<FatbinRegion> regions;
  std::vector<FatbinContainer> containers;  // by offset
  std::vector<FatbinWrapper> wrappers;      // by offset
  Findings findings;

  bool empty() const { return containers.empty() && wrappers.empty(); }
};

// Limits against hostile files; cuBLASLt, the largest known, has 6,300 images in 3,165 containers.
struct FatbinLimits {
  std::size_t containers = 200'000;
  std::size_t entries = 1'000'000;
};

// All that an ELF file holds, of one vendor. No fat binary is no finding. `disk`: the mapped file that `elf`
// was read from, if it was: then the headers, each on a page of its own, are read by system call and their
// pages never mapped.
Fatbins read_fatbins(const Elf& elf, const MappedFile* disk = nullptr, const FatbinLimits& limits = {});

// A file that is one container after another (what `nvcc -fatbin` writes).
bool looks_like_fatbin(ByteSpan file);
Fatbins read_bare_fatbin(ByteSpan file, const std::string& name, const FatbinLimits& limits = {});

// The image itself: cubin or PTX text (without the zeros behind it), decompressed where it is. Error when it
// cannot be had.
std::vector<std::byte> image_bytes(ByteSpan file, const FatbinEntry& entry,
                                   std::uint64_t limit = std::uint64_t{1} << 30);

// The result of the device linker (`nvlink`), registered by a wrapper of version 2.
bool is_linked(const Fatbins& fatbins, const FatbinContainer& container);

// The PTX that every relocatable container has, or can be compiled from what it has: where no machine code
// of a linked container fits, the driver links all of them again, from their PTX.
std::vector<DeviceCode> relinkable_ptx(const Fatbins& fatbins);

// What the driver's rules need to know of a container: its cubins and PTX, in order; `entry` says which they
// were.
struct ContainerCode {
  std::vector<DeviceCode> codes;
  std::vector<std::size_t> entry;
};
ContainerCode device_codes(const FatbinContainer& container);

}  // namespace lathe
