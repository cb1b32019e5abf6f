// SPDX-License-Identifier: MIT
#include "inspect/wheel_member.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "formats/inflate.h"

namespace lathe {
namespace {

constexpr std::uint64_t most_kept = std::uint64_t{2} << 30;
constexpr std::size_t step = 4096;  // a page: what is skipped inside one costs nothing to keep

// Copies a file that arrives in order into memory, but for large images. Containers are recognised by their
// first eight bytes (magic, version 1, header size 16) at offsets divisible by 8; whether they lay where fat
// binaries lie is checked afterwards, when the section headers (at the end of the file) are there.
class ImageSkipper {
 public:
  ImageSkipper(std::span<std::byte> memory, bool skip) : memory_(memory), skip_(skip) {}

  void feed(ByteSpan bytes) {
    while (!bytes.empty()) {
      const ByteSpan piece = bytes.first(std::min(step, bytes.size()));
      keep(piece);
      filled_ += piece.size();
      if (skip_) advance();
      bytes = bytes.subspan(piece.size());
    }
  }

  const ByteRanges& absent() const { return absent_; }

 private:
  void keep(ByteSpan piece) {
    const std::uint64_t from = std::max(filled_, skip_until_);
    if (from >= filled_ + piece.size()) return;
    const ByteSpan wanted = piece.subspan(from - filled_);
    kept_ += wanted.size();
    if (kept_ > most_kept) {
      throw Error(
          {.what = fmt::format("the member holds more than {} GB besides device code", most_kept >> 30),
           .next = "unpack it and inspect the folder"});
    }
    std::memcpy(memory_.data() + from, wanted.data(), wanted.size());
  }

  void advance() {
    for (bool moved = true; moved;) moved = in_container_ ? next_entry() : next_container();
  }

  bool next_container() {
    constexpr std::uint64_t first_eight = 0x00100001'BA55ED50;
    const ByteReader reader(memory_);
    for (; at_ + 16 <= filled_; at_ += 8) {
      if (reader.read_at<std::uint64_t>(at_) != first_eight) continue;
      const auto size = reader.read_at<std::uint64_t>(at_ + 8);
      at_ += 16;
      if (size > memory_.size() - at_) continue;
      container_end_ = at_ + size;
      in_container_ = true;
      return true;
    }
    return false;
  }

  bool next_entry() {
    if (at_ + 64 > filled_ && at_ < container_end_) return false;
    const ByteReader reader(memory_);
    const std::uint64_t left = container_end_ - at_;
    const std::uint64_t header = left < 64 ? 0 : reader.read_at<std::uint32_t>(at_ + 4);
    const std::uint64_t payload = left < 64 ? 0 : reader.read_at<std::uint64_t>(at_ + 8);
    // the end, or damage: look for another container
    if (header < 64 || header > left || payload > left - header) {
      at_ = (at_ + 7) & ~std::uint64_t{7};
      in_container_ = false;
      return true;
    }
    const std::uint64_t begin = std::max(at_ + header, filled_);
    const bool compressed = reader.read_at<std::uint32_t>(at_ + 16) != 0;
    const std::uint64_t unpacked = compressed ? reader.read_at<std::uint64_t>(at_ + 56) : payload;
    at_ += header + payload;
    if (unpacked > largest_sampled_image && begin < at_) {
      absent_.emplace_back(begin, at_);
      skip_until_ = at_;
    }
    return true;
  }

  std::span<std::byte> memory_;
  bool skip_;
  std::uint64_t filled_ = 0;
  std::uint64_t kept_ = 0;
  std::uint64_t at_ = 0;  // what is looked at next: a place for a container, or an entry
  std::uint64_t skip_until_ = 0;
  std::uint64_t container_end_ = 0;
  bool in_container_ = false;
  ByteRanges absent_;
};

// As sections of fat binaries, or inside containers that are kept as data and whose structure holds.
bool all_in_fat_binaries(ByteSpan file, const ByteRanges& absent) {
  const Elf elf = Elf::parse(file, "");
  std::vector<std::pair<std::uint64_t, std::uint64_t>> known;
  for (const ElfSection& section : elf.sections()) {
    if (section.name != ".nv_fatbin" && section.name != "__nv_relfatbin") continue;
    known.emplace_back(section.offset, section.offset + section.size);
  }
  const auto inside = [&](const auto& range) {
    const auto after =
        std::ranges::upper_bound(known, range.first, {}, &std::pair<std::uint64_t, std::uint64_t>::first);
    return after != known.begin() && std::prev(after)->second >= range.second;
  };
  std::ranges::sort(known);
  if (std::ranges::all_of(absent, inside)) return true;
  for (const FatbinContainer& container : find_embedded(elf, read_fatbins(elf), nullptr, 1).containers) {
    known.emplace_back(container.offset, container.end());
  }
  std::ranges::sort(known);
  return std::ranges::all_of(absent, inside);
}

ByteRanges unpack(const ZipMember& member, SparseMemory& memory, bool skip, Sha256Stream* hash) {
  ImageSkipper skipper(memory.writable(), skip);
  const Inflated result = inflate(member.packed, member.size, [&](ByteSpan out) {
    skipper.feed(out);
    if (hash) hash->add(out);
    return true;
  });
  if (result.crc != member.crc) {
    throw Error({.what = "the member's checksum is wrong", .next = "the wheel is damaged: fetch it again"});
  }
  return skipper.absent();
}

}  // namespace

std::string start_of(const ZipMember& member, std::uint64_t most) {
  if (member.method == 0)
    return std::string(as_text(member.packed.first(std::min(most, member.packed.size()))));
  std::string bytes;
  inflate(
      member.packed, member.size,
      [&](ByteSpan out) {
        bytes += as_text(out);
        return bytes.size() < most;
      },
      std::min<std::uint64_t>(most, 256 << 10));
  return bytes;
}

std::optional<WheelMember> WheelMember::open(const ZipMember& member, Sha256Stream* hash) {
  const std::string start = start_of(member);
  if (code_format(as_byte_span(start)).empty()) return std::nullopt;
  const bool is_elf = Elf::looks_like(as_byte_span(start));
  WheelMember opened;
  if (member.method == 0) {
    opened.stored_ = member.packed;
    if (hash) hash->add(member.packed);
    return opened;
  }
  opened.memory_.emplace(member.size);
  opened.absent_ = unpack(member, *opened.memory_, is_elf, hash);
  if (!opened.absent_.empty() && !all_in_fat_binaries(opened.bytes(), opened.absent_)) {
    opened.memory_.emplace(member.size);
    opened.absent_ = unpack(member, *opened.memory_, false, nullptr);
  }
  return opened;
}

}  // namespace lathe
