// SPDX-License-Identifier: MIT
// What files really hold: their bytes are believed, never their names. May be called from several threads at
// once, also for the same file; nothing is written. What is returned owns all that it holds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "torchlathe/error.h"
#include "torchlathe/finding.h"

namespace torchlathe {

// All images of one kind for one GPU.
struct DeviceCode {
  std::string name;  // "sm_90", "sm_90a", "compute_90" (PTX)
  std::size_t images = 0;
  std::uint64_t bytes = 0;           // in the file, headers included
  std::uint64_t unpacked_bytes = 0;  // as the driver gets them
};

enum class Runs {
  all,   // every container has machine code for the device
  ptx,   // every container has code, some only as PTX, which the driver must compile first
  some,  // some containers have none
  none,  // no container has any, or there is no device code
};

struct Coverage {
  std::string device;  // "9.0"
  Runs runs = Runs::none;
  std::size_t containers = 0, containers_without = 0;
  std::string text;  // "all (through sm_86)"
};

struct InspectedFile {
  std::string path;         // as given, and below it: "torch.whl/torch/lib/libtorch_cuda.so"
  std::uint64_t bytes = 0;  // its size
  std::string format;       // "shared object", "executable", "object file", "archive", "fat binary", ...
  std::string machine;      // "x86_64", "aarch64"; "" for device code alone
  std::string soname;
  std::vector<DeviceCode> code;    // that the driver sees, by capability, PTX behind cubins
  std::vector<Coverage> coverage;  // one for each capability of the catalogue; {}: no device code
  std::vector<Finding> findings;
};

struct Inspection {
  std::vector<InspectedFile> files;  // with machine code or device code, by path
  std::vector<Coverage> coverage;    // of all files together; {}: no device code
  std::vector<Finding> findings;     // of no file alone

  // The row of `coverage` for a device ("9.0"); where there is none: none runs.
  Coverage on(std::string_view device) const;
};

struct InspectOptions {
  unsigned threads = 0;       // 0: all usable cores
  bool embedded_code = true;  // look also for device code that libraries keep as data: takes longer
  // Called before each file, from any thread; `percent` of all bytes are done.
  std::function<void(std::string_view path, unsigned percent)> on_file;
};

// Files, folders (symbolic links in them are not followed), wheels and other zip archives. Error when a path
// cannot be read at all; a file inside a folder that cannot is a finding.
Inspection inspect(const std::vector<std::filesystem::path>& paths, const InspectOptions& options = {});

}  // namespace torchlathe
