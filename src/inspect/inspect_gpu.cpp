// SPDX-License-Identifier: MIT
// The device code of one file: counted, sampled for its toolkit, and brought into the shapes that coverage
// is made from.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/finding.h"
#include "device/contents.h"
#include "device/embedded.h"
#include "device/target.h"
#include "device/vendor.h"
#include "inspect/inspect.h"
#include "package/package.h"

namespace lathe {
namespace {

bool is_link_ir(const DeviceImage& image) { return image.kind == ImageKind::link_ir; }

void add_image(const DeviceImage& image, CodeApart& apart) { apart.add(image.code(), image.size()); }

void add_container(const DeviceContainer& container, CodeApart& apart) {
  ++apart.containers;
  apart.bytes += container.size();
  for (const DeviceImage& entry : container.images) add_image(entry, apart);
}

class GpuInspector {
 public:
  GpuInspector(const DeviceContents& fatbins, ByteSpan file, FileInspection& out, const ByteRanges& absent)
      : fatbins_(fatbins), file_(file), out_(out), absent_(absent) {}

  void run() {
    if (fatbins_.vendor) relinkable_ = fatbins_.vendor->relinkable(fatbins_);
    for (const DeviceContainer& container : fatbins_.containers) {
      if (container.relocatable) count_relocatable(container);
      else count_container(container);
    }
    for (auto& [key, code] : codes_) out_.gpu.push_back(code);
    for (auto& [codes, count] : shapes_) out_.shapes.push_back({.codes = codes, .count = count});
    for (const auto& [key, entry] : smallest_) sample(*entry);
    out_.toolkits.assign(toolkits_.begin(), toolkits_.end());
    out_.ptx_versions.assign(ptx_versions_.begin(), ptx_versions_.end());
    if (!out_.shapes.empty()) out_.coverage = cover_all(out_.shapes);
    out_.findings.add(fatbins_.findings);
  }

 private:
  void count_container(const DeviceContainer& container) {
    ++out_.containers;
    if (!container.wrapper) ++out_.containers_without_wrapper;
    for (const DeviceImage& entry : container.images) count_entry(entry);
    std::vector<TargetCode> codes = container.code().codes;
    if (fatbins_.is_linked(container) && !container.images.empty()) {
      ++out_.containers_linked;
      out_.relinks = out_.relinks || relinks_for_more(codes);
      for (const TargetCode& code : relinkable_) {
        if (std::ranges::find(codes, code) == codes.end()) codes.push_back(code);
      }
    }
    // A container without any image has lost what it held: to launch from it fails. It stays in the shapes,
    // with no code.
    const bool stub = container.understood && !container.images.empty() &&
                      std::ranges::all_of(container.images, [&](const DeviceImage& image) {
                        return fatbins_.vendor->holds_nothing(file_, image);
                      });
    if (stub) ++out_.containers_empty;
    else if (!codes.empty() || container.images.empty()) ++shapes_[std::move(codes)];
    else if (std::ranges::all_of(container.images, is_link_ir)) ++out_.lto_ir.containers;
    else ++out_.containers_unknown;
  }

  // For some GPU that the linked code does not serve.
  bool relinks_for_more(const std::vector<TargetCode>& linked) const {
    if (relinkable_.empty()) return false;
    return std::ranges::any_of(fatbins_.vendor->devices(), [&](const Target device) {
      return pick(relinkable_, device) && !pick(linked, device);
    });
  }

  // Of what a carve emptied nothing is left to tell.
  void count_relocatable(const DeviceContainer& container) {
    if (container.images.empty() && container.understood) return;
    ++out_.containers_relocatable;
    add_container(container, out_.relocatable);
  }

