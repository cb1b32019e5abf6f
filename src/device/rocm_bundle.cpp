// SPDX-License-Identifier: MIT
// Offload bundles as bytes, and where an object file keeps them. Of a packed bundle only the list of its
// images is unpacked. Files without section headers: nothing is looked for.
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/damage.h"
#include "base/error.h"
#include "base/finding.h"
#include "device/contents.h"
#include "device/rocm.h"
#include "device/target.h"
#include "device/vendor.h"
#include "formats/object_file.h"
#include "formats/streams/inflate.h"
#include "formats/streams/unpack.h"

namespace lathe {
namespace {

// Against hostile files; no bundle seen has more than 30 images, or a name longer than 60 bytes.
constexpr std::uint64_t most_entries = 10'000, longest_name = 1'000, most_listed = 1 << 20;
constexpr std::uint64_t entries_at = 32;  // behind the magic and the count

struct Entry {
  std::uint64_t offset = 0, size = 0;
  std::string name;
};

// The list at the start of a plain bundle: its images and its size.
struct List {
  std::vector<Entry> entries;
  std::uint64_t size = 0;
};

// nullopt: it is longer than `start`. Error when it is none.
std::optional<List> read_list(ByteSpan start) {
  if (start.size() < entries_at) return std::nullopt;
  ByteReader reader(start, "offload bundle");
  reader.seek(rocm::plain_magic.size());
  const std::uint64_t count = reader.u64();
  if (!as_text(start).starts_with(rocm::plain_magic) || count > most_entries)
    throw Error({.what = "not a list of an offload bundle"});
  List list;
  for (std::uint64_t i = 0; i < count; ++i) {
    if (reader.left() < 24) return std::nullopt;
    Entry entry{.offset = reader.u64(), .size = reader.u64(), .name = {}};
    const std::uint64_t length = reader.u64();
    if (length > longest_name) throw Error({.what = "a name in an offload bundle is too long"});
    if (reader.left() < length) return std::nullopt;
    entry.name = as_text(reader.take(length));
    list.entries.push_back(std::move(entry));
  }
  list.size = reader.position();
  return list;
}

struct PackedHeader {
  std::uint64_t size = 0;  // of the header
  std::uint16_t version = 0, method = 0;
  std::uint64_t stored = 0, unpacked = 0;  // the first with the header
};

PackedHeader read_packed_header(ByteReader reader) {
  reader.skip(rocm::packed_magic.size());
  PackedHeader header{.size = 0, .version = reader.u16(), .method = reader.u16()};
  if (header.version != 2 && header.version != 3) return header;
  const bool wide = header.version == 3;
  header.stored = wide ? reader.u64() : reader.u32();
  header.unpacked = wide ? reader.u64() : reader.u32();
  reader.skip(8);  // hash
  header.size = reader.position();
  return header;
}

// The list of what is packed, without the rest of it.
std::optional<List> unpack_list(ByteSpan packed, std::uint16_t method, std::uint64_t unpacked) {
  std::vector<std::byte> start;
  std::optional<List> list;
  const auto sink = [&](ByteSpan piece) {
    start.insert(start.end(), piece.begin(), piece.end());
    list = read_list(start);
    return !list && start.size() < most_listed;
  };
  constexpr std::uint64_t zlib_header = 2, enough = 4096;
  if (method == rocm::zstd) unpack_zstd(packed, sink);
  else if (packed.size() > zlib_header) inflate(packed.subspan(zlib_header), unpacked, sink, enough);
  return list;
}

class BundleReader {
 public:
  // `object`: the file, where its images are found by address; nullptr: by offset.
  BundleReader(ByteSpan file, const std::string& name, const DeviceLimits& limits, const ObjectFile* object,
               DeviceContents& out)
      : file_(file), name_(name), limits_(limits), object_(object), out_(out) {}

  // Bundles stand one after another, zeros between them. The region must lie in the file.
  void read(const DeviceRegion& region) {
    const std::uint64_t end = region.offset + region.size;
    region_ = &region;
    std::uint64_t at = next_magic(std::max(region.offset, done_), end);
    while (at < end && out_.containers.size() < limits_.containers && images_ < limits_.images) {
      auto container = read_bundle(at, end);
      done_ = container ? container->end() : at + 1;
      at = next_magic(done_, end);
      if (!container) continue;
      container->address = region.address == 0 ? 0 : region.address + (container->offset - region.offset);
      images_ += container->images.size();
      out_.containers.push_back(std::move(*container));
    }
    if (packed_ > 0) say_packed();
  }

