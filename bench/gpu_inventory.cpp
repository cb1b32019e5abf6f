// SPDX-License-Identifier: MIT
// gpu_inventory FILE: how long it takes to list the device code of a library, from open to close, and the
// private memory it takes; and how long to find what it keeps as data. The median of 15 runs; the file
// should lie in the page cache.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "formats/elf.h"
#include "inspect/inspect.h"
#include "os/mapped_file.h"

namespace {

// The sum of the lines of /proc/self/smaps_rollup that start so, in kB.
std::uint64_t memory_kb(std::string_view prefix) {
  std::ifstream file("/proc/self/smaps_rollup");
  std::uint64_t sum = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(prefix)) sum += std::stoull(line.substr(line.find(':') + 1));
  }
  return sum;
}

double milliseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  try {
    std::vector<double> times, embedded_times;
    lathe::EmbeddedCode embedded;
    lathe::FileInspection found;
    std::uint64_t memory = 0;
    for (int i = 0; i < 15; ++i) {
      const auto start = std::chrono::steady_clock::now();
      const lathe::MappedFile file = lathe::MappedFile::open(argv[1]);
      const lathe::Elf elf = lathe::Elf::parse(file.bytes(), argv[1]);
      found = {};
      const lathe::DeviceContents fatbins = lathe::read_device_code(elf, &file);
      lathe::inspect_gpu(fatbins, file.bytes(), found);
      times.push_back(milliseconds_since(start));
      memory = std::max(memory, memory_kb("Private_"));
      const auto search = std::chrono::steady_clock::now();
      embedded = lathe::find_embedded(elf, fatbins, &file);
      embedded_times.push_back(milliseconds_since(search));
    }
    std::size_t images = 0;
    for (const lathe::GpuCode& code : found.gpu) images += code.images;
    std::ranges::sort(times);
    fmt::print("GPU inventory ({} images, {} containers) {:.2f} ms\n", images, found.containers,
               times[times.size() / 2]);
    std::ranges::sort(embedded_times);
    fmt::print("device code as data ({} found, {:.1f} MB) {:.2f} ms\n", embedded.count(),
               static_cast<double>(embedded.bytes()) / 1e6, embedded_times[embedded_times.size() / 2]);
    fmt::print("{:52} {:10.1f} MiB\n", "private memory of the whole process",
               static_cast<double>(memory) / 1024);
  } catch (const lathe::Error& error) {
    fmt::print(stderr, "{}\n", error.text());
    return error.exit_code();
  }
}