  void count_entry(const DeviceImage& entry) {
    if (is_link_ir(entry)) {
      out_.lto_ir.bytes += entry.size();
      return add_image(entry, out_.lto_ir);
    }
    if (!entry.is_code()) {
      ++out_.unknown_images;
      return;
    }
    const TargetCode key = entry.code();
    GpuCode& code = codes_[key];
    code.code = key;
    ++code.images;
    code.bytes += entry.size();
    code.unpacked_bytes += entry.unpacked_size;
    if (entry.compression != Compression::none) ++code.compressed;
    if (entry.compression == Compression::zstd) ++out_.zstd_images;
    if (entry.kind == ImageKind::portable)
      ptx_versions_.insert(fmt::format("{}.{}", entry.version_major, entry.version_minor));
    if (!present(entry) || entry.compression == Compression::whole) return;
    const DeviceImage*& smallest = smallest_[key];
    if (smallest == nullptr || entry.unpacked_size < smallest->unpacked_size) smallest = &entry;
  }

  bool present(const DeviceImage& entry) const {
    const auto after = std::ranges::upper_bound(absent_, entry.payload_offset(), {},
                                                &std::pair<std::uint64_t, std::uint64_t>::second);
    return after == absent_.end() || after->first >= entry.end();
  }

  // One image of each GPU is unpacked: it tells its toolkit, and whether the entry's header told the truth.
  void sample(const DeviceImage& entry) {
    if (entry.kind == ImageKind::portable || entry.unpacked_size > largest_sampled_image) return;
    try {
      const Vendor& vendor = *fatbins_.vendor;
      const ImageFacts facts = vendor.look_into(image_bytes(file_, entry, largest_sampled_image), entry.kind);
      if (!facts.toolkit.empty()) toolkits_.insert(facts.toolkit);
      if (facts.target && !vendor.agree(entry.target, *facts.target)) {
        found(entry, "fatbin-mislabelled",
              fmt::format("an image labelled {} says that it is for {}", spell(entry.code()),
                          spell(TargetCode{*facts.target})));
      }
    } catch (const Error& error) {
      found(entry, "fatbin-damaged",
            fmt::format("an image for {} cannot be read: {}", spell(entry.code()), error.parts().what));
    }
  }

  void found(const DeviceImage& entry, std::string rule, const std::string& what) {
    out_.findings.add({.rule = std::move(rule),
                       .severity = Severity::warning,
                       .where = {.file = out_.path},
                       .what = fmt::format("{} (at {:#x})", what, entry.offset),
                       .fix = "fetch or build the file again"});
  }

  const DeviceContents& fatbins_;
  ByteSpan file_;
  FileInspection& out_;
  const ByteRanges& absent_;
  std::vector<TargetCode> relinkable_;
  std::map<TargetCode, GpuCode> codes_;
  std::map<TargetCode, const DeviceImage*> smallest_;
  std::map<std::vector<TargetCode>, std::size_t> shapes_;
  std::set<std::string> toolkits_;
  std::set<std::string> ptx_versions_;
};

}  // namespace

void CodeApart::add(const TargetCode& code, std::uint64_t image_bytes) {
  *this += {.images = {{.code = code, .images = 1, .bytes = image_bytes}}};
}

CodeApart& CodeApart::operator+=(const CodeApart& other) {
  const auto key = [](const ImageCount& count) { return std::pair(count.code.kind, count.code.target); };
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
  for (const DeviceContainer& container : embedded.containers) add_container(container, out.embedded);
  for (const EmbeddedImage& image : embedded.images) {
    ++out.embedded.loose;
    out.embedded.bytes += image.size;
    out.embedded.add(image.code, image.size);
  }
  for (const EmbeddedPlace& place : embedded.places) {
    auto& sections = out.embedded.sections;
    if (std::ranges::find(sections, place.section) == sections.end()) sections.push_back(place.section);
  }
}

void inspect_gpu(const DeviceContents& fatbins, ByteSpan file, FileInspection& out,
                 const ByteRanges& absent) {
  GpuInspector(fatbins, file, out, absent).run();
}

}  // namespace lathe