  void warn(std::string rule, std::uint64_t offset, std::string_view what) {
    warn_of_damage(out_.findings, std::move(rule), name_, offset, what);
  }

 private:
  std::uint64_t next_magic(std::uint64_t from, std::uint64_t end) const {
    if (from >= end) return end;
    const std::string_view text = as_text(file_.subspan(from, end - from));
    const std::size_t plain = text.find(rocm::plain_magic);
    const std::size_t packed = text.substr(0, plain).find(rocm::packed_magic);
    const std::size_t found = std::min(plain, packed);
    return found == std::string_view::npos ? end : from + found;
  }

  std::optional<DeviceContainer> read_bundle(std::uint64_t at, std::uint64_t end) {
    const ByteSpan bytes = file_.subspan(at, end - at);
    try {
      return as_text(bytes).starts_with(rocm::plain_magic) ? read_plain(at, bytes) : read_packed(at, bytes);
    } catch (const Error& error) {
      warn("bundle-damaged", at, error.parts().what);
      return std::nullopt;
    }
  }

  // Where the image lies, and whether all of it does. A carved file has its bundles in several pieces.
  std::optional<std::uint64_t> place_of(std::uint64_t bundle, const Entry& entry) const {
    constexpr std::uint64_t farthest = std::uint64_t{1} << 48;
    if (entry.offset > farthest || entry.size > file_.size()) return std::nullopt;
    std::optional<std::uint64_t> place = bundle + entry.offset;
    if (object_ != nullptr) {
      const std::uint64_t address = region_->address + (bundle - region_->offset) + entry.offset;
      place = object_->offset_of(address);
      if (object_->from_address(address).size() < entry.size) return std::nullopt;
    }
    const bool fits = place && *place <= file_.size() && entry.size <= file_.size() - *place;
    return fits ? place : std::nullopt;
  }

  std::optional<DeviceContainer> read_plain(std::uint64_t at, ByteSpan bytes) {
    const auto list = read_list(bytes);
    if (!list) throw Error({.what = "the list of an offload bundle is cut short"});
    DeviceContainer container{.offset = at, .header_size = static_cast<std::uint32_t>(list->size)};
    std::uint64_t end = at + list->size;
    for (const Entry& entry : list->entries) {
      if (entry.size == 0) continue;  // the host's has none
      const auto place = place_of(at, entry);
      if (!place || *place < at + list->size) {
        warn("bundle-damaged", at, fmt::format("the image {} leaves its bundle", entry.name));
        container.understood = false;
        continue;
      }
      end = std::max(end, *place + entry.size);
      container.images.push_back(image(*place, entry, target_of_bundle_entry(entry.name)));
    }
    container.images_size = end - (at + list->size);
    keep_apart(container);
    return container;
  }

  // By offset; one that begins inside another is not understood.
  void keep_apart(DeviceContainer& container) {
    std::ranges::sort(container.images, {}, &DeviceImage::offset);
    std::uint64_t end = 0;
    const auto overlaps = [&](const DeviceImage& one) {
      const bool inside = one.offset < end;
      end = std::max(end, one.end());
      return inside;
    };
    if (std::erase_if(container.images, overlaps) == 0) return;
    warn("bundle-damaged", container.offset, "images of a bundle overlap");
    container.understood = false;
  }

  static DeviceImage image(std::uint64_t offset, const Entry& entry, const std::optional<Target>& target) {
    return {.offset = offset,
            .payload_size = entry.size,
            .stored_size = entry.size,
            .unpacked_size = entry.size,
            .kind = target ? ImageKind::native : ImageKind::other,
            .target = target.value_or(Target{.vendor = &rocm_vendor(), .number = 0})};
  }

