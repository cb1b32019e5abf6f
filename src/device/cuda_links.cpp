// SPDX-License-Identifier: MIT
// Which relocatable code did a device linker take? nvcc -rdc=true makes each object file register its
// container through a function that only a device link defines. The object leaves its module's name in the
// section of modules, the device link leaves "def " and the name of each module that it took. So where both
// lists are the same, and there is one name for each relocatable container, the list that the runtime hands
// to the driver at start-up holds all of them, and nobody else has them.
//
// Which linked container took which is not known: a library may hold several device links. And what can be
// linked again of what is there?
#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "device/contents.h"
#include "device/cuda.h"
#include "device/cuda_format.h"
#include "device/cuda_target.h"
#include "device/target.h"
#include "formats/object_file.h"
#include "hardware/capability.h"
#include "hardware/compat.h"

namespace lathe {
namespace {

struct Modules {
  std::vector<std::string_view> relocatable, linked;
};

void take(std::string_view text, Modules& modules) {
  if (text.empty() || text == cuda::modules::not_relocatable) return;
  if (!text.starts_with(cuda::modules::linked)) return modules.relocatable.push_back(text);
  modules.linked.push_back(text.substr(cuda::modules::linked.size()));
}

void take_all(std::string_view texts, Modules& modules) {
  while (!texts.empty()) {
    const std::size_t end = std::min(texts.find('\0'), texts.size());
    take(texts.substr(0, end), modules);
    texts.remove_prefix(std::min(end + 1, texts.size()));
  }
}

// PE cuts the names of sections to eight letters.
bool holds_modules(const ObjectSection& section) {
  return section.name == cuda::modules_section || section.name == cuda::modules_section.substr(0, 8);
}

// A thousand headers of the same bytes must not cost a thousand readings: of a file there is no more to read
// than it has bytes.
Modules modules_of(const ObjectFile& object) {
  Modules modules;
  std::uint64_t left = object.bytes().size();
  object.for_each_section([&](const ObjectSection& section) {
    if (!holds_modules(section) || section.size > left) return;
    if (section.offset > object.bytes().size() - section.size) return;
    left -= section.size;
    take_all(as_text(object.bytes()).substr(section.offset, section.size), modules);
  });
  std::ranges::sort(modules.relocatable);
  std::ranges::sort(modules.linked);
  return modules;
}

}  // namespace

bool all_linked_cuda(const ObjectFile& object, const DeviceContents& contents) {
  const auto relocatable = std::ranges::count_if(contents.containers, &DeviceContainer::relocatable);
  const bool any_linked = std::ranges::any_of(contents.wrappers, [](const DeviceWrapper& wrapper) {
    return wrapper.kind == DeviceWrapper::Kind::linked;
  });
  if (relocatable == 0 || !any_linked) return false;
  const Modules modules = modules_of(object);
  return modules.linked == modules.relocatable &&
         modules.relocatable.size() == static_cast<std::size_t>(relocatable);
}

namespace {

// Of each relocatable container.
std::vector<std::vector<DeviceCode>> relocatable_code(const DeviceContents& contents) {
  std::vector<std::vector<DeviceCode>> all;
  for (const DeviceContainer& container : contents.containers) {
    if (!container.relocatable) continue;
    all.emplace_back();
    for (const DeviceImage& image : container.images) {
      if (image.is_code()) all.back().push_back(device_code(image.code()));
    }
  }
  return all;
}

std::vector<DeviceCode> portable_of(const std::vector<DeviceCode>& codes) {
  std::vector<DeviceCode> some;
  std::ranges::copy_if(codes, std::back_inserter(some),
                       [](const DeviceCode& code) { return code.kind == CodeKind::ptx; });
  return some;
}

// What the driver links for a device out of a code of each container; nullopt: one has none that fits. As
// narrow as the narrowest of them: machine code of one and PTX of another serve this device alone.
std::optional<DeviceCode> linked_for(const std::vector<std::vector<DeviceCode>>& containers,
                                     Capability device) {
  DeviceCode linked{.capability = device};
  bool machine_code = false, ptx = false;
  for (const std::vector<DeviceCode>& codes : containers) {
    const auto picked = pick(codes, device);
    if (!picked) return std::nullopt;
    const DeviceCode& code = codes[*picked];
    (code.kind == CodeKind::ptx ? ptx : machine_code) = true;
    const char suffix = code.capability.suffix;
    if (suffix == 'a' || (suffix == 'f' && linked.capability.suffix == 0)) linked.capability.suffix = suffix;
  }
  linked.kind = ptx ? CodeKind::ptx : CodeKind::cubin;
  if (ptx && machine_code) linked.capability.suffix = 'a';
  return linked;
}

}  // namespace

// Where no machine code of a linked container fits, the driver links all relocatable containers again: of
// each its machine code for the device, else its PTX.
std::vector<TargetCode> relinkable_cuda(const DeviceContents& contents) {
  const auto containers = relocatable_code(contents);
  std::vector<std::vector<DeviceCode>> portable(containers.size());
  std::ranges::transform(containers, portable.begin(), portable_of);
  std::set<Capability> devices;
  for (const auto& container : containers) {
    for (const DeviceCode& code : container) devices.insert(code.capability.portable());
  }
  constexpr std::size_t most_devices = 100;  // there are not so many capabilities
  if (devices.size() > most_devices) return {};
  std::set<TargetCode> linked;
  for (const Capability device : devices) {
    if (const auto code = linked_for(containers, device)) linked.insert(cuda_code(*code));
    if (const auto code = linked_for(portable, device)) linked.insert(cuda_code(*code));
  }
  return {linked.begin(), linked.end()};
}

}  // namespace lathe
