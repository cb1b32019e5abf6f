// SPDX-License-Identifier: MIT
// Where an object file keeps its fat binaries. With section headers: the sections by name. Without: any
// wrapper in a writable part whose pointer leads to a container.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/finding.h"
#include "device/cuda.h"
#include "device/cuda_format.h"
#include "device/contents.h"
#include "device/fatbin_reader.h"
#include "device/vendor.h"
#include "formats/object_file.h"
#include "os/mapped_file.h"

namespace lathe {
namespace {

constexpr std::size_t most_regions = 10'000;

DeviceWrapper::Kind wrapper_kind_of(std::uint32_t version) {
  switch (version) {
    case cuda::wrapper::plain: return DeviceWrapper::Kind::plain;
    case cuda::wrapper::linked: return DeviceWrapper::Kind::linked;
    default: return DeviceWrapper::Kind::other;
  }
}

class ObjectFatbins {
 public:
  ObjectFatbins(const ObjectFile& object, const MappedFile* disk, const DeviceLimits& limits,
                DeviceContents& out)
      : object_(object),
        out_(out),
        reader_(object.bytes(), object.name(), limits, disk, out),
        most_wrappers_(limits.containers) {}

  void read() {
    if (object_.has_sections()) {
      object_.for_each_section([&](const ObjectSection& section) { read_images_of(section); });
      object_.for_each_section([&](const ObjectSection& section) {
        if (role_of(section) == DeviceSection::wrappers) read_wrappers_of(section);
      });
    } else {
      object_.for_each_loaded_part([&](const ObjectSection& part) {
        if (part.writable && fits(part)) read_wrappers(part.offset, part.size, part.address, true);
      });
    }
    fill_pointers();
    join();
  }

 private:
  static DeviceSection role_of(const ObjectSection& section) { return cuda_vendor().role_of(section.name); }

  void read_images_of(const ObjectSection& section) {
    const DeviceSection role = role_of(section);
    if (role != DeviceSection::images && role != DeviceSection::linker) return;
    if (!readable(section)) return;
    out_.regions.push_back({.name = std::string(section.name),
                            .offset = section.offset,
                            .size = section.size,
                            .address = section.address,
                            .relocatable = role == DeviceSection::linker});
    reader_.read_region(out_.regions.back());
  }

  // Has bytes in the file (a .debug file's sections have none) that no other section showed us before: a
  // thousand headers of the same bytes must not cost a thousand readings.
  bool readable(const ObjectSection& section) {
    if (section.size == 0 || !fits(section)) return false;
    if (read_.size() >= most_regions) return false;
    const auto next = read_.upper_bound(section.offset);
    const bool overlaps = (next != read_.end() && next->first < section.offset + section.size) ||
                          (next != read_.begin() && std::prev(next)->second > section.offset);
    if (overlaps) reader_.warn("fatbin-overlap", section.offset, "two sections hold the same fat binaries");
    else read_[section.offset] = section.offset + section.size;
    return !overlaps;
  }

  bool fits(const ObjectSection& section) const {
    return section.offset <= object_.bytes().size() &&
           section.size <= object_.bytes().size() - section.offset;
  }

  void read_wrappers_of(const ObjectSection& section) {
    if (!readable(section)) return;
    const std::size_t first = out_.wrappers.size();
    read_wrappers(section.offset, section.size, section.address, false);
    if (!object_.is_linked()) fill_from_section(section, first);
  }

  void read_wrappers(std::uint64_t offset, std::uint64_t size, std::uint64_t address, bool searching) {
    const ByteReader reader(object_.bytes(), "fat binary wrapper");
    const std::uint64_t end = offset + size;
    std::uint64_t at = (offset + 7) & ~std::uint64_t{7};
    while (at <= end && end - at >= cuda::wrapper::size && out_.wrappers.size() < most_wrappers_) {
      if (reader.read_at<std::uint32_t>(at) != cuda::wrapper::magic) {
        at += 8;
        continue;
      }
      const auto version = reader.read_at<std::uint32_t>(at + cuda::wrapper::version_at);
      const bool plausible = wrapper_kind_of(version) != DeviceWrapper::Kind::other;
      if (!plausible && !searching) {
        reader_.warn("fatbin-unknown", at, fmt::format("a fat binary wrapper of version {}", version));
      }
      if (plausible || !searching) {
        out_.wrappers.push_back({.offset = at,
                                 .address = address == 0 ? 0 : address + (at - offset),
                                 .version = version,
                                 .kind = wrapper_kind_of(version),
                                 .pointer_at = at + cuda::wrapper::pointer_at});
      }
      at += cuda::wrapper::size;
    }
  }