  std::optional<DeviceContainer> read_packed(std::uint64_t at, ByteSpan bytes) {
    const PackedHeader header = read_packed_header(ByteReader(bytes, "packed offload bundle"));
    if (header.size == 0) {
      throw Error(
          {.what = fmt::format("a packed offload bundle of version {}, which is not read", header.version)});
    }
    if (header.method > rocm::zstd) throw Error({.what = "an offload bundle packed by an unknown method"});
    if (header.stored < header.size || header.stored > bytes.size())
      throw Error({.what = "a packed offload bundle leaves its section"});
    const auto list =
        unpack_list(bytes.subspan(header.size, header.stored - header.size), header.method, header.unpacked);
    if (!list) throw Error({.what = "the list in a packed offload bundle is cut short"});
    DeviceContainer container{.offset = at,
                              .header_size = static_cast<std::uint32_t>(header.size),
                              .images_size = header.stored - header.size};
    add_shares(*list, header.unpacked, container);
    ++packed_;
    return container;
  }

  // What is stored is shared out by unpacked size; rounding never leaves the container.
  void add_shares(const List& list, std::uint64_t unpacked, DeviceContainer& container) {
    std::uint64_t all = 0;
    for (const Entry& entry : list.entries) {
      if (entry.size > unpacked || all > unpacked - entry.size)
        throw Error({.what = "a packed offload bundle holds more than it claims"});
      all += entry.size;
    }
    std::uint64_t before = 0;
    const auto share = [&](std::uint64_t size) {
      return static_cast<std::uint64_t>(static_cast<long double>(container.images_size) *
                                        static_cast<long double>(size) / static_cast<long double>(all));
    };
    for (const Entry& entry : list.entries) {
      if (entry.size == 0) continue;
      const std::uint64_t begin = share(before), end = share(before += entry.size);
      DeviceImage one =
          image(container.offset + container.header_size + begin, entry, target_of_bundle_entry(entry.name));
      one.payload_size = one.stored_size = end - begin;
      one.compression = Compression::whole;
      container.images.push_back(one);
    }
  }

  void say_packed() {
    out_.findings.add(
        {.rule = "bundle-packed",
         .severity = Severity::note,
         .where = {.file = name_},
         .what = fmt::format("{} of {} bundles are compressed as one piece: the bytes of each GPU in "
                             "them are an estimate, a share by unpacked size",
                             packed_, out_.containers.size()),
         .fix = ""});
    packed_ = 0;
  }

  ByteSpan file_;
  const std::string& name_;
  const DeviceLimits& limits_;
  const ObjectFile* object_;
  DeviceContents& out_;
  const DeviceRegion* region_ = nullptr;  // that is being read
  std::uint64_t done_ = 0;                // up to here all is read
  std::size_t images_ = 0, packed_ = 0;
};

class ObjectBundles {
 public:
  ObjectBundles(const ObjectFile& object, const DeviceLimits& limits, DeviceContents& out)
      : object_(object),
        limits_(limits),
        out_(out),
        reader_(object.bytes(), object.name(), limits, &object, out) {}

  void read() {
    if (!object_.is_linked()) return;  // an object's bundles get their places from the linker
    object_.for_each_section([&](const ObjectSection& section) {
      const bool images = rocm_vendor().role_of(section.name) == DeviceSection::images;
      if (images && fits(section) && section.offset >= done_) read_images(section);
    });
    if (out_.regions.empty()) return;
    out_.vendor = &rocm_vendor();
    std::ranges::sort(out_.containers, {}, &DeviceContainer::offset);
    object_.for_each_section([&](const ObjectSection& section) {
      if (rocm_vendor().role_of(section.name) == DeviceSection::wrappers && fits(section))
        read_wrappers(section);
    });
  }

 private:
  bool fits(const ObjectSection& section) const {
    const std::uint64_t size = object_.bytes().size();
    return section.size > 0 && section.offset <= size && section.size <= size - section.offset;
  }

  // Sections that overlap are read once.
  void read_images(const ObjectSection& section) {
    out_.regions.push_back({.name = std::string(section.name),
                            .offset = section.offset,
                            .size = section.size,
                            .address = section.address});
    done_ = section.offset + section.size;
    reader_.read(out_.regions.back());
  }

