// SPDX-License-Identifier: MIT
#include "formats/known_formats.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

#include "base/text.h"

namespace lathe {
namespace {

using namespace std::string_view_literals;
using Kind = KnownFormat::Kind;

// The offset at 0x3c leads to the mark of the real header. Where that lies further on than the look goes,
// only a DOS program with a long stub comes to mind: it is taken for one of Windows.
bool is_pe(ByteSpan start) {
  constexpr std::uint64_t pointer_at = 0x3c;
  if (start.size() < pointer_at + 4) return false;
  const auto header = ByteReader(start).read_at<std::uint32_t>(pointer_at);
  constexpr std::uint32_t farthest = 1 << 20;
  if (header + std::uint64_t{4} > start.size()) return header >= pointer_at + 4 && header < farthest;
  return as_text(start.subspan(header, 4)) == "PE\0\0"sv;
}

// Java classes begin with the same four bytes; what follows is a version of 45 or more there, a count of
// machines here.
bool is_universal(ByteSpan start) {
  constexpr std::uint8_t most_machines = 20;
  return start.size() >= 8 && start[4] == std::byte{0} && start[5] == std::byte{0} &&
         start[6] == std::byte{0} && std::to_integer<std::uint8_t>(start[7]) <= most_machines;
}

// "BZh9", then the mark of a block or of the end.
bool is_bzip2(ByteSpan start) {
  const std::string_view text = as_text(start);
  return text.size() >= 10 && text[3] >= '1' && text[3] <= '9' &&
         (text.substr(4, 6) == "1AY&SY"sv || text.substr(4, 6) == "\x17\x72\x45\x38\x50\x90"sv);
}

// 32 bits, or bytes in the other order: those of 64 bits with the low byte first are read.
bool is_other_elf(ByteSpan start) {
  if (start.size() < 52) return false;
  const auto bits = std::to_integer<int>(start[4]), order = std::to_integer<int>(start[5]);
  return (bits == 1 || bits == 2) && (order == 1 || order == 2) && !(bits == 2 && order == 1);
}

std::uint64_t octal(std::string_view digits) {
  digits = trim(digits.substr(0, digits.find('\0')));
  std::uint64_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value, 8);
  return value;
}

constexpr auto table = std::to_array<KnownFormat>({
    {"PE", "Windows program or library of a kind that is not read (PE)", Kind::cpu_code, 0, "MZ"sv, is_pe},
    {"Mach-O", "macOS program or library (Mach-O)", Kind::cpu_code, 0, "\xcf\xfa\xed\xfe"sv},
    {"Mach-O", "macOS program or library of 32 bits (Mach-O)", Kind::cpu_code, 0, "\xce\xfa\xed\xfe"sv},
    {"Mach-O", "macOS program or library for PowerPC (Mach-O)", Kind::cpu_code, 0, "\xfe\xed\xfa\xce"sv},
    {"Mach-O", "macOS program or library for PowerPC (Mach-O)", Kind::cpu_code, 0, "\xfe\xed\xfa\xcf"sv},
    {"Mach-O", "macOS program or library for several machines (Mach-O)", Kind::cpu_code, 0,
     "\xca\xfe\xba\xbe"sv, is_universal},
    {"Mach-O", "macOS program or library for several machines (Mach-O)", Kind::cpu_code, 0,
     "\xca\xfe\xba\xbf"sv, is_universal},
    {"ELF", "ELF file of 32 bits or of the other byte order", Kind::cpu_code, 0,
     "\x7f"
     "ELF"sv,
     is_other_elf},

    {"offload binary", "bundle of device code as LLVM packs it", Kind::device_code, 0, "\x10\xff\x10\xad"sv},
    {"NVVM IR", "image of device code that the driver has yet to compile (LTO or OptiX IR)",
     Kind::linker_code, 0, "\xed\x43\x4e\x7f"sv},
    {"Metal", "image of device code for Apple's GPUs (Metal library)", Kind::device_code, 0, "MTLB"sv},

    {"gzip", "compressed with gzip", Kind::compressed, 0, "\x1f\x8b\x08"sv, nullptr, unpack_gzip},
    {"xz", "compressed with xz", Kind::compressed, 0,
     "\xfd"
     "7zXZ\0"sv,
     nullptr, unpack_xz},
    {"zstd", "compressed with zstd", Kind::compressed, 0, "\x28\xb5\x2f\xfd"sv, nullptr, unpack_zstd},
    {"bzip2", "compressed with bzip2", Kind::compressed, 0, "BZh"sv, is_bzip2, unpack_bzip2},
    {"lz4", "compressed with lz4", Kind::compressed, 0, "\x04\x22\x4d\x18"sv, nullptr, unpack_lz4},
    {"lzip", "file compressed with lzip", Kind::files, 0, "LZIP\x01"sv},
    {"compress", "file compressed with compress (.Z)", Kind::files, 0, "\x1f\x9d\x90"sv},

    {"tar", "tar archive", Kind::files, 0, ""sv, looks_like_tar_header},
    {"zip", "zip archive", Kind::files, 0, "PK\x03\x04"sv},
    {"7z", "7z archive", Kind::files, 0, "7z\xbc\xaf\x27\x1c"sv},
    {"rar", "RAR archive", Kind::files, 0, "Rar!\x1a\x07"sv},
    {"cab", "cabinet archive", Kind::files, 0, "MSCF\0\0\0\0"sv},
    {"xar", "macOS installer package (xar)", Kind::files, 0, "xar!\0\x1c"sv},
    {"cpio", "cpio archive", Kind::files, 0, "070701"sv},
    {"cpio", "cpio archive", Kind::files, 0, "070702"sv},
    {"cpio", "cpio archive", Kind::files, 0, "070707"sv},
    {"rpm", "package for RPM", Kind::files, 0, "\xed\xab\xee\xdb"sv},
    {"nar", "Nix archive (NAR)", Kind::files, 0, "\x0d\0\0\0\0\0\0\0nix-archive-1"sv},
    {"squashfs", "squashfs image", Kind::files, 0, "hsqs"sv},
    {"squashfs", "squashfs image", Kind::files, 0, "sqsh"sv},
    {"qcow2", "disk image (qcow2)", Kind::files, 0, "QFI\xfb"sv},
    {"iso", "ISO 9660 image", Kind::files, iso_mark_at, "CD001"sv},
});

bool is(const KnownFormat& format, ByteSpan start) {
  const std::string_view text = as_text(start);
  if (format.offset > text.size() || !text.substr(format.offset).starts_with(format.mark)) return false;
  return format.confirm == nullptr || format.confirm(start);
}

}  // namespace

const KnownFormat* known_format(ByteSpan start) {
  const auto found =
      std::ranges::find_if(table, [&](const KnownFormat& format) { return is(format, start); });
  return found == table.end() ? nullptr : &*found;
}

// name(100) mode(8) owner(8) group(8) size(12) time(12) checksum(8) type(1) ...: the sum of all 512 bytes,
// with blanks for the checksum itself.
bool looks_like_tar_header(ByteSpan block) {
  constexpr std::size_t size = 512, sum_at = 148, sum_size = 8;
  if (block.size() < size || block[0] == std::byte{0}) return false;
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < size; ++i) {
    sum += i >= sum_at && i < sum_at + sum_size ? ' ' : std::to_integer<std::uint64_t>(block[i]);
  }
  return octal(as_text(block).substr(sum_at, sum_size)) == sum;
}

}  // namespace lathe
