// SPDX-License-Identifier: MIT
// One file's bytes: told by their magic, read by their format. Folders and wheels are inspect_sources.cpp.
#include "inspect/inspect.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

#include "base/error.h"
#include "device/target.h"
#include "formats/archive.h"
#include "formats/known_formats.h"
#include "formats/object_file.h"
#include "device/vendor.h"

namespace lathe {
namespace {

// One image on its own counts as a container of one.
FileInspection inspect_image(ByteSpan bytes, const std::string& path, const BareFormat& format) {
  const TargetCode unnamed{.target = {}, .kind = *format.image};
  const bool native = unnamed.kind == ImageKind::native;
  FileInspection file{
      .path = path, .size = bytes.size(), .format = std::string(format.name), .is_loose = native};
  const ImageFacts facts = format.vendor->look_into(bytes, unnamed.kind);
  if (!facts.toolkit.empty()) file.toolkits.push_back(facts.toolkit);
  if (!facts.language.empty()) file.ptx_versions.push_back(facts.language);
  file.shares[facts.relocatable ? ByteUse::gpu_relocatable : ByteUse::gpu_code] = bytes.size();
  if (native && (facts.relocatable || !facts.target)) {
    file.containers_relocatable = 1;
    return file;
  }
  file.containers = 1;
  if (!native && (facts.holds_nothing || !facts.target)) {
    ++(facts.holds_nothing ? file.containers_empty : file.containers_unknown);
    return file;
  }
  const TargetCode code{.target = *facts.target, .kind = unnamed.kind};
  file.gpu.push_back({.code = code, .images = 1, .bytes = bytes.size(), .unpacked_bytes = bytes.size()});
  file.shapes.push_back({.codes = {code}, .count = 1});
  file.coverage = cover_all(file.shapes);
  return file;
}

// Does some device find code in a part of the containers only?
bool is_uneven(const std::vector<Coverage>& coverage) {
  return std::ranges::any_of(
      coverage, [](const Coverage& one) { return one.runs == Runs::some || one.special_without > 0; });
}

bool mentions(ByteSpan bytes, std::string_view text) {
  return !bytes.empty() && ::memmem(bytes.data(), bytes.size(), text.data(), text.size()) != nullptr;
}

// Kineto exports its functions. Built with CUPTI, some of them take CUPTI's own types; without it none does,
// though its classes are named for CUPTI either way. Seen in the wheels of 2.15.0 for CUDA (52 such names)
// and of 2.4.1 without (none).
std::optional<bool> profiles_gpu(const ObjectFile& object) {
  const ByteSpan names = object.exported_names();
  if (!mentions(names, "N9libkineto")) return std::nullopt;
  return mentions(names, "CUpti_");
}

FileInspection inspect_object(ByteSpan bytes, const std::string& path, const ObjectFormat& format,
                              const InspectInput& input) {
  const auto object = format.open(bytes, path);
  FileInspection file{
      .path = path, .size = bytes.size(), .format = object->kind_words(), .machine = object->machine_words()};
  file.soname = object->soname();
  file.findings.add(object->findings());
  try {
    file.build_id = object->build_id();
  } catch (const Error&) {
    // Damaged notes: nothing depends on them.
  }
  file.profiles_gpu = profiles_gpu(*object);
  const DeviceContents contents = read_device_code(*object, input.disk);
  inspect_gpu(contents, bytes, file, input.absent);
  const EmbeddedCode embedded =
      input.embedded ? find_embedded(*object, contents, input.disk, input.threads) : EmbeddedCode{};
  inspect_embedded(embedded, file);
  file.picks_itself =
      contents.vendor && contents.vendor->owns_library(file.soname) && is_uneven(file.coverage);
  file.shares = byte_shares(*object, contents, embedded);
  if (input.cpu) {
    if (const auto code = cpu_code_of(*object, file.findings)) file.cpu = scan_cpu(*code, *input.cpu);
  }
  return file;
}

// What is device code and nothing else.
FileInspection inspect_bare(ByteSpan bytes, const std::string& path, const BareFormat& format) {
  if (format.image) return inspect_image(bytes, path, format);
  FileInspection file{.path = path, .size = bytes.size(), .format = std::string(format.name)};
  file.shares[ByteUse::gpu_code] = bytes.size();
  inspect_gpu(format.vendor->read_bare(bytes, path), bytes, file);
  file.containers_without_wrapper = 0;  // there is nothing that could hold one
  return file;
}

void add_gpu(std::vector<GpuCode>& sum, const std::vector<GpuCode>& more) {
  for (const GpuCode& code : more) {
    const auto same = std::ranges::find(sum, code.code, &GpuCode::code);
    if (same == sum.end()) {
      sum.push_back(code);
      continue;
    }
    same->images += code.images;
    same->bytes += code.bytes;
    same->unpacked_bytes += code.unpacked_bytes;
    same->compressed += code.compressed;
  }
  std::ranges::sort(sum, {}, &GpuCode::code);
}

void add_texts(std::vector<std::string>& all, const std::vector<std::string>& more) {
  all.insert(all.end(), more.begin(), more.end());
  std::ranges::sort(all);
  all.erase(std::unique(all.begin(), all.end()), all.end());
}

// What a few objects of an archive need they may have been made for, to be picked at run time.
void settle_objects(std::vector<FileInspection>& objects) {
  std::vector<CpuScan*> scans;
  for (FileInspection& object : objects) {
    if (object.cpu) scans.push_back(&*object.cpu);
  }
  settle_objects(scans);
}

std::optional<FileInspection> inspect_archive(ByteSpan bytes, const std::string& path,
                                              const InspectInput& input) {
  FileInspection file{.path = path, .size = bytes.size(), .format = "archive"};
  std::uint64_t in_members = 0;
  std::vector<FileInspection> objects;
  for (const ArchiveMember& member : read_archive(bytes, path, file.findings)) {
    const ObjectFormat* format = object_format(member.content);
    if (!format) continue;
    const std::string name = fmt::format("{}({})", path, member.name);
    try {
      const InspectInput how{.cpu = input.cpu, .embedded = input.embedded, .threads = 1};
      const auto bare = bare_format(member.content);
      objects.push_back(bare ? inspect_bare(member.content, name, *bare)
                             : inspect_object(member.content, name, *format, how));
      in_members += member.content.size();
    } catch (const Error& error) {
      file.findings.add({.rule = "elf-damaged",
                         .severity = Severity::warning,
                         .where = {.file = name},
                         .what = error.parts().what,
                         .fix = error.parts().next});
    }
  }
  if (objects.empty()) return std::nullopt;
  settle_objects(objects);
  for (const FileInspection& object : objects) add_inspection(file, object);
  file.shares[ByteUse::rest] += bytes.size() - std::min<std::uint64_t>(in_members, bytes.size());
  if (!file.shapes.empty()) file.coverage = cover_all(file.shapes);
  return file;
}

}  // namespace

std::string_view code_format(ByteSpan start) {
  if (const ObjectFormat* format = object_format(start)) return format->name;
  if (looks_like_archive(start)) return "static archive";
  const auto bare = bare_format(start);
  return bare ? bare->name : "";
}

void add_inspection(FileInspection& sum, const FileInspection& more) {
  if (sum.machine.empty()) sum.machine = more.machine;
  add_gpu(sum.gpu, more.gpu);
  add_shapes(sum.shapes, more.shapes);
  add_texts(sum.toolkits, more.toolkits);
  add_texts(sum.ptx_versions, more.ptx_versions);
  sum.containers += more.containers;
  sum.containers_empty += more.containers_empty;
  sum.containers_unknown += more.containers_unknown;
  sum.containers_without_wrapper += more.containers_without_wrapper;
  sum.containers_linked += more.containers_linked;
  sum.zstd_images += more.zstd_images;
  sum.containers_relocatable += more.containers_relocatable;
  sum.relinks = sum.relinks || more.relinks;
  sum.unknown_images += more.unknown_images;
  sum.lto_ir += more.lto_ir;
  sum.relocatable += more.relocatable;
  sum.embedded += more.embedded;
  sum.shares += more.shares;
  sum.findings.add(more.findings);
  if (!more.cpu) return;
  if (!sum.cpu) {
    sum.cpu = more.cpu;
  } else if (sum.cpu->machine == more.cpu->machine) {
    add_scan(*sum.cpu, *more.cpu);
  }
}

std::optional<FileInspection> inspect_bytes(ByteSpan bytes, const std::string& path,
                                            const InspectInput& input) {
  const ByteSpan start = bytes.first(std::min(look_size, bytes.size()));
  if (const auto bare = bare_format(start)) return inspect_bare(bytes, path, *bare);
  if (looks_like_archive(bytes)) return inspect_archive(bytes, path, input);
  if (const ObjectFormat* format = object_format(start)) return inspect_object(bytes, path, *format, input);
  return std::nullopt;
}

std::uint64_t Inspection::bytes() const {
  std::uint64_t sum = other_bytes;
  for (const NotRead& file : not_read) sum += file.size;
  for (const FileInspection& file : files) sum += file.size;
  return sum;
}

bool Inspection::read_in_part() const {
  const auto is_error = [](const auto& item) { return item.severity == Severity::error; };
  const auto passed_by = [&](const Finding& finding) {
    return is_error(finding) && (finding.rule == "inspect-unreadable" || finding.rule == "wheel-damaged");
  };
  return std::ranges::any_of(not_read, is_error) || std::any_of(findings.begin(), findings.end(), passed_by);
}

std::vector<GpuCode> Inspection::gpu() const {
  std::vector<GpuCode> sum;
  for (const FileInspection& file : files) add_gpu(sum, file.gpu);
  return sum;
}

CodeApart Inspection::embedded() const {
  CodeApart sum;
  for (const FileInspection& file : files) sum += file.embedded;
  return sum;
}

// A file that is one of several for different processors, in a package that has others too.
bool Inspection::picks_by_processor(const FileInspection& file) const {
  if (!file.cpu || !file.cpu->picked_by_name) return false;
  return std::ranges::any_of(
      files, [](const FileInspection& other) { return other.cpu && !other.cpu->picked_by_name; });
}

std::optional<CpuScan> Inspection::cpu() const {
  std::optional<CpuScan> sum;
  for (const FileInspection& file : files) {
    if (!file.cpu || picks_by_processor(file)) continue;
    if (!sum) {
      sum = file.cpu;
    } else if (sum->machine == file.cpu->machine) {
      add_scan(*sum, *file.cpu);
    } else {
      return std::nullopt;
    }
  }
  return sum;
}

std::vector<ContainerShape> Inspection::shapes() const {
  std::vector<ContainerShape> all;
  for (const FileInspection& file : files) add_shapes(all, file.needed());
  return all;
}

// Code that fewer than one container in a hundred has is a leftover: cuBLASLt 13.0 has one image of PTX for
// 7.5 among 1,687 containers, cuDNN 9 two images for 7.0 among 926.
std::vector<ContainerShape> FileInspection::needed() const {
  constexpr std::size_t seldom = 100;
  if (!picks_itself) return shapes;
  std::size_t all = 0;
  std::vector<std::pair<TargetCode, std::size_t>> counts;
  for (const ContainerShape& shape : shapes) {
    all += shape.count;
    for (const TargetCode& code : shape.codes) {
      const auto known = std::ranges::find(counts, code, &std::pair<TargetCode, std::size_t>::first);
      if (known == counts.end()) counts.emplace_back(code, shape.count);
      else known->second += shape.count;
    }
  }
  ContainerShape any{.codes = {}, .count = 1};
  for (const auto& [code, count] : counts) {
    if (count * seldom >= all) any.codes.push_back(code);
  }
  return {std::move(any)};
}

std::optional<DriverNeed> FileInspection::least_driver() const {
  const bool machine_code =
      std::ranges::any_of(gpu, [](const GpuCode& code) { return code.code.kind == ImageKind::native; });
  return driver_need(zstd_images > 0, toolkits, machine_code ? std::vector<std::string>{} : ptx_versions);
}

Coverage FileInspection::coverage_on(Target device) const { return cover(needed(), device); }

// Code for another maker's GPUs alone says nothing of this one.
static bool concerns(const FileInspection& file, Target device) {
  bool any = false, own = false;
  for (const ContainerShape& shape : file.shapes) {
    any = any || !shape.codes.empty();
    own = own || std::ranges::any_of(shape.codes, [&](const TargetCode& code) {
            return code.target.vendor == device.vendor;
          });
  }
  return own || !any;
}

Coverage Inspection::coverage_on(Target device) const {
  Coverage sum{.device = device};
  std::vector<ContainerShape> loose;
  for (const FileInspection& file : files) {
    if (!concerns(file, device)) continue;
    if (file.is_loose) add_shapes(loose, file.shapes);
    else if (!file.shapes.empty()) sum = together(std::move(sum), file.coverage_on(device));
  }
  return loose.empty() ? sum : together(std::move(sum), cover_loose(loose, device));
}

std::vector<const FileInspection*> Inspection::not_serving(Target device) const {
  const bool some_loose_one_fits = std::ranges::any_of(
      files, [&](const FileInspection& file) { return file.is_loose && file.coverage_on(device).serves(); });
  std::vector<const FileInspection*> found;
  for (const FileInspection& file : files) {
    if (file.shapes.empty() || !concerns(file, device) || (file.is_loose && some_loose_one_fits)) continue;
    if (!file.coverage_on(device).serves()) found.push_back(&file);
  }
  return found;
}

}  // namespace lathe
