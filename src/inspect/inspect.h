// SPDX-License-Identifier: MIT
// What a build really holds: for each file with machine code, which GPUs it has code for, which CPU it
// needs, and where its bytes go. Reads files, folders, wheels and other zip archives (in place) and archives
// of object files; believes bytes, never names. What may hold code and is not read is said (not_read.h).
// Printing is cli/inspect.cpp; holding it against a promise is verify/.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/finding.h"
#include "inspect/byte_shares.h"
#include "inspect/carve_record.h"
#include "inspect/image_report.h"
#include "device/coverage.h"
#include "cpu/cpu_scan.h"
#include "device/embedded.h"
#include "device/contents.h"
#include "device/driver_need.h"
#include "device/target.h"
#include "inspect/not_read.h"
#include "os/mapped_file.h"
#include "package/package.h"

namespace lathe {

// All images of one kind for one target that the driver can see.
struct GpuCode {
  TargetCode code = {};
  std::size_t images = 0;
  std::uint64_t bytes = 0;           // in the file, headers included
  std::uint64_t unpacked_bytes = 0;  // as the driver gets them
  std::size_t compressed = 0;        // how many of the images are stored compressed

  std::string name() const { return spell(code); }  // "sm_90a", "compute_90"
};

// Images of one kind for one target, of code that no coverage is made from.
struct ImageCount {
  TargetCode code = {};
  std::size_t images = 0;
  std::uint64_t bytes = 0;  // in the file, headers included

  std::string name() const { return spell(code); }  // "sm_90a", "compute_90", "lto_90", "other_90"
};

// Code apart from what the driver finds and picks by itself.
struct CodeApart {
  std::size_t containers = 0;
  std::size_t loose = 0;                   // images outside of containers
  std::uint64_t bytes = 0;                 // in the file
  std::vector<ImageCount> images = {};     // by kind and target
  std::vector<std::string> sections = {};  // where it lies, where that is worth telling

  bool empty() const { return containers == 0 && loose == 0 && images.empty(); }
  void add(const TargetCode& code, std::uint64_t image_bytes);
  CodeApart& operator+=(const CodeApart& other);
};

struct FileInspection {
  std::string path = {};  // as given, and below it: "torch.whl/torch/lib/libtorch_cuda.so"
  std::uint64_t size = 0;
  // "shared object", "executable", "object file", "archive", "fat binary", "cubin", "PTX"
  std::string format = {};
  bool is_loose = false;     // one image of machine code: a program asks for it by its name
  std::string machine = {};  // "x86_64", "aarch64"; "" for device code alone
  std::string soname = {};
  std::string build_id = {};

  std::vector<GpuCode> gpu = {};       // by target, machine code before portable code
  std::size_t containers = 0;          // that the driver sees
  std::size_t containers_empty = 0;    // of those: no kernel and no data inside (nvcc's link stub)
  std::size_t containers_unknown = 0;  // of those: nothing inside that the driver picks by itself
  std::size_t containers_linked = 0;   // of those: the device linker's results
  std::size_t containers_without_wrapper = 0;
  std::size_t containers_relocatable = 0;  // device code for the linker
  // for some GPU that no linked code fits, the driver links the relocatable code again
  bool relinks = false;
  std::size_t zstd_images = 0;             // packed so, of all that the driver sees
  std::size_t unknown_images = 0;          // of a kind that this does not know
  CodeApart lto_ir = {};                   // link-time IR among what the driver sees
  CodeApart relocatable = {};              // what the device linker takes, or took
  CodeApart embedded = {};                 // kept as data: the library itself chooses among it (embedded.h)
  std::vector<std::string> toolkits = {};  // that made the cubins, as a sample of them tells: "13.0"
  std::vector<std::string> ptx_versions = {};  // "9.0"
  std::vector<ContainerShape> shapes = {};     // what coverage is made from
  // one per known device of its vendor; empty when there is no device code
  std::vector<Coverage> coverage = {};
  // One of its vendor's own libraries whose containers hold different GPUs: it looks at the device and uses
  // those that fit.
  bool picks_itself = false;

  // PyTorch's profiler (Kineto) in it: was it built with CUPTI? nullopt: it is not in it
  std::optional<bool> profiles_gpu = {};

  std::optional<CpuScan> cpu = {};  // when it was asked for, and there is code for x86-64 or AArch64

