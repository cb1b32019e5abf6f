// SPDX-License-Identifier: MIT
// CUDA's row: its targets are compute capabilities, what runs where is hardware/compat.h.
#include "device/cuda.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "device/contents.h"
#include "device/cubin.h"
#include "device/cuda_format.h"
#include "device/cuda_target.h"
#include "device/embedded.h"
#include "device/image_stream.h"
#include "device/nvidia_libraries.h"
#include "device/target.h"
#include "formats/elf.h"
#include "formats/elf_headers.h"
#include "formats/object_file.h"
#include "hardware/capability.h"
#include "hardware/catalog.h"
#include "hardware/compat.h"
#include "os/mapped_file.h"
#include "os/new_file.h"

namespace lathe {
namespace {

// nvcc's link stubs unpack to 1,200 to 2,300 bytes, the smallest kernel to 3,600: larger images need no look
// inside.
constexpr std::uint64_t largest_stub = 3500;

std::optional<Target> target_of(const std::optional<Capability>& capability) {
  return capability ? std::optional(cuda_target(*capability)) : std::nullopt;
}

// PE cuts the names of sections to eight letters.
bool is_called(std::string_view section, std::string_view name) {
  return section == name || section == name.substr(0, 8);
}

bool is_cubin(ByteSpan start) {
  return Elf::looks_like(start) &&
         ByteReader(start).read_at<std::uint16_t>(elf::file_field::machine) == elf::em_cuda;
}

class Cuda final : public Vendor {
 public:
  std::string_view name() const override { return "CUDA"; }

  std::string spell(Target target) const override {
    return lathe::spell(capability_of(target), Dialect::dotted);
  }

  std::string spell(const TargetCode& code) const override {
    const Capability capability = capability_of(code.target);
    switch (code.kind) {
      case ImageKind::native: return lathe::spell(capability, Dialect::sm);
      case ImageKind::portable: return lathe::spell(capability, Dialect::compute);
      case ImageKind::link_ir: return "lto_" + lathe::spell(capability, Dialect::cmake);
      case ImageKind::other: break;
    }
    return "other_" + lathe::spell(capability, Dialect::cmake);
  }

  std::string_view word_of(ImageKind kind) const override {
    switch (kind) {
      case ImageKind::native: return "cubin";
      case ImageKind::portable: return "ptx";
      case ImageKind::link_ir: return "lto_ir";
      case ImageKind::other: break;
    }
    return "other";
  }

  std::string_view portable_word() const override { return "PTX"; }

  std::optional<ParsedTarget> parse(std::string_view text) const override {
    constexpr int no_capability = 100;  // "5090" is a product's number
    const auto spelled = parse_capability(text);
    if (!spelled || spelled->capability.major >= no_capability) return std::nullopt;
    return ParsedTarget{.target = cuda_target(spelled->capability), .portable_too = spelled->ptx};
  }

  std::vector<Target> devices() const override {
    std::vector<Target> all;
    for (const CapabilityRow& row : catalog().capabilities) all.push_back(cuda_target(row.capability));
    return all;
  }

  Target device_of(Target target) const override { return cuda_target(capability_of(target).portable()); }

  std::optional<std::size_t> pick(std::span<const TargetCode> codes, Target device) const override {
    std::vector<DeviceCode> own(codes.size());
    std::ranges::transform(codes, own.begin(), device_code);
    return lathe::pick(own, capability_of(device));
  }

  // Measured (docs/formats/fatbin.md): architecture-specific machine code wins over portable code. Not
  // measured: family code against portable code, specific PTX against portable PTX. So the best of each
  // spelling stays there.
  void add_second_readings(std::span<const TargetCode> codes, Target device, std::size_t picked,
                           std::vector<std::size_t>& keep) const override {
    const TargetCode& first = codes[picked];
    if (first.kind == ImageKind::native && capability_of(first.target).suffix == 'a') return;
    for (const char suffix : {'\0', 'f', 'a'}) {
      const auto other = pick_among(codes, device, [&](const TargetCode& code) {
        return code.kind == first.kind && capability_of(code.target).suffix == suffix;
      });
      if (other) keep.push_back(*other);
    }
  }

  std::vector<TargetCode> relinkable(const DeviceContents& contents) const override {
    return relinkable_cuda(contents);
  }

  DeviceSection role_of(std::string_view section) const override {
    if (is_called(section, cuda::images_section)) return DeviceSection::images;
    if (is_called(section, cuda::linker_section)) return DeviceSection::linker;
    return is_called(section, cuda::wrappers_section) ? DeviceSection::wrappers : DeviceSection::none;
  }

