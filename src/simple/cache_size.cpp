// SPDX-License-Identifier: MIT
#include "simple/cache_size.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <ctime>
#include <string>
#include <system_error>
#include <vector>

#include "base/text.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

constexpr std::time_t in_use = 60;  // seconds

struct CachedWheel {
  fs::path path;
  std::uint64_t size = 0;
  std::time_t used = 0;
};

void list_wheels(const fs::path& folder, std::vector<CachedWheel>& all) {
  std::error_code ignored;
  for (fs::recursive_directory_iterator entry(folder, ignored), end; entry != end; entry.increment(ignored)) {
    struct ::stat status {};
    if (::lstat(entry->path().c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    struct ::stat place {};
    if (::lstat(entry->path().parent_path().c_str(), &place) != 0) continue;
    all.push_back({.path = entry->path(),
                   .size = static_cast<std::uint64_t>(status.st_size),
                   .used = std::max(place.st_mtim.tv_sec, status.st_ctim.tv_sec)});
  }
}

}  // namespace

std::optional<std::uint64_t> parse_cache_size(std::string_view text) {
  static constexpr std::array<std::string_view, 5> units = {"", "k", "M", "G", "T"};
  double number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  std::string_view unit = trim(text.substr(static_cast<std::size_t>(rest - text.data())));
  if (unit.ends_with('B')) unit.remove_suffix(1);
  const auto found = std::ranges::find(units, unit == "K" ? "k" : unit);
  if (found == units.end()) return std::nullopt;
  const double bytes = number * std::pow(1000.0, static_cast<double>(found - units.begin()));
  if (!(bytes >= 1) || bytes > 1e18) return std::nullopt;
  return static_cast<std::uint64_t>(bytes);
}

// The wheel's own times stay: whoever carves it meanwhile would take it for another one.
void note_use(const fs::path& wheel) {
  const std::array<struct timespec, 2> times{timespec{.tv_sec = 0, .tv_nsec = UTIME_OMIT},
                                             timespec{.tv_sec = 0, .tv_nsec = UTIME_NOW}};
  (void)::utimensat(AT_FDCWD, wheel.parent_path().c_str(), times.data(), 0);
}

std::uint64_t make_room(const fs::path& cache, std::uint64_t most, std::time_t now) {
  std::vector<CachedWheel> all;
  for (const char* part : {"files", "originals"}) list_wheels(cache / part, all);
  std::uint64_t size = 0, gone = 0;
  for (const CachedWheel& wheel : all) size += wheel.size;
  std::ranges::sort(all, {}, &CachedWheel::used);
  for (const CachedWheel& wheel : all) {
    if (size - gone <= most || now - wheel.used < in_use) break;
    std::error_code error;
    if (!fs::remove(wheel.path, error)) continue;
    gone += wheel.size;
    fs::remove(wheel.path.parent_path(), error);  // where nothing else lies in it
  }
  return gone;
}

}  // namespace lathe
