// SPDX-License-Identifier: MIT
// code_marks FILE: the filter that looks for device code (device/embedded_marks.h) beside memmem for one
// magic and a plain read, all in one process: over mapped bytes, and as it is used, through a small buffer.
// One thread and two. The quickest of 15 runs each: other work on the machine only slows. The file should
// lie in the page cache. Then what each costs beyond the copying, in one core's time.
#include <fmt/format.h>
#include <string.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <vector>

#include "base/error.h"
#include "base/parallel.h"
#include "device/embedded_marks.h"
#include "os/mapped_file.h"

namespace {

using lathe::ByteSpan;
using Work = std::function<std::uint64_t(ByteSpan)>;

constexpr std::size_t piece_size = 2 << 20;
constexpr std::size_t buffer_size = 256 << 10;

std::uint64_t plain_read(ByteSpan bytes) {
  std::uint64_t sums[4] = {};
  for (std::size_t at = 0; at + 32 <= bytes.size(); at += 32) {
    std::uint64_t words[4];
    std::memcpy(words, bytes.data() + at, sizeof(words));
    for (int i = 0; i < 4; ++i) sums[i] ^= words[i];
  }
  return sums[0] ^ sums[1] ^ sums[2] ^ sums[3];
}

std::uint64_t memmem_of_magic(ByteSpan bytes) {
  constexpr char magic[] = "\x50\xed\x55\xba";
  std::uint64_t found = 0;
  while (const void* at = ::memmem(bytes.data(), bytes.size(), magic, 4)) {
    ++found;
    bytes = bytes.subspan(static_cast<std::size_t>(static_cast<const std::byte*>(at) - bytes.data()) + 4);
  }
  return found;
}

std::uint64_t filter(ByteSpan bytes) {
  std::vector<lathe::MarkedPlace> places;
  lathe::find_code_marks(bytes, 0, places);
  return places.size();
}

std::uint64_t nothing(ByteSpan) { return 0; }

double seconds(const lathe::MappedFile& file, const Work& work, unsigned threads, bool buffered) {
  const ByteSpan all = file.bytes();
  std::vector<std::uint64_t> results((all.size() + piece_size - 1) / piece_size);
  const auto one = [&](std::size_t i) {
    const std::size_t begin = i * piece_size, end = std::min(all.size(), begin + piece_size);
    if (!buffered) {
      results[i] = work(all.subspan(begin, end - begin));
      return;
    }
    std::vector<std::byte> buffer(buffer_size);
    for (std::size_t at = begin; at < end; at += buffer_size) {
      const auto part = std::span(buffer).first(std::min(buffer_size, end - at));
      file.read_at(at, part);
      results[i] += work(part);
    }
  };
  std::vector<double> times;
  for (int run = 0; run < 15; ++run) {
    const auto start = std::chrono::steady_clock::now();
    lathe::parallel_for_all(results.size(), one, threads);
    times.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return std::ranges::min(times);
}

double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// What a look costs beyond the copying, in one core's time: the quickest of five runs over all of the file.
void report_own_part(const lathe::MappedFile& file, const char* name, const Work& work) {
  std::vector<std::byte> buffer(buffer_size);
  double quickest = 1e9;
  std::uint64_t found = 0;
  for (int run = 0; run < 5; ++run) {
    double spent = 0;
    for (std::size_t at = 0; at < file.bytes().size(); at += buffer_size) {
      const auto part = std::span(buffer).first(std::min(buffer_size, file.bytes().size() - at));
      file.read_at(at, part);
      const double start = cpu_seconds();
      found += work(part);
      spent += cpu_seconds() - start;
    }
    quickest = std::min(quickest, spent);
  }
  fmt::print("{:44} {:7.1f} ms {:6.1f} GB/s of one core's time, {} found\n", name, quickest * 1e3,
             static_cast<double>(file.bytes().size()) / quickest / 1e9, found / 5);
}

void report(const lathe::MappedFile& file, const char* name, const Work& work, bool buffered) {
  const double size = static_cast<double>(file.bytes().size());
  const double one = seconds(file, work, 1, buffered), two = seconds(file, work, 2, buffered);
  fmt::print("{:44} {:7.1f} ms {:6.1f} GB/s {:7.1f} ms {:6.1f} GB/s\n", name, one * 1e3, size / one / 1e9,
             two * 1e3, size / two / 1e9);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  try {
    const lathe::MappedFile file = lathe::MappedFile::open(argv[1]);
    fmt::print("{:44} {:>22} {:>22}\n",
               fmt::format("{:.0f} MB", static_cast<double>(file.bytes().size()) / 1e6), "one thread",
               "two threads");
    report(file, "mapped: plain read", plain_read, false);
    report(file, "mapped: memmem for one magic", memmem_of_magic, false);
    report(file, "mapped: the filter, three marks", filter, false);
    report(file, "through a buffer: copied alone", nothing, true);
    report(file, "through a buffer: memmem for one magic", memmem_of_magic, true);
    report(file, "through a buffer: the filter, three marks", filter, true);
    report_own_part(file, "its own part: plain read", plain_read);
    report_own_part(file, "its own part: memmem for one magic", memmem_of_magic);
    report_own_part(file, "its own part: the filter, three marks", filter);
  } catch (const lathe::Error& error) {
    fmt::print(stderr, "{}\n", error.text());
    return error.exit_code();
  }
}
