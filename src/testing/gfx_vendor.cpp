// SPDX-License-Identifier: MIT
#include "testing/gfx_vendor.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/text.h"
#include "device/contents.h"
#include "device/embedded.h"
#include "device/image_stream.h"
#include "device/target.h"
#include "formats/object_file.h"
#include "os/mapped_file.h"
#include "os/new_file.h"

namespace lathe::testing {
namespace {

// The processor's number in hexadecimal, then two bits a feature.
enum Feature : std::uint64_t { any = 0, off = 1, on = 2 };
constexpr unsigned sramecc_shift = 2, xnack_shift = 0, processor_shift = 4;

Feature feature(Target target, unsigned shift) { return static_cast<Feature>(target.number >> shift & 3); }
std::uint64_t processor(Target target) { return target.number >> processor_shift; }

// Code that does not ask for a feature runs whichever way it is set.
bool fits(Feature code, Feature device) { return code == any || code == device; }

bool runs_on(const TargetCode& code, Target device) {
  return code.kind == ImageKind::native && processor(code.target) == processor(device) &&
         fits(feature(code.target, xnack_shift), feature(device, xnack_shift)) &&
         fits(feature(code.target, sramecc_shift), feature(device, sramecc_shift));
}

std::string feature_text(Target target, std::string_view name, unsigned shift) {
  const Feature value = feature(target, shift);
  if (value == any) return "";
  return ":" + std::string(name) + (value == on ? "+" : "-");
}

class Gfx final : public Vendor {
 public:
  std::string_view name() const override { return "ROCm"; }
  std::string spell(Target target) const override {
    std::string number;
    for (std::uint64_t left = processor(target); left != 0; left /= 16)
      number.insert(number.begin(), "0123456789abcdef"[left % 16]);
    return "gfx" + number + feature_text(target, "sramecc", sramecc_shift) +
           feature_text(target, "xnack", xnack_shift);
  }
  std::string spell(const TargetCode& code) const override { return spell(code.target); }
  std::string_view word_of(ImageKind) const override { return "code object"; }
  std::string_view portable_word() const override { return "SPIR-V"; }
  std::optional<ParsedTarget> parse(std::string_view text) const override {
    return ParsedTarget{.target = gfx(text)};
  }
  std::vector<Target> devices() const override { return {gfx("gfx90a"), gfx("gfx942"), gfx("gfx1100")}; }
  Target device_of(Target target) const override {
    return {.vendor = this, .number = processor(target) << processor_shift};
  }
  std::optional<std::size_t> pick(std::span<const TargetCode> codes, Target device) const override {
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < codes.size(); ++i) {
      if (runs_on(codes[i], device) && (!best || codes[*best].target < codes[i].target)) best = i;
    }
    return best;
  }
  DeviceSection role_of(std::string_view section) const override {
    return section == ".hip_fatbin" ? DeviceSection::images : DeviceSection::none;
  }
  std::optional<BareFormat> bare_format(ByteSpan) const override { return std::nullopt; }
  DeviceContents read(const ObjectFile&, const MappedFile*, const DeviceLimits&) const override { return {}; }
  DeviceContents read_bare(ByteSpan, const std::string&) const override { return {}; }
  EmbeddedCode find_embedded(const ObjectFile&, const DeviceContents&, const MappedFile*,
                             unsigned) const override {
    return {};
  }
  std::unique_ptr<ImageStream> stream() const override { return nullptr; }
  ImageFacts look_into(ByteSpan, ImageKind) const override { return {}; }
  std::vector<BytePatch> patches(const CarvedContainer&) const override { return {}; }
};

}  // namespace

const Vendor& gfx_vendor() {
  static const Gfx vendor;
  return vendor;
}

Target gfx(std::string_view text) {
  const auto parts = split(text, ':');
  std::uint64_t number = std::stoull(std::string(parts[0].substr(3)), nullptr, 16) << processor_shift;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const unsigned shift = parts[i].starts_with("xnack") ? xnack_shift : sramecc_shift;
    number |= std::uint64_t{parts[i].ends_with('+') ? on : off} << shift;
  }
  return {.vendor = &gfx_vendor(), .number = number};
}

}  // namespace lathe::testing
