// SPDX-License-Identifier: MIT
// Plan, layout, rewrite and check of one file, whatever it is. Of what passes the check (the program deletes
// the rest, and the fuzzer is free to damage a file so that it does not): it can be read again without a
// complaint, each container gives each GPU the same image byte for byte, and a second carve finds nothing
// more to drop.
//
//   first byte: which GPUs (low 3 bits), --minimal (8), --strip-symbols (16), --compress lz4 (32) | the ELF
//   file
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "device/vendor.h"
#include "carve/check/check.h"
#include "carve/layout/layout.h"
#include "carve/layout/packed.h"
#include "carve/pack.h"
#include "carve/plan/plan.h"
#include "carve/plan/references.h"
#include "formats/elf.h"
#include "os/new_file.h"

namespace {

using namespace lathe;

constexpr std::array<std::string_view, 8> gpus = {"9.0",  "8.0",  "7.5,12.0", "8.6,9.0+PTX",
                                                  "12.1", "10.3", "9.0+PTX",  "5.0"};

struct Read {
  Elf elf;
  DeviceContents fatbins;
  std::vector<ContainerIndex> referenced;
};

Read read(ByteSpan file) {
  Elf elf = Elf::parse(file, "fuzz");
  if (!elf.findings().empty()) throw Error({.what = "damaged"});
  DeviceContents fatbins = read_device_code(elf);
  auto referenced = containers_referenced_elsewhere(elf, fatbins);
  return {std::move(elf), std::move(fatbins), std::move(referenced)};
}

// The image that a device gets from a wrapper's container, as it lies there or unpacked; "" for none.
std::string image_for(const Read& file, const DeviceWrapper& wrapper, Target device, bool unpacked) {
  if (!wrapper.container) return "";
  const DeviceContainer& container = file.fatbins.containers[*wrapper.container];
  const ContainerCode code = container.code();
  const auto picked = pick(code.codes, device);
  if (!picked) return "";
  const DeviceImage& entry = container.images[code.image[*picked]];
  if (unpacked) {
    const std::vector<std::byte> bytes = image_bytes(file.elf.bytes(), entry);
    return std::string(as_text(bytes));
  }
  return std::string(as_text(file.elf.bytes()).substr(entry.offset, entry.size()));
}

// Does the driver find machine code in every linked container? Else it links the relocatable ones.
bool runs_linked(const Read& file, const CarveTarget& target) {
  return !target.ptx && std::ranges::all_of(file.fatbins.containers, [&](const DeviceContainer& container) {
    const ContainerCode code = container.code();
    const auto picked = pick(code.codes, target.device);
    return !file.fatbins.is_linked(container) || (picked && code.codes[*picked].kind == ImageKind::native);
  });
}

bool reads(const Read& file, const DeviceWrapper& wrapper, const CarveTarget& target) {
  if (!wrapper.container || !file.fatbins.containers[*wrapper.container].relocatable) return true;
  return !runs_linked(file, target);
}

[[noreturn]] void fail(std::string_view what) {
  std::cerr << what << '\n';
  std::abort();
}

}  // namespace

namespace {

// Device code that is kept as data is nobody's to change.
void check_data_stays(const Read& old, const Read& after) {
  for (const DeviceContainer& container : find_embedded(old.elf, old.fatbins, nullptr, 1).containers) {
    const bool patched = std::ranges::any_of(old.fatbins.wrappers, [&](const DeviceWrapper& wrapper) {
      return wrapper.pointer_at + 8 > container.offset && wrapper.pointer_at < container.end();
    });
    const auto place = after.elf.offset_of(container.address);
    const std::string_view bytes = as_text(old.elf.bytes()).substr(container.offset, container.size());
    if (patched || container.address == 0) continue;
    if (!place || as_text(after.elf.bytes()).substr(*place, bytes.size()) != bytes)
      fail("device code kept as data changed");
  }
}

Read read_again(const std::string& written) {
  try {
    return read(as_byte_span(written));
  } catch (const Error& error) {
    fail(error.text());
  }
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const PlanOptions how{.targets = parse_carve_targets(gpus[data[0] & 7]), .minimal = (data[0] & 8) != 0};
  const Compression codec = data[0] & 32 ? Compression::lz4 : Compression::none;
  try {
    const Read old = read(std::as_bytes(std::span(data + 1, size - 1)));
    const CarvePlan plan = plan_carve(old.fatbins, old.referenced, how);
    const PackedImages packed = pack_images(old.elf.bytes(), old.fatbins, plan, codec, 1);
    const LayoutOptions layout_options{.strip_symbols = (data[0] & 16) != 0, .packed = &packed};
    if (!plan.drops_something() && packed.empty() && !layout_options.strip_symbols) return 0;
    const CheckOptions check{.targets = how.targets,
                             .referenced = old.referenced,
                             .meant = {},
                             .strip_symbols = layout_options.strip_symbols,
                             .packed = codec};
    if (!check_sound(old.elf, old.fatbins, check).empty()) return 0;
    const FileLayout layout = lay_out(old.elf, old.fatbins, plan, layout_options);
    const std::string written = rewrite_in_memory(old.elf.bytes(), layout);
    const Elf carved = Elf::parse(as_byte_span(written), "carved");
    const Findings wrong = check_carved(old.elf, old.fatbins, carved, check);
    if (!wrong.empty()) return 0;
    const Read after = read_again(written);
    if (old.fatbins.wrappers.size() != after.fatbins.wrappers.size()) fail("wrappers came or went");
    for (std::size_t i = 0; i < old.fatbins.wrappers.size(); ++i) {
      for (const CarveTarget& target : how.targets) {
        if (!reads(old, old.fatbins.wrappers[{i}], target)) continue;
        const bool unpacked = codec != Compression::none;
        const auto before = image_for(old, old.fatbins.wrappers[{i}], target.device, unpacked);
        if (before != image_for(after, after.fatbins.wrappers[{i}], target.device, unpacked))
          fail("another image for a GPU");
      }
    }
    check_data_stays(old, after);
    // What seemed to point to a container can have lain in an image that is gone: then there is more to drop.
    if (after.referenced != old.referenced) return 0;
    const CarvePlan again = plan_carve(after.fatbins, after.referenced, how);
    if (again.drops_something()) fail("a second carve drops more");
    if (!pack_images(after.elf.bytes(), after.fatbins, again, codec, 1).empty())
      fail("a second carve packs more");
  } catch (const Error&) {
  }
  return 0;
}
