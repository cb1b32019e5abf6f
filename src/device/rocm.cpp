// SPDX-License-Identifier: MIT
// ROCm's row: what its targets are called and which code runs where, as LLVM's guide to the AMDGPU backend
// states it.
#include "device/rocm.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"
#include "device/contents.h"
#include "device/embedded.h"
#include "device/target.h"
#include "device/vendor.h"
#include "formats/elf.h"
#include "formats/object_file.h"
#include "hardware/amd/amd_gpus.h"
#include "os/mapped_file.h"
#include "os/new_file.h"

namespace lathe {
namespace {

// Target::number: major(8) minor(8) step(8) shape(8) | sramecc, xnack: two bits each. So the order is that of
// the processors.
enum Shape : std::uint8_t { processor = 0, generic_of_major = 1, generic_of_minor = 2 };
enum Feature : std::uint8_t { any = 0, off = 1, on = 2 };
constexpr unsigned sramecc_shift = 2, xnack_shift = 0, processor_shift = 8;

std::uint64_t processor_of(Target target) { return target.number >> processor_shift; }
Feature feature(Target target, unsigned shift) { return static_cast<Feature>(target.number >> shift & 3); }
Shape shape_of(Target target) { return static_cast<Shape>(target.number >> processor_shift & 0xff); }
bool is_generic(Target target) { return shape_of(target) != processor; }

std::uint64_t encode(std::uint64_t major, std::uint64_t minor, std::uint64_t step, Shape shape) {
  return (major << 24 | minor << 16 | step << 8 | shape) << processor_shift;
}

std::optional<std::uint64_t> number_in(std::string_view text, int base) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::uint64_t value = 0;
  for (const char letter : text) {
    const std::size_t digit = digits.find(letter);
    if (digit >= static_cast<std::size_t>(base) || value > 255) return std::nullopt;
    value = value * static_cast<std::uint64_t>(base) + digit;
  }
  return text.empty() || value > 255 ? std::nullopt : std::optional(value);
}

// "9", "9-4", "10-1": what stands before "-generic"
std::optional<std::uint64_t> generic_number(std::string_view text) {
  const std::size_t dash = text.find('-');
  const auto major = number_in(text.substr(0, dash), 10);
  if (!major) return std::nullopt;
  if (dash == std::string_view::npos) return encode(*major, 0, 0, generic_of_major);
  const auto minor = number_in(text.substr(dash + 1), 10);
  return minor ? std::optional(encode(*major, *minor, 0, generic_of_minor)) : std::nullopt;
}

// "90a", "1100": the last two are hexadecimal digits of their own
std::optional<std::uint64_t> processor_number(std::string_view text) {
  if (text.size() < 3) return std::nullopt;
  const auto major = number_in(text.substr(0, text.size() - 2), 10);
  const auto minor = number_in(text.substr(text.size() - 2, 1), 16),
             step = number_in(text.substr(text.size() - 1), 16);
  return major && minor && step ? std::optional(encode(*major, *minor, *step, processor)) : std::nullopt;
}

std::string feature_text(Target target, std::string_view name, unsigned shift) {
  const Feature value = feature(target, shift);
  if (value == any) return "";
  return ":" + std::string(name) + (value == on ? "+" : "-");
}

std::string processor_text(Target target) {
  constexpr std::string_view digits = "0123456789abcdef";
  const std::uint64_t number = processor_of(target);
  const std::string major = "gfx" + std::to_string(number >> 24 & 0xff);
  const std::uint64_t minor = number >> 16 & 0xff, step = number >> 8 & 0xff;
  switch (shape_of(target)) {
    case generic_of_major: return major + "-generic";
    case generic_of_minor: return major + "-" + std::to_string(minor) + "-generic";
    case processor: break;
  }
  return major + digits[minor & 15] + digits[step & 15];
}

// Code that does not ask for a feature runs whichever way it is set; a GPU of which it is not said how it is
// set may be set either way.
bool agrees(Feature code, Feature device) { return code == any || device == any || code == device; }

bool features_agree(Target code, Target device) {
  return agrees(feature(code, xnack_shift), feature(device, xnack_shift)) &&
         agrees(feature(code, sramecc_shift), feature(device, sramecc_shift));
}

// Its own processor's code, or that of the generic processor that it belongs to.
bool runs_on(const TargetCode& code, Target device) {
  if (code.kind != ImageKind::native || !features_agree(code.target, device)) return false;
  if (processor_of(code.target) == processor_of(device)) return true;
  if (!is_generic(code.target)) return false;
  const AmdProcessor* row = amd_processor(processor_text(device));
  return row != nullptr && !row->generic_name.empty() && row->generic_name == processor_text(code.target);
}

// Which of two that run is the better: the GPU's own code before generic code, and what asks for features
// before what does not.
int rank(Target code) {
  const int asked = (feature(code, xnack_shift) != any) + (feature(code, sramecc_shift) != any);
  return (is_generic(code) ? 0 : 8) + asked;
}

Feature feature_from_flags(std::uint32_t field) {  // unsupported, any, off, on
  if (field == 3) return on;
  return field == 2 ? off : any;
}

class Rocm final : public Vendor {
 public:
  std::string_view name() const override { return "ROCm"; }

