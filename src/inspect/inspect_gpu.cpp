// SPDX-License-Identifier: MIT
// The device code of one file: counted, sampled for its toolkit, and brought into the shapes that coverage
// is made from.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "device/cubin.h"
#include "inspect/inspect.h"

namespace lathe {
namespace {

// nvcc's link stubs unpack to 1,200 to 2,300 bytes, the smallest kernel to 3,600: larger images need no look
// inside.
constexpr std::uint64_t largest_stub = 3500;

bool holds_nothing(ByteSpan file, const FatbinEntry& entry) {
  if (!entry.kind || entry.unpacked_size > largest_stub) return false;
  try {
    const std::vector<std::byte> image = image_bytes(file, entry, largest_stub);
    return *entry.kind == CodeKind::ptx ? read_ptx(as_text(image)).holds_nothing
                                        : read_cubin(image).holds_nothing();
  } catch (const Error&) {
    return false;  // what cannot be read may hold something
  }
}

ImageKind kind_of(const FatbinEntry& entry) {
  if (entry.is_lto_ir()) return ImageKind::lto_ir;
  if (!entry.kind) return ImageKind::other;
  return *entry.kind == CodeKind::ptx ? ImageKind::ptx : ImageKind::cubin;
}

void add_entry(const FatbinEntry& entry, CodeApart& apart) {
  apart.add(kind_of(entry), entry.capability, entry.header_size + entry.payload_size);
}

void add_container(const FatbinContainer& container, CodeApart& apart) {
  ++apart.containers;
  apart.bytes += container.end() - container.offset;
  for (const FatbinEntry& entry : container.entries) add_entry(entry, apart);
}

class GpuInspector {
 public:
  GpuInspector(const Fatbins& fatbins, ByteSpan file, FileInspection& out, const ByteRanges& absent)
      : fatbins_(fatbins), file_(file), out_(out), absent_(absent) {}

  void run() {
    relinkable_ = relinkable_ptx(fatbins_);
    for (const FatbinContainer& container : fatbins_.containers) {
      if (container.relocatable) count_relocatable(container);
      else count_container(container);
    }
    out_.relinks = out_.containers_linked > 0 && !relinkable_.empty();
    for (auto& [key, code] : codes_) out_.gpu.push_back(code);
    for (auto& [codes, count] : shapes_) out_.shapes.push_back({.codes = codes, .count = count});
    for (const auto& [key, entry] : smallest_) sample(*entry);
    out_.toolkits.assign(toolkits_.begin(), toolkits_.end());
    out_.ptx_versions.assign(ptx_versions_.begin(), ptx_versions_.end());
    if (!out_.shapes.empty()) out_.coverage = cover_all(out_.shapes);
    out_.findings.add(fatbins_.findings);
  }

 private:
  void count_container(const FatbinContainer& container) {
    ++out_.containers;
    if (!container.wrapper) ++out_.containers_without_wrapper;
    for (const FatbinEntry& entry : container.entries) count_entry(entry);
    std::vector<DeviceCode> codes = device_codes(container).codes;
    if (is_linked(fatbins_, container) && !container.entries.empty()) {
      ++out_.containers_linked;
      codes.insert(codes.end(), relinkable_.begin(), relinkable_.end());
    }
    // A container without any image has lost what it held: to launch from it fails. It stays in the shapes,
    // with no code.
    const bool stub = container.understood && !container.entries.empty() &&
                      std::ranges::all_of(container.entries, [&](const FatbinEntry& entry) {
                        return holds_nothing(file_, entry);
                      });
    if (stub) ++out_.containers_empty;
    else if (!codes.empty() || container.entries.empty()) ++shapes_[std::move(codes)];
    else if (std::ranges::all_of(container.entries, &FatbinEntry::is_lto_ir)) ++out_.lto_ir.containers;
    else ++out_.containers_unknown;
  }

  void count_relocatable(const FatbinContainer& container) {
    ++out_.containers_relocatable;
    add_container(container, out_.relocatable);
  }

  void count_entry(const FatbinEntry& entry) {
    if (entry.is_lto_ir()) {
      out_.lto_ir.bytes += entry.header_size + entry.payload_size;
      return add_entry(entry, out_.lto_ir);
    }
    if (!entry.kind) {
      ++out_.unknown_images;
      return;
    }
    const bool ptx = *entry.kind == CodeKind::ptx;
    const auto key = std::pair(entry.capability, ptx);
    GpuCode& code = codes_[key];
    code.capability = entry.capability;
    code.kind = *entry.kind;
    ++code.images;
    code.bytes += entry.header_size + entry.payload_size;
    code.unpacked_bytes += entry.unpacked_size;
    if (entry.compression != Compression::none) ++code.compressed;
    if (ptx) ptx_versions_.insert(fmt::format("{}.{}", entry.version_major, entry.version_minor));
    if (!present(entry)) return;
    const FatbinEntry*& smallest = smallest_[key];
    if (smallest == nullptr || entry.unpacked_size < smallest->unpacked_size) smallest = &entry;
  }