  std::span<const std::string_view> names_in_headers() const override { return cuda::names_in_headers; }

  std::optional<BareFormat> bare_format(ByteSpan start) const override {
    if (looks_like_fatbin(start)) return BareFormat{.vendor = this, .name = "fat binary"};
    if (looks_like_ptx(start)) return BareFormat{.vendor = this, .name = "PTX", .image = ImageKind::portable};
    if (is_cubin(start)) return BareFormat{.vendor = this, .name = "cubin", .image = ImageKind::native};
    return std::nullopt;
  }

  DeviceContents read(const ObjectFile& object, const MappedFile* disk,
                      const DeviceLimits& limits) const override {
    return read_cuda(object, disk, limits);
  }

  DeviceContents read_bare(ByteSpan file, const std::string& name) const override {
    return read_bare_fatbin(file, name);
  }

  EmbeddedCode find_embedded(const ObjectFile& object, const DeviceContents& contents, const MappedFile* disk,
                             unsigned threads) const override {
    return find_embedded_cuda(object, contents, disk, threads);
  }

  std::unique_ptr<ImageStream> stream() const override { return cuda_stream(); }

  bool owns_library(std::string_view soname) const override { return is_nvidia_library(soname); }

  ImageFacts look_into(ByteSpan image, ImageKind kind) const override {
    if (kind == ImageKind::portable) {
      const PtxInfo ptx = read_ptx(as_text(image));
      return {.target = target_of(ptx.capability),
              .toolkit = ptx.toolkit,
              .language = ptx.version,
              .holds_nothing = ptx.holds_nothing};
    }
    const CubinInfo cubin = read_cubin(image);
    return {.target = target_of(cubin.capability),
            .toolkit = cubin.toolkit,
            .relocatable = cubin.relocatable,
            .holds_nothing = cubin.holds_nothing()};
  }

  bool holds_nothing(ByteSpan file, const DeviceImage& image) const override {
    if (!image.is_code() || image.unpacked_size > largest_stub) return false;
    try {
      return look_into(image_bytes(file, image, largest_stub), image.kind).holds_nothing;
    } catch (const Error&) {
      return false;  // what cannot be read may hold something
    }
  }

  // A cubin never says that it is for a family.
  bool agree(Target label, Target said) const override {
    return device_of(label) == device_of(said) &&
           (capability_of(label).suffix == 'a') == (capability_of(said).suffix == 'a');
  }

  std::optional<std::string> packed(ByteSpan file, const DeviceImage& image,
                                    Compression codec) const override {
    return packed_cuda(file, image, codec);
  }

  std::string unpacked(ByteSpan file, const DeviceImage& image) const override {
    return unpacked_cuda(file, image);
  }

  std::optional<std::uint64_t> unpacked_size(const DeviceImage& image) const override {
    return unpacked_size_cuda(image);
  }

  bool same_but_for_packing(ByteSpan one, ByteSpan other) const override {
    return same_but_for_packing_cuda(one, other);
  }

  std::vector<BytePatch> patches(const CarvedContainer& carved) const override {
    return {{.at = carved.offset + cuda::container::entries_size_at,
             .bytes = encode_number(carved.images_size, 8)},
            {.at = carved.pointer_at, .bytes = encode_number(carved.address, cuda::wrapper::pointer_size)}};
  }
};

}  // namespace

const Vendor& cuda_vendor() {
  static const Cuda vendor;
  return vendor;
}

// major << 32 | minor << 8 | suffix: the order of Capability.
Target cuda_target(Capability capability) {
  return {.vendor = &cuda_vendor(),
          .number = static_cast<std::uint64_t>(capability.major) << 32 |
                    static_cast<std::uint64_t>(capability.minor) << 8 |
                    static_cast<unsigned char>(capability.suffix)};
}

TargetCode cuda_code(const DeviceCode& code) {
  return {.target = cuda_target(code.capability),
          .kind = code.kind == CodeKind::ptx ? ImageKind::portable : ImageKind::native};
}

DeviceCode device_code(const TargetCode& code) {
  return {.capability = capability_of(code.target),
          .kind = code.kind == ImageKind::portable ? CodeKind::ptx : CodeKind::cubin};
}

Capability capability_of(Target target) {
  return {.major = static_cast<int>(target.number >> 32),
          .minor = static_cast<int>(target.number >> 8 & 0xffffff),
          .suffix = static_cast<char>(target.number & 0xff)};
}

}  // namespace lathe
