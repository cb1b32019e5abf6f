// SPDX-License-Identifier: MIT
// Where an ELF file keeps its fat binaries. With section headers: the sections by name. Without: any wrapper
// in a writable segment whose pointer leads to a container.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <span>

#include "device/cuda.h"
#include "device/cuda_format.h"
#include "device/contents.h"
#include "device/fatbin_reader.h"

namespace lathe {
namespace {

constexpr std::size_t most_regions = 10'000;

DeviceWrapper::Kind kind_of(std::uint32_t version) {
  switch (version) {
    case cuda::wrapper::plain: return DeviceWrapper::Kind::plain;
    case cuda::wrapper::linked: return DeviceWrapper::Kind::linked;
    default: return DeviceWrapper::Kind::other;
  }
}

class ElfFatbins {
 public:
  ElfFatbins(const Elf& elf, const MappedFile* disk, const DeviceLimits& limits, DeviceContents& out)
      : elf_(elf),
        out_(out),
        reader_(elf.bytes(), elf.name(), limits, disk, out),
        most_wrappers_(limits.containers) {}

  void read() {
    if (elf_.sections().empty()) {
      for (const ElfSegment& segment : elf_.segments()) {
        if (segment.type == elf::pt_load && (segment.flags & elf::pf_w)) read_wrappers_of(segment);
      }
    } else {
      for (const ElfSection& section : elf_.sections()) read_section(section);
      for (const ElfSection& section : elf_.sections()) {
        if (section.name == cuda::wrappers_section) read_wrappers_of(section);
      }
    }
    fill_pointers();
    join();
  }

 private:
  void read_section(const ElfSection& section) {
    const bool relocatable = section.name == cuda::linker_section;
    if (!relocatable && section.name != cuda::images_section) return;
    if (!readable(section)) return;
    out_.regions.push_back({.name = std::string(section.name),
                            .offset = section.offset,
                            .size = section.size,
                            .address = section.address,
                            .relocatable = relocatable});
    reader_.read_region(out_.regions.back());
  }

  // Has bytes in the file (a .debug file's sections have none) that no other section showed us before: a
  // thousand headers of the same bytes must not cost a thousand readings.
  bool readable(const ElfSection& section) {
    if (section.type == elf::sht_nobits || section.size == 0 || !fits(section.offset, section.size))
      return false;
    if (read_.size() >= most_regions) return false;
    const auto next = read_.upper_bound(section.offset);
    const bool overlaps = (next != read_.end() && next->first < section.offset + section.size) ||
                          (next != read_.begin() && std::prev(next)->second > section.offset);
    if (overlaps) reader_.warn("fatbin-overlap", section.offset, "two sections hold the same fat binaries");
    else read_[section.offset] = section.offset + section.size;
    return !overlaps;
  }

  bool fits(std::uint64_t offset, std::uint64_t size) const {
    return offset <= elf_.bytes().size() && size <= elf_.bytes().size() - offset;
  }

  void read_wrappers_of(const ElfSection& section) {
    if (!readable(section)) return;
    const std::size_t first = out_.wrappers.size();
    read_wrappers(section.offset, section.size, section.address, false);
    if (elf_.type() == ElfType::relocatable) fill_from_section_relocations(section, first);
  }

  void read_wrappers_of(const ElfSegment& segment) {
    if (!fits(segment.offset, segment.file_size)) return;
    read_wrappers(segment.offset, segment.file_size, segment.address, true);
  }

