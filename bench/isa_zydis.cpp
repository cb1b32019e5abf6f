// SPDX-License-Identifier: MIT
// isa_zydis FILE...: the x86-64 decoder beside Zydis on every instruction of whole libraries, and the sweep
// beside the decoder. Prints the differences, ten of each file; exit 1 when there is one.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/parallel.h"
#include "cpu/cpu_scan.h"
#include "formats/elf.h"
#include "cpu/isa/isa_x86.h"
#include "cpu/isa/isa_x86_oracle.h"
#include "cpu/isa/isa_x86_sweep_reference.h"
#include "os/mapped_file.h"

namespace {

using namespace lathe;

class Comparison {
 public:
  // The instructions that begin in [begin, end), one after the other. What begins there may end behind it.
  void compare(const CodeSection& section, std::size_t begin, std::size_t end) {
    std::size_t count = 0;
    for (std::size_t at = begin; at < end; ++count) {
      const ByteSpan bytes = section.bytes.subspan(at);
      report(difference_from_zydis(bytes), section.address + at);
      at += std::max<std::size_t>(1, decode_x86(bytes).length);
    }
    instructions += count;
    report(sweep_difference(section.bytes, section.address, begin, end, {}), section.address + begin);
  }

  std::atomic<std::size_t> instructions = 0;
  std::atomic<std::size_t> differences = 0;

 private:
  void report(const std::string& difference, std::uint64_t address) {
    if (difference.empty()) return;
    const std::lock_guard lock(mutex_);
    if (differences++ < 10) fmt::print("{:#x}: {}\n", address, difference);
  }

  std::mutex mutex_;
};

std::size_t compare_file(const char* path) {
  constexpr std::size_t piece = 1 << 20;
  Findings findings;
  const MappedFile file = MappedFile::open(path);
  const Elf elf = Elf::parse(file.bytes(), path);
  const auto code = cpu_code_of(elf, findings);
  Comparison comparison;
  std::size_t bytes = 0;
  for (const CodeSection& section : code ? code->sections : std::vector<CodeSection>{}) {
    bytes += section.bytes.size();
    parallel_for_all((section.bytes.size() + piece - 1) / piece, [&](std::size_t i) {
      comparison.compare(section, i * piece, std::min(section.bytes.size(), (i + 1) * piece));
    });
  }
  const std::string_view name(path);
  fmt::print("{:52} {:10} instructions, {:.1f} MB of code, {} differences\n",
             name.substr(name.rfind('/') + 1), comparison.instructions.load(),
             static_cast<double>(bytes) / 1e6, comparison.differences.load());
  return comparison.differences;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    std::size_t differences = 0;
    for (int i = 1; i < argc; ++i) differences += compare_file(argv[i]);
    return differences == 0 ? 0 : 1;
  } catch (const lathe::Error& error) {
    fmt::print(stderr, "{}\n", error.text());
    return error.exit_code();
  }
}
