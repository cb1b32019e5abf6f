// SPDX-License-Identifier: MIT
// A section is a run of entries: length (4 bytes, or ff ff ff ff and 8 bytes), then 4 bytes that are 0 for a
// CIE, or for an FDE the distance back to its CIE. A CIE says how its FDEs spell addresses; an FDE gives its
// function's start and size.
#include "cpu/cpu_scan_frames.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace lathe::cpu {
namespace {

// Pointer encodings, DW_EH_PE_*.
constexpr std::uint8_t format_mask = 0x0f, relative_mask = 0x70, relative_to_place = 0x10, omitted = 0xff;

std::uint64_t unsigned_leb(ByteReader& reader) {
  std::uint64_t value = 0;
  for (unsigned shift = 0;; shift += 7) {
    const std::uint8_t byte = reader.u8();
    if (shift < 64) value |= std::uint64_t{byte & 0x7fu} << shift;
    if (!(byte & 0x80)) return value;
  }
}

std::uint64_t extended(std::uint64_t value, unsigned bits) {
  const std::uint64_t sign = std::uint64_t{1} << (bits - 1);
  return (value ^ sign) - sign;
}

// nullopt: a spelling of no fixed size.
std::optional<std::uint64_t> fixed_size(ByteReader& reader, std::uint8_t format) {
  switch (format) {
    case 0x00:
    case 0x04:
    case 0x0c: return reader.u64();
    case 0x02: return reader.u16();
    case 0x03: return reader.u32();
    case 0x0a: return extended(reader.u16(), 16);
    case 0x0b: return extended(reader.u32(), 32);
    default: return std::nullopt;
  }
}

class FrameReader {
 public:
  FrameReader(ByteSpan section, std::uint64_t address) : section_(section), address_(address) {}

  void read(std::vector<CodeRange>& ranges) {
    ByteReader reader(section_, ".eh_frame");
    while (reader.left() >= 4) {
      const std::uint64_t start = reader.position();
      std::uint64_t length = reader.u32();
      if (length == 0) continue;  // the end of one object file's part
      if (length == 0xffffffff) length = reader.u64();
      const std::uint64_t begin = reader.position();
      const ByteSpan entry = reader.take(length);
      if (const auto range = read_entry(entry, start, begin)) ranges.push_back(*range);
    }
  }

 private:
  // `start`: offset of the entry in the section; `begin`: of its second field, from which an FDE counts back.
  std::optional<CodeRange> read_entry(ByteSpan entry, std::uint64_t start, std::uint64_t begin) {
    ByteReader reader(entry, ".eh_frame entry");
    const std::uint32_t back = reader.u32();
    if (back == 0) {
      spellings_[start] = read_cie(reader);
      return std::nullopt;
    }
    const auto cie = spellings_.find(begin - back);
    if (cie == spellings_.end() || cie->second == omitted) return std::nullopt;
    const std::uint8_t spelling = cie->second;
    const std::uint64_t place = address_ + begin + reader.position();
    auto first = fixed_size(reader, spelling & format_mask);
    const auto size = fixed_size(reader, spelling & format_mask & 0x07);  // a size has no sign
    if (!first || !size || *size == 0) return std::nullopt;
    if ((spelling & relative_mask) == relative_to_place) *first += place;
    return CodeRange{.address = *first, .size = *size};
  }

  // How the CIE's FDEs spell addresses; `omitted` where that cannot be read.
  static std::uint8_t read_cie(ByteReader& reader) {
    const std::uint8_t version = reader.u8();
    const std::string_view augmentation = reader.string_at(reader.position());
    reader.skip(augmentation.size() + 1);
    if (version == 4) reader.skip(2);  // sizes of an address and of a segment
    unsigned_leb(reader);
    unsigned_leb(reader);
    if (version == 1) {
      reader.u8();
    } else {
      unsigned_leb(reader);
    }
    if (augmentation.empty()) return 0;
    if (augmentation.front() != 'z') return omitted;
    unsigned_leb(reader);
    return read_augmentation(reader, augmentation.substr(1));
  }

  static std::uint8_t read_augmentation(ByteReader& reader, std::string_view letters) {
    for (const char letter : letters) {
      switch (letter) {
        case 'R': {
          const std::uint8_t spelling = reader.u8();
          const bool is_known =
              (spelling & relative_mask) == 0 || (spelling & relative_mask) == relative_to_place;
          return is_known && !(spelling & 0x80) ? spelling : omitted;
        }
        case 'L': reader.u8(); break;
        case 'P':
          if (!fixed_size(reader, reader.u8() & format_mask)) return omitted;
          break;
        default: break;  // S and B have no data
      }
    }
    return 0;
  }

  ByteSpan section_;
  std::uint64_t address_;
  std::map<std::uint64_t, std::uint8_t> spellings_;  // by the CIE's offset
};

}  // namespace

std::vector<CodeRange> read_frames(ByteSpan section, std::uint64_t address, const std::string& file,
                                   Findings& findings) {
  std::vector<CodeRange> ranges;
  try {
    FrameReader(section, address).read(ranges);
  } catch (const Error& error) {
    findings.add({.rule = "elf-damaged",
                  .severity = Severity::warning,
                  .where = {.file = file},
                  .what = std::string("unwind information cannot be read to its end: ") + error.what(),
                  .fix = ""});
  }
  return ranges;
}

}  // namespace lathe::cpu