  void read_wrappers(std::uint64_t offset, std::uint64_t size, std::uint64_t address, bool searching) {
    const ByteReader reader(elf_.bytes(), "fat binary wrapper");
    const std::uint64_t end = offset + size;
    std::uint64_t at = (offset + 7) & ~std::uint64_t{7};
    while (at <= end && end - at >= cuda::wrapper::size && out_.wrappers.size() < most_wrappers_) {
      if (reader.read_at<std::uint32_t>(at) != cuda::wrapper::magic) {
        at += 8;
        continue;
      }
      const auto version = reader.read_at<std::uint32_t>(at + cuda::wrapper::version_at);
      const bool plausible = kind_of(version) != DeviceWrapper::Kind::other;
      if (!plausible && !searching) {
        reader_.warn("fatbin-unknown", at, fmt::format("a fat binary wrapper of version {}", version));
      }
      if (plausible || !searching) {
        out_.wrappers.push_back({.offset = at,
                                 .address = address == 0 ? 0 : address + (at - offset),
                                 .version = version,
                                 .kind = kind_of(version),
                                 .pointer_at = at + cuda::wrapper::pointer_at});
      }
      at += cuda::wrapper::size;
    }
  }

  // The pointer of a linked file's wrapper: the addend of a relocation, or (fixed executables) what lies in
  // place.
  void fill_pointers() {
    if (elf_.type() == ElfType::relocatable || out_.wrappers.empty()) return;
    std::ranges::sort(out_.wrappers, {}, &DeviceWrapper::offset);
    const auto [low, high] = std::ranges::minmax(out_.wrappers, {}, &DeviceWrapper::address);
    elf_.for_each_relocation(low.address, high.address + cuda::wrapper::size,
                             [&](const ElfRelocation& relocation) { fill_from(relocation); });
    const ByteReader reader(elf_.bytes(), "fat binary wrapper");
    for (DeviceWrapper& wrapper : out_.wrappers) {
      if (wrapper.pointer != DeviceWrapper::Pointer::none) continue;
      wrapper.leads_to = reader.read_at<std::uint64_t>(wrapper.pointer_at);
      if (wrapper.leads_to != 0) wrapper.pointer = DeviceWrapper::Pointer::in_place;
    }
  }

  void fill_from(const ElfRelocation& relocation) {
    if (relocation.place < cuda::wrapper::pointer_at) return;
    const std::uint64_t address = relocation.place - cuda::wrapper::pointer_at;
    const auto it = std::ranges::lower_bound(out_.wrappers, address, {}, &DeviceWrapper::address);
    if (it == out_.wrappers.end() || it->address != address) return;
    if (relocation.symbol != 0) {
      return reader_.warn("fatbin-unknown", it->offset, "a wrapper points to its container through a symbol");
    }
    it->leads_to = static_cast<std::uint64_t>(relocation.addend);
    it->pointer_at = relocation.addend_at;
    it->pointer =
        relocation.packed ? DeviceWrapper::Pointer::packed_relocation : DeviceWrapper::Pointer::relocation;
  }

  // An object file's pointer: a section's symbol plus an addend.
  void fill_from_section_relocations(const ElfSection& section, std::size_t first) {
    if (out_.wrappers.size() == first) return;
    std::vector<std::pair<std::uint32_t, std::uint64_t>> bases;  // symbol -> file offset
    elf_.for_each_symbol(ElfSymbols::full, [&](std::uint32_t index, const ElfSymbol& symbol) {
      if (symbol.section == 0 || symbol.section >= elf_.sections().size()) return;
      bases.emplace_back(index, elf_.sections()[symbol.section].offset + symbol.value);
    });
    const std::span wrappers(out_.wrappers.begin() + static_cast<std::ptrdiff_t>(first), out_.wrappers.end());
    elf_.for_each_relocation_of(section, [&](const ElfRelocation& relocation) {
      const std::uint64_t offset = section.offset + relocation.place - cuda::wrapper::pointer_at;
      const auto wrapper = std::ranges::lower_bound(wrappers, offset, {}, &DeviceWrapper::offset);
      const auto base =
          std::ranges::lower_bound(bases, relocation.symbol, {}, [](const auto& b) { return b.first; });
      if (wrapper == wrappers.end() || wrapper->offset != offset) return;
      if (base == bases.end() || base->first != relocation.symbol) return;
      wrapper->leads_to = base->second + static_cast<std::uint64_t>(relocation.addend);
      wrapper->pointer_at = relocation.addend_at;
      wrapper->pointer = DeviceWrapper::Pointer::relocation;
    });
  }