  std::string spell(Target target) const override {
    return processor_text(target) + feature_text(target, "sramecc", sramecc_shift) +
           feature_text(target, "xnack", xnack_shift);
  }
  std::string spell(const TargetCode& code) const override { return spell(code.target); }
  std::string_view word_of(ImageKind kind) const override {
    return kind == ImageKind::native ? "code object" : "other";
  }
  std::string_view portable_word() const override { return "SPIR-V"; }

  std::optional<ParsedTarget> parse(std::string_view text) const override {
    const auto target = rocm_target(text);
    return target ? std::optional(ParsedTarget{.target = *target}) : std::nullopt;
  }

  std::vector<Target> devices() const override {
    std::vector<Target> all;
    for (const AmdProcessor& row : amd_processors()) {
      if (!row.generic) all.push_back(*rocm_target(row.name));
    }
    return all;
  }

  Target device_of(Target target) const override {
    return {.vendor = this, .number = processor_of(target) << processor_shift};
  }

  // Features may say how a GPU is set.
  bool is_device(Target target) const override { return !is_generic(target); }

  std::optional<std::size_t> pick(std::span<const TargetCode> codes, Target device) const override {
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < codes.size(); ++i) {
      if (runs_on(codes[i], device) && (!best || rank(codes[*best].target) < rank(codes[i].target))) best = i;
    }
    return best;
  }

  // How a GPU's features are set is known on its machine alone: code for either way stays.
  void add_second_readings(std::span<const TargetCode> codes, Target device, std::size_t picked,
                           std::vector<std::size_t>& keep) const override {
    for (std::size_t i = 0; i < codes.size(); ++i) {
      if (i != picked && runs_on(codes[i], device)) keep.push_back(i);
    }
  }

  // PE cuts the names of sections to eight letters.
  DeviceSection role_of(std::string_view section) const override {
    const auto is = [&](std::string_view name) { return section == name || section == name.substr(0, 8); };
    if (is(rocm::images_section)) return DeviceSection::images;
    return is(rocm::wrappers_section) ? DeviceSection::wrappers : DeviceSection::none;
  }

  std::span<const std::string_view> names_in_headers() const override {
    static constexpr std::string_view names[] = {".hip_fat", ".hipFatB"};
    return names;
  }

  std::optional<BareFormat> bare_format(ByteSpan start) const override {
    const std::string_view text = as_text(start);
    if (text.starts_with(rocm::plain_magic) || text.starts_with(rocm::packed_magic))
      return BareFormat{.vendor = this, .name = "offload bundle"};
    if (is_code_object(start))
      return BareFormat{.vendor = this, .name = "AMD code object", .image = ImageKind::native};
    return std::nullopt;
  }

