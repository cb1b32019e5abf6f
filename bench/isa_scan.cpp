// SPDX-License-Identifier: MIT
// isa_scan FILE: how fast the CPU code of a library is decoded, and how long the whole scan takes, from open
// to close. The median of 7 runs on all cores; the file should lie in the page cache.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/parallel.h"
#include "cpu/cpu_scan.h"
#include "formats/elf.h"
#include "cpu/isa/isa_arm64.h"
#include "cpu/isa/isa_x86_sweep.h"
#include "os/mapped_file.h"

namespace {

using namespace lathe;

double seconds_of(const std::function<void()>& work) {
  std::vector<double> times;
  for (int i = 0; i < 7; ++i) {
    const auto start = std::chrono::steady_clock::now();
    work();
    times.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::ranges::sort(times);
  return times[times.size() / 2];
}

// Decodes all code, cut into pieces without regard to functions.
void decode(const CpuCode& code) {
  constexpr std::size_t piece = 128 << 10;
  for (const CodeSection& section : code.sections) {
    parallel_for_all((section.bytes.size() + piece - 1) / piece, [&](std::size_t i) {
      thread_local X86Sweep sweep;
      thread_local std::vector<CodeEvent> events;
      events.clear();
      const std::size_t begin = i * piece, end = std::min(section.bytes.size(), begin + piece);
      if (code.machine == Machine::x86_64) {
        sweep.sweep(section.bytes, section.address, begin, end, {}, events);
      } else {
        sweep_arm64(section.bytes, section.address, begin, end, events);
      }
    });
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  try {
    Findings findings;
    const MappedFile file = MappedFile::open(argv[1]);
    const Elf elf = Elf::parse(file.bytes(), argv[1]);
    const auto code = cpu_code_of(elf, findings);
    if (!code) return 1;
    double megabytes = 0;
    for (const CodeSection& section : code->sections)
      megabytes += static_cast<double>(section.bytes.size()) / 1e6;
    const double decoding = seconds_of([&] { decode(*code); });
    const double scanning = seconds_of([&] {
      const MappedFile again = MappedFile::open(argv[1]);
      const Elf whole = Elf::parse(again.bytes(), argv[1]);
      scan_cpu(*cpu_code_of(whole, findings));
    });
    const auto print = [&](std::string_view what, double seconds) {
      fmt::print("{:52} {:10.4f} s {:8.0f} MB/s\n", fmt::format("{} of {:.0f} MB of code", what, megabytes),
                 seconds, megabytes / seconds);
    };
    print("decoding", decoding);
    print("CPU scan", scanning);
  } catch (const lathe::Error& error) {
    fmt::print(stderr, "{}\n", error.text());
    return error.exit_code();
  }
}