  void read_wrappers(const ObjectSection& section) {
    const ByteReader reader(object_.bytes(), "HIP wrapper");
    std::vector<DeviceWrapper> found;
    for (std::uint64_t at = section.offset; section.offset + section.size - at >= rocm::wrapper_size;
         at += 8) {
      if (reader.read_at<std::uint32_t>(at) != rocm::wrapper_magic) continue;
      if (found.size() >= limits_.containers) break;
      found.push_back({.offset = at,
                       .address = section.address + (at - section.offset),
                       .version = reader.read_at<std::uint32_t>(at + 4),
                       .leads_to = reader.read_at<std::uint64_t>(at + rocm::wrapper_pointer_at),
                       .pointer_at = at + rocm::wrapper_pointer_at,
                       .pointer = DeviceWrapper::Pointer::in_place});
    }
    object_.for_each_pointer(section.address, section.address + section.size,
                             [&](const ObjectPointer& pointer) { lead(found, pointer); });
    for (DeviceWrapper& wrapper : found) join(wrapper);
  }

  static void lead(std::vector<DeviceWrapper>& found, const ObjectPointer& pointer) {
    if (!pointer.target || pointer.place < rocm::wrapper_pointer_at) return;
    const auto it = std::ranges::lower_bound(found, pointer.place - rocm::wrapper_pointer_at, {},
                                             &DeviceWrapper::address);
    if (it == found.end() || it->address != pointer.place - rocm::wrapper_pointer_at) return;
    it->leads_to = *pointer.target;
    it->pointer_at = pointer.stored_at;
    it->pointer =
        pointer.packed ? DeviceWrapper::Pointer::packed_relocation : DeviceWrapper::Pointer::relocation;
  }

  void join(DeviceWrapper& wrapper) {
    const auto offset = object_.offset_of(wrapper.leads_to);
    const auto it = offset ? std::ranges::lower_bound(out_.containers, *offset, {}, &DeviceContainer::offset)
                           : out_.containers.end();
    if (it != out_.containers.end() && it->offset == *offset && !it->wrapper) {
      wrapper.container = ContainerIndex{static_cast<std::size_t>(it - out_.containers.begin())};
      it->wrapper = WrapperIndex{out_.wrappers.size()};
    } else {
      reader_.warn("bundle-damaged", wrapper.offset, "a wrapper points to no bundle of its own");
    }
    out_.wrappers.push_back(wrapper);
  }

  const ObjectFile& object_;
  const DeviceLimits& limits_;
  DeviceContents& out_;
  BundleReader reader_;
  std::uint64_t done_ = 0;
};

}  // namespace

DeviceContents read_rocm(const ObjectFile& object, const DeviceLimits& limits) {
  DeviceContents out;
  ObjectBundles(object, limits, out).read();
  return out;
}

// Rows as they are, without those of images that go; zeros behind them. Images stand in the order of their
// rows' offsets, wherever a carve put them.
std::optional<std::string> bundle_list(ByteSpan file, const DeviceContainer& container,
                                       const std::vector<bool>& keep) {
  auto list = read_list(file.subspan(container.offset));
  if (!list || list->size != container.header_size) return std::nullopt;
  std::vector<Entry*> with_bytes;
  for (Entry& entry : list->entries) {
    if (entry.size > 0) with_bytes.push_back(&entry);
  }
  if (with_bytes.size() != keep.size()) return std::nullopt;
  std::ranges::sort(with_bytes, {}, &Entry::offset);
  std::vector<const Entry*> gone;
  for (std::size_t i = 0; i < keep.size(); ++i) {
    if (!keep[i]) gone.push_back(with_bytes[i]);
  }
  std::string rows;
  for (const Entry& entry : list->entries) {
    if (std::ranges::find(gone, &entry) != gone.end()) continue;
    rows += encode_number(entry.offset, 8) + encode_number(entry.size, 8) +
            encode_number(entry.name.size(), 8) + entry.name;
  }
  std::string bytes =
      std::string(rocm::plain_magic) + encode_number(list->entries.size() - gone.size(), 8) + rows;
  bytes.resize(list->size);
  return bytes;
}

DeviceContents read_bare_bundles(ByteSpan file, const std::string& name) {
  DeviceContents out;
  out.vendor = &rocm_vendor();
  out.regions.push_back({.name = "", .offset = 0, .size = file.size()});
  const DeviceLimits limits;
  BundleReader(file, name, limits, nullptr, out).read(out.regions[0]);
  return out;
}

}  // namespace lathe