  bool present(const FatbinEntry& entry) const {
    const auto after = std::ranges::upper_bound(absent_, entry.payload_offset(), {},
                                                &std::pair<std::uint64_t, std::uint64_t>::second);
    return after == absent_.end() || after->first >= entry.end();
  }

  // One image of each GPU is unpacked: it tells its toolkit, and whether the entry's header told the truth.
  void sample(const FatbinEntry& entry) {
    if (*entry.kind == CodeKind::ptx || entry.unpacked_size > largest_sampled_image) return;
    try {
      const CubinInfo cubin = read_cubin(image_bytes(file_, entry, largest_sampled_image));
      if (!cubin.toolkit.empty()) toolkits_.insert(cubin.toolkit);
      const bool same =
          !cubin.capability || (cubin.capability->portable() == entry.capability.portable() &&
                                (cubin.capability->suffix == 'a') == (entry.capability.suffix == 'a'));
      if (!same) {
        found(entry, "fatbin-mislabelled",
              fmt::format("an image labelled {} says that it is for {}", spell(entry.capability, Dialect::sm),
                          spell(*cubin.capability, Dialect::sm)));
      }
    } catch (const Error& error) {
      found(entry, "fatbin-damaged",
            fmt::format("an image for {} cannot be read: {}", spell(entry.capability, Dialect::sm),
                        error.parts().what));
    }
  }

  void found(const FatbinEntry& entry, std::string rule, const std::string& what) {
    out_.findings.add({.rule = std::move(rule),
                       .severity = Severity::warning,
                       .where = {.file = out_.path},
                       .what = fmt::format("{} (at {:#x})", what, entry.offset),
                       .fix = "fetch or build the file again"});
  }

  struct LessCodes {
    static auto key(const DeviceCode& code) { return std::pair(code.capability, code.kind); }
    bool operator()(const std::vector<DeviceCode>& a, const std::vector<DeviceCode>& b) const {
      return std::ranges::lexicographical_compare(a, b, {}, key, key);
    }
  };

  const Fatbins& fatbins_;
  ByteSpan file_;
  FileInspection& out_;
  const ByteRanges& absent_;
  std::vector<DeviceCode> relinkable_;
  std::map<std::pair<Capability, bool>, GpuCode> codes_;
  std::map<std::pair<Capability, bool>, const FatbinEntry*> smallest_;
  std::map<std::vector<DeviceCode>, std::size_t, LessCodes> shapes_;
  std::set<std::string> toolkits_;
  std::set<std::string> ptx_versions_;
};

}  // namespace

std::string ImageCount::name() const {
  const std::string number = spell(capability, Dialect::cmake);
  switch (kind) {
    case ImageKind::cubin: return "sm_" + number;
    case ImageKind::ptx: return "compute_" + number;
    case ImageKind::lto_ir: return "lto_" + number;
    case ImageKind::other: break;
  }
  return "other_" + number;
}

void CodeApart::add(ImageKind kind, Capability capability, std::uint64_t image_bytes) {
  *this += {.images = {{.kind = kind, .capability = capability, .images = 1, .bytes = image_bytes}}};
}

CodeApart& CodeApart::operator+=(const CodeApart& other) {
  const auto key = [](const ImageCount& count) { return std::pair(count.kind, count.capability); };
  containers += other.containers;
  loose += other.loose;
  bytes += other.bytes;
  for (const ImageCount& more : other.images) {
    const auto place = std::ranges::lower_bound(images, key(more), {}, key);
    if (place == images.end() || key(*place) != key(more)) {
      images.insert(place, more);
      continue;
    }
    place->images += more.images;
    place->bytes += more.bytes;
  }
  for (const std::string& section : other.sections) {
    if (std::ranges::find(sections, section) == sections.end()) sections.push_back(section);
  }
  return *this;
}

void inspect_embedded(const EmbeddedCode& embedded, FileInspection& out) {
  out.findings.add(embedded.findings);
  for (const FatbinContainer& container : embedded.containers) add_container(container, out.embedded);
  for (const EmbeddedImage& image : embedded.images) {
    ++out.embedded.loose;
    out.embedded.bytes += image.size;
    out.embedded.add(image.kind == CodeKind::ptx ? ImageKind::ptx : ImageKind::cubin, image.capability,
                     image.size);
  }
  for (const EmbeddedPlace& place : embedded.places) {
    auto& sections = out.embedded.sections;
    if (std::ranges::find(sections, place.section) == sections.end()) sections.push_back(place.section);
  }
}

void inspect_gpu(const Fatbins& fatbins, ByteSpan file, FileInspection& out, const ByteRanges& absent) {
  GpuInspector(fatbins, file, out, absent).run();
}

}  // namespace lathe