  // The pointer of a linked file's wrapper: the addend of a relocation, or (fixed executables) what lies in
  // place.
  void fill_pointers() {
    if (!object_.is_linked() || out_.wrappers.empty()) return;
    std::ranges::sort(out_.wrappers, {}, &DeviceWrapper::offset);
    const auto [low, high] = std::ranges::minmax(out_.wrappers, {}, &DeviceWrapper::address);
    object_.for_each_pointer(low.address, high.address + cuda::wrapper::size,
                             [&](const ObjectPointer& pointer) { fill_from(pointer); });
    const ByteReader reader(object_.bytes(), "fat binary wrapper");
    for (DeviceWrapper& wrapper : out_.wrappers) {
      if (wrapper.pointer != DeviceWrapper::Pointer::none) continue;
      wrapper.leads_to = reader.read_at<std::uint64_t>(wrapper.pointer_at);
      if (wrapper.leads_to != 0) wrapper.pointer = DeviceWrapper::Pointer::in_place;
    }
  }

  void fill_from(const ObjectPointer& pointer) {
    if (pointer.place < cuda::wrapper::pointer_at) return;
    const std::uint64_t address = pointer.place - cuda::wrapper::pointer_at;
    const auto it = std::ranges::lower_bound(out_.wrappers, address, {}, &DeviceWrapper::address);
    if (it == out_.wrappers.end() || it->address != address) return;
    if (!pointer.target) {
      return reader_.warn("fatbin-unknown", it->offset, "a wrapper points to its container through a symbol");
    }
    lead(*it, pointer);
  }

  // An object file's pointers lie in no address space yet.
  void fill_from_section(const ObjectSection& section, std::size_t first) {
    if (out_.wrappers.size() == first) return;
    const std::span wrappers(out_.wrappers.begin() + static_cast<std::ptrdiff_t>(first), out_.wrappers.end());
    object_.for_each_pointer_in(section, [&](const ObjectPointer& pointer) {
      const std::uint64_t offset = pointer.place - cuda::wrapper::pointer_at;
      const auto wrapper = std::ranges::lower_bound(wrappers, offset, {}, &DeviceWrapper::offset);
      if (wrapper != wrappers.end() && wrapper->offset == offset && pointer.target) lead(*wrapper, pointer);
    });
  }

  static void lead(DeviceWrapper& wrapper, const ObjectPointer& pointer) {
    using Pointer = DeviceWrapper::Pointer;
    wrapper.leads_to = *pointer.target;
    wrapper.pointer_at = pointer.stored_at;
    wrapper.pointer = pointer.packed ? Pointer::packed_relocation : Pointer::relocation;
  }

  void join() {
    std::ranges::sort(out_.wrappers, {}, &DeviceWrapper::offset);
    if (!object_.has_sections()) find_regions();
    std::ranges::sort(out_.containers, {}, &DeviceContainer::offset);
    for (const WrapperIndex i : out_.wrappers.ids()) join_wrapper(i);
    if (null_wrappers_ > 0) report_null_wrappers();
  }

  // PyTorch 1.13.1 has many: the linker dropped the container of a source file and kept its wrapper. The
  // runtime finds nothing there, as if the wrapper were not there either.
  void report_null_wrappers() {
    out_.findings.add({.rule = "fatbin-dangling",
                       .severity = Severity::note,
                       .where = {.file = object_.name()},
                       .what = fmt::format("{} of {} wrappers point nowhere: they hold 0", null_wrappers_,
                                           out_.wrappers.size()),
                       .fix = ""});
  }

  std::optional<std::uint64_t> target_offset(const DeviceWrapper& wrapper) const {
    if (wrapper.pointer == DeviceWrapper::Pointer::none) return std::nullopt;
    if (!object_.is_linked()) return wrapper.leads_to;
    return object_.offset_of(wrapper.leads_to);
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
      const std::uint64_t address = object_.address_of(offset).value_or(0);
      auto container = reader_.read_container(offset, offset + object_.from_address(address).size());
      if (!container) continue;
      container->address = address;
      done = container->end();
      out_.regions.push_back({.name = "", .offset = offset, .size = done - offset, .address = address});
      out_.containers.push_back(std::move(*container));
    }
  }

  const ObjectFile& object_;
  DeviceContents& out_;
  FatbinReader reader_;
  std::size_t most_wrappers_;
  std::size_t null_wrappers_ = 0;
  std::map<std::uint64_t, std::uint64_t> read_;  // file offsets: start, end of each section read
};

}  // namespace

DeviceContents read_cuda(const ObjectFile& object, const MappedFile* disk, const DeviceLimits& limits) {
  DeviceContents out;
  out.vendor = &cuda_vendor();
  ObjectFatbins(object, disk, limits, out).read();
  out.all_linked = all_linked_cuda(object, out);
  return out;
}

}  // namespace lathe