  void join() {
    std::ranges::sort(out_.wrappers, {}, &DeviceWrapper::offset);
    if (elf_.sections().empty()) find_regions();
    std::ranges::sort(out_.containers, {}, &DeviceContainer::offset);
    for (const WrapperIndex i : out_.wrappers.ids()) join_wrapper(i);
    if (null_wrappers_ > 0) report_null_wrappers();
  }

  // PyTorch 1.13.1 has many: the linker dropped the container of a source file and kept its wrapper. The
  // runtime finds nothing there, as if the wrapper were not there either.
  void report_null_wrappers() {
    out_.findings.add({.rule = "fatbin-dangling",
                       .severity = Severity::note,
                       .where = {.file = elf_.name()},
                       .what = fmt::format("{} of {} wrappers point nowhere: they hold 0", null_wrappers_,
                                           out_.wrappers.size()),
                       .fix = ""});
  }

  std::optional<std::uint64_t> target_offset(const DeviceWrapper& wrapper) const {
    if (wrapper.pointer == DeviceWrapper::Pointer::none) return std::nullopt;
    if (elf_.type() == ElfType::relocatable) return wrapper.leads_to;
    return elf_.offset_of(wrapper.leads_to);
  }

  void join_wrapper(WrapperIndex index) {
    DeviceWrapper& wrapper = out_.wrappers[index];
    if (wrapper.pointer == DeviceWrapper::Pointer::none) {
      ++null_wrappers_;
      return;
    }
    const auto offset = target_offset(wrapper);
    auto it = offset ? std::ranges::lower_bound(out_.containers, *offset, {}, &DeviceContainer::offset)
                     : out_.containers.end();
    if (it == out_.containers.end() || it->offset != *offset) {
      return reader_.warn("fatbin-dangling", wrapper.offset, "a wrapper points to no container");
    }
    if (it->wrapper)
      return reader_.warn("fatbin-shared", wrapper.offset, "two wrappers point to one container");
    wrapper.container = ContainerIndex{static_cast<std::size_t>(it - out_.containers.begin())};
    it->wrapper = index;
  }

  // No section headers: each container that a wrapper leads to, up to the next one or to the end of its
  // segment. Wrappers found by search that lead nowhere are taken for chance.
  void find_regions() {
    std::erase_if(out_.wrappers, [&](const DeviceWrapper& wrapper) {
      const auto offset = target_offset(wrapper);
      return !offset || !reader_.container_at(*offset);
    });
    std::vector<std::uint64_t> targets;
    for (const DeviceWrapper& wrapper : out_.wrappers) targets.push_back(*target_offset(wrapper));
    std::ranges::sort(targets);
    targets.erase(std::unique(targets.begin(), targets.end()), targets.end());
    std::uint64_t done = 0;
    for (const std::uint64_t offset : targets) {
      if (offset < done) {
        reader_.warn("fatbin-overlap", offset, "a container lies inside another");
        continue;
      }
      const std::uint64_t address = elf_.address_of(offset).value_or(0);
      auto container = reader_.read_container(offset, offset + elf_.from_address(address).size());
      if (!container) continue;
      container->address = address;
      done = container->end();
      out_.regions.push_back({.name = "", .offset = offset, .size = done - offset, .address = address});
      out_.containers.push_back(std::move(*container));
    }
  }

  const Elf& elf_;
  DeviceContents& out_;
  FatbinReader reader_;
  std::size_t most_wrappers_;
  std::size_t null_wrappers_ = 0;
  std::map<std::uint64_t, std::uint64_t> read_;  // file offsets: start, end of each section read
};

}  // namespace

DeviceContents read_cuda(const Elf& elf, const MappedFile* disk, const DeviceLimits& limits) {
  DeviceContents out;
  out.vendor = &cuda_vendor();
  ElfFatbins(elf, disk, limits, out).read();
  return out;
}

}  // namespace lathe