  ByteShares shares = {};
  Findings findings = {};

  bool has_gpu_code() const { return !shapes.empty() || !gpu.empty() || !embedded.empty(); }

  // What a device must find code in for the file to work there: every container, or, where it picks itself,
  // any of them.
  std::vector<ContainerShape> needed() const;
  Coverage coverage_on(Target device) const;  // of needed()
  // By its codec and its toolkits; of code that is PTX alone, by that too.
  std::optional<DriverNeed> least_driver() const;
};

struct Inspection {
  std::vector<FileInspection> files = {};  // with machine code or device code, by path
  bool data_searched = true;               // for device code that is kept as data (InspectOptions::embedded)
  std::size_t other_files = 0;             // anything else that was passed by
  std::uint64_t other_bytes = 0;
  // what may hold code, and was not read; its findings are among `findings`
  std::vector<NotRead> not_read = {};
  // coverage_on() every known device of those vendors; empty when there is no device code
  std::vector<Coverage> coverage = {};
  std::vector<CarveRecord> carved = {};  // what an earlier carve says of itself
  std::vector<ImageReport> images = {};  // of container images; `files` are those that a container sees
  Findings findings = {};                // about wheels, folders; those of files are with the files

  std::uint64_t bytes() const;
  std::vector<GpuCode> gpu() const;            // summed over files
  CodeApart embedded() const;                  // the same
  std::vector<ContainerShape> shapes() const;  // needed() of all files
  // Of all files: each is judged by itself (device/coverage.h), loose cubins as one.
  Coverage coverage_on(Target device) const;
  // Files with code but not enough of it for the device. Of loose cubins none where one of them fits.
  std::vector<const FileInspection*> not_serving(Target device) const;
  // The verdict over all scanned files, counts included; nullopt when none was scanned, or for different
  // machines.
  std::optional<CpuScan> cpu() const;
  // loads it only where it runs: it decides nothing for the whole
  bool picks_by_processor(const FileInspection& file) const;
  // Something that may hold device code was not read, or not to its end: what is missing here may be there.
  bool read_in_part() const;
};

// Images that unpack to more than this are never looked into: the others unpack in well under a millisecond.
inline constexpr std::uint64_t largest_sampled_image = 256 << 10;

struct InspectOptions {
  unsigned threads = 0;       // 0: all usable cores
  bool cpu = false;           // scan the machine code too: about a second for each 300 MB of it
  bool embedded = true;       // look for device code that is kept as data: reads all that a file loads
  std::string platform = {};  // of a container image with several: "linux/arm64", "all"; "": this machine's
  // Called before each file, from any thread; `percent` of all bytes are done.
  std::function<void(std::string_view path, unsigned percent)> on_file = {};
};

// Which of the forms of code that are read begins with these bytes (512 suffice): "ELF file", "static
// archive", "fat binary", "PTX"; "" for none.
std::string_view code_format(ByteSpan start);

// One file's bytes, whatever they are. nullopt: no machine code in any form that is read here.
// `absent`: ranges that read as zeros because they were not unpacked; only images of fat binaries may lie
// there. `disk`: the mapped file that `bytes` are, if they are one (it saves memory).
struct InspectInput {
  const MappedFile* disk = nullptr;
  ByteRanges absent = {};
  std::optional<CpuScanOptions> cpu = {};  // scan the machine code too
  bool embedded = true;                    // look for device code that is kept as data
  unsigned threads = 0;                    // for that
};
std::optional<FileInspection> inspect_bytes(ByteSpan bytes, const std::string& path,
                                            const InspectInput& input = {});

// Files, folders (symbolic links in them are not followed, hard links counted once), wheels and other zip
// archives. Error when a path cannot be read at all; a file inside a folder that cannot is a finding.
Inspection inspect(const std::vector<std::filesystem::path>& paths, const InspectOptions& options = {});

// Another file's code, counts, bytes by use and findings added to `sum`: as a member to its archive. Not the
// size, nor coverage.
void add_inspection(FileInspection& sum, const FileInspection& more);

// The GPU part alone: what the bench times.
void inspect_gpu(const DeviceContents& fatbins, ByteSpan file, FileInspection& out,
                 const ByteRanges& absent = {});
void inspect_embedded(const EmbeddedCode& embedded, FileInspection& out);

}  // namespace lathe
