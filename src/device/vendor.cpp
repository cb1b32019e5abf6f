// SPDX-License-Identifier: MIT
#include "device/vendor.h"

#include <algorithm>
#include <compare>

#include "device/cuda.h"
#include "device/rocm.h"
#include "device/target.h"
#include "formats/object_file.h"
#include "os/mapped_file.h"

namespace lathe {

std::span<const Vendor* const> vendors() {
  static const Vendor* const all[] = {&cuda_vendor(), &rocm_vendor()};
  return all;
}

DeviceContents read_device_code(const ObjectFile& object, const MappedFile* disk,
                                const DeviceLimits& limits) {
  for (const Vendor* vendor : vendors()) {
    DeviceContents found = vendor->read(object, disk, limits);
    if (!found.empty() || !found.findings.empty() || !found.regions.empty()) return found;
  }
  return {};
}

EmbeddedCode find_embedded(const ObjectFile& object, const DeviceContents& contents, const MappedFile* disk,
                           unsigned threads) {
  for (const Vendor* vendor : vendors()) {
    EmbeddedCode found = vendor->find_embedded(object, contents, disk, threads);
    if (!found.empty() || !found.findings.empty()) return found;
  }
  return {};
}

DeviceSection device_section(std::string_view name) {
  for (const Vendor* vendor : vendors()) {
    if (const DeviceSection role = vendor->role_of(name); role != DeviceSection::none) return role;
  }
  return DeviceSection::none;
}

std::optional<BareFormat> bare_format(ByteSpan start) {
  for (const Vendor* vendor : vendors()) {
    if (const auto format = vendor->bare_format(start)) return format;
  }
  return std::nullopt;
}

std::optional<std::size_t> pick_among(std::span<const TargetCode> codes, Target device,
                                      const std::function<bool(const TargetCode&)>& chosen) {
  if (device.vendor == nullptr) return std::nullopt;
  std::vector<TargetCode> some;
  std::vector<std::size_t> index;
  for (std::size_t i = 0; i < codes.size(); ++i) {
    if (codes[i].target.vendor != device.vendor || !chosen(codes[i])) continue;
    some.push_back(codes[i]);
    index.push_back(i);
  }
  const auto picked = device.vendor->pick(some, device);
  return picked ? std::optional(index[*picked]) : std::nullopt;
}

std::optional<std::size_t> pick(std::span<const TargetCode> codes, Target device) {
  const bool own =
      std::ranges::all_of(codes, [&](const TargetCode& code) { return code.target.vendor == device.vendor; });
  if (own && device.vendor != nullptr) return device.vendor->pick(codes, device);
  return pick_among(codes, device, [](const TargetCode&) { return true; });
}

std::strong_ordering Target::operator<=>(const Target& other) const {
  if (vendor == other.vendor) return number <=> other.number;
  if (vendor == nullptr || other.vendor == nullptr) return (vendor != nullptr) <=> (other.vendor != nullptr);
  return vendor->name().compare(other.vendor->name()) <=> 0;
}

std::string spell(Target target) { return target.vendor ? target.vendor->spell(target) : ""; }

std::string spell(const TargetCode& code) {
  return code.target.vendor ? code.target.vendor->spell(code) : "";
}

std::string describe(const TargetCode& code) {
  const bool portable = code.kind == ImageKind::portable && code.target.vendor;
  return (portable ? std::string(code.target.vendor->portable_word()) + " " : "") + spell(code.target);
}

std::string_view to_string(Compression codec) {
  switch (codec) {
    case Compression::none: return "none";
    case Compression::lz4: return "lz4";
    case Compression::zstd: return "zstd";
    case Compression::whole: return "whole";
  }
  return "none";
}

ContainerCode DeviceContainer::code() const {
  ContainerCode code;
  for (const ImageIndex i : images.ids()) {
    if (!images[i].is_code()) continue;
    code.codes.push_back(images[i].code());
    code.image.push_back(i);
  }
  return code;
}

bool DeviceContainer::is_known() const { return std::ranges::all_of(images, &DeviceImage::is_code); }

bool DeviceContents::is_linked(const DeviceContainer& container) const {
  return container.wrapper && wrappers[*container.wrapper].kind == DeviceWrapper::Kind::linked;
}

}  // namespace lathe