  DeviceContents read(const ObjectFile& object, const MappedFile*,
                      const DeviceLimits& limits) const override {
    return read_rocm(object, limits);
  }
  DeviceContents read_bare(ByteSpan file, const std::string& name) const override {
    return read_bare_bundles(file, name);
  }
  EmbeddedCode find_embedded(const ObjectFile&, const DeviceContents&, const MappedFile*,
                             unsigned) const override {
    return {};  // bundles without a wrapper were not seen in any library
  }

  ImageFacts look_into(ByteSpan image, ImageKind) const override {
    if (!is_code_object(image)) throw Error({.what = "not a code object for AMD's GPUs"});
    const Elf elf = Elf::parse(image, "code object");
    const AmdProcessor* row = amd_processor(elf.flags() & 0xff);
    if (row == nullptr) return {};
    Target target = *rocm_target(row->name);
    constexpr std::uint8_t with_features = 2;  // ABI version of code objects of version 4
    if (elf.abi_version() >= with_features) {
      target.number |= std::uint64_t{feature_from_flags(elf.flags() >> 8 & 3)} << xnack_shift |
                       std::uint64_t{feature_from_flags(elf.flags() >> 10 & 3)} << sramecc_shift;
    }
    return {.target = target, .toolkit = {}, .language = {}};
  }

  // Code objects before version 4 do not tell all of it.
  bool agree(Target label, Target said) const override {
    return processor_of(label) == processor_of(said) && features_agree(label, said);
  }

  bool has_lists() const override { return true; }
  std::optional<std::string> list_of(ByteSpan file, const DeviceContainer& container,
                                     const std::vector<bool>& keep) const override {
    return bundle_list(file, container, keep);
  }
  std::vector<BytePatch> patches(const CarvedContainer&) const override { return {}; }

 private:
  static bool is_code_object(ByteSpan start) {
    constexpr std::uint64_t machine_at = 18;
    return Elf::looks_like(start) && start.size() >= machine_at + 2 &&
           ByteReader(start).read_at<std::uint16_t>(machine_at) == rocm::machine;
  }
};

}  // namespace

const Vendor& rocm_vendor() {
  static const Rocm vendor;
  return vendor;
}

std::optional<Target> rocm_target(std::string_view text) {
  constexpr std::string_view begin = "gfx", generic = "-generic";
  const auto parts = split(text, ':');
  if (parts.empty() || !parts[0].starts_with(begin)) return std::nullopt;
  std::string_view name = std::string_view(parts[0]).substr(begin.size());
  const bool several = name.ends_with(generic);
  const auto number =
      several ? generic_number(name.substr(0, name.size() - generic.size())) : processor_number(name);
  if (!number) return std::nullopt;
  Target target{.vendor = &rocm_vendor(), .number = *number};
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const std::string_view part = parts[i];
    const std::string_view feature_name = part.substr(0, part.empty() ? 0 : part.size() - 1);
    if (!part.ends_with('+') && !part.ends_with('-')) return std::nullopt;
    if (feature_name != "xnack" && feature_name != "sramecc") return std::nullopt;
    const unsigned shift = feature_name == "xnack" ? xnack_shift : sramecc_shift;
    if (feature(target, shift) != any) return std::nullopt;
    target.number |= std::uint64_t{part.ends_with('+') ? on : off} << shift;
  }
  return target;
}

std::optional<Target> target_of_bundle_entry(std::string_view name) {
  constexpr std::string_view triple = "amdgcn-amd-amdhsa-";
  const std::size_t at = name.find(triple);
  if (at == std::string_view::npos) return std::nullopt;
  name.remove_prefix(at + triple.size());
  while (name.starts_with('-')) name.remove_prefix(1);
  return rocm_target(name);
}

}  // namespace lathe
