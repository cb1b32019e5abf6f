// SPDX-License-Identifier: MIT
#include "host/system.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <system_error>

#include "base/error.h"
#include "base/text.h"
#include "hardware/catalog.h"
#include "os/small_file.h"
#include "os/mapped_file.h"
#include "os/process.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

std::optional<std::uint64_t> number_in(std::string_view text) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  return !text.empty() && std::from_chars(text.data(), end, value).ptr == end ? std::optional(value)
                                                                              : std::nullopt;
}

template <typename T>
void keep_least(std::optional<T>& limit, std::optional<T> other) {
  if (other && (!limit || *other < *limit)) limit = other;
}

// PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
std::string system_name(const fs::path& root) {
  const std::string text = small_file(root / "etc/os-release").value_or("");
  for (std::string_view line : split(text, '\n')) {
    constexpr std::string_view key = "PRETTY_NAME=";
    if (!line.starts_with(key)) continue;
    line.remove_prefix(key.size());
    if (line.size() >= 2 && (line.front() == '"' || line.front() == '\''))
      line = line.substr(1, line.size() - 2);
    return printable(line);
  }
  return "";
}

// "MemTotal:       16303428 kB"
std::optional<std::uint64_t> memory_of_machine(const fs::path& root) {
  const std::string text = small_file(root / "proc/meminfo").value_or("");
  for (const std::string_view line : split(text, '\n')) {
    if (!line.starts_with("MemTotal:")) continue;
    const std::string_view digits = trim(line.substr(9));
    const auto kib = number_in(digits.substr(0, digits.find(' ')));
    return kib ? std::optional(*kib * 1024) : std::nullopt;
  }
  return std::nullopt;
}

// cpu.max: "max 100000" or "150000 100000" (microseconds of a period).
std::optional<double> cpu_share(std::string_view text) {
  const std::size_t blank = text.find(' ');
  if (blank == std::string_view::npos) return std::nullopt;
  const auto quota = number_in(text.substr(0, blank)), period = number_in(text.substr(blank + 1));
  return quota && period && *period > 0
             ? std::optional(static_cast<double>(*quota) / static_cast<double>(*period))
             : std::nullopt;
}

// cgroup v2: a limit of any group above counts too, so every folder up to the root is read.
void read_cgroup2(const fs::path& root, std::string_view group, HostSystem& out) {
  const fs::path top = root / "sys/fs/cgroup";
  fs::path folder = (top / fs::path(group).relative_path()).lexically_normal();
  for (int depth = 0; depth < 64; ++depth) {
    if (const auto text = small_file(folder / "cpu.max")) keep_least(out.cpu_limit, cpu_share(*text));
    if (const auto text = small_file(folder / "memory.max")) keep_least(out.memory_limit, number_in(*text));
    if (folder == top || !folder.has_relative_path()) return;
    folder = folder.parent_path();
  }
}

void read_cgroup1(const fs::path& root, HostSystem& out) {
  constexpr std::uint64_t unlimited = std::uint64_t{1} << 60;  // v1 writes a number near 2^63 for none
  const auto memory = small_file(root / "sys/fs/cgroup/memory/memory.limit_in_bytes");
  const auto limit = memory ? number_in(*memory) : std::nullopt;
  if (limit && *limit < unlimited) keep_least(out.memory_limit, limit);
  const auto quota = small_file(root / "sys/fs/cgroup/cpu/cpu.cfs_quota_us");
  const auto period = small_file(root / "sys/fs/cgroup/cpu/cpu.cfs_period_us");
  if (quota && period) keep_least(out.cpu_limit, cpu_share(*quota + " " + *period));
}

// Lines "hierarchy:controllers:/group"; v2's is "0::/group".
void read_limits(const fs::path& root, HostSystem& out) {
  const std::string text = small_file(root / "proc/self/cgroup").value_or("");
  for (const std::string_view line : split(text, '\n')) {
    if (line.starts_with("0::/")) read_cgroup2(root, line.substr(3), out);
  }
  read_cgroup1(root, out);
}

std::string container_of(const fs::path& root, const char* (*environment)(const char*)) {
  std::error_code failed;
  if (fs::exists(root / ".dockerenv", failed)) return "docker";
  if (fs::exists(root / "run/.containerenv", failed)) return "podman";
  if (const auto text = small_file(root / "run/systemd/container")) return printable(*text);
  const char* named = environment("container");
  return named ? printable(named) : "";
}

std::optional<Version> glibc_of(const fs::path& root) {
  for (const char* place : {"lib/x86_64-linux-gnu/libc.so.6", "lib/aarch64-linux-gnu/libc.so.6",
                            "lib64/libc.so.6", "usr/lib64/libc.so.6", "usr/lib/libc.so.6"}) {
    try {
      const MappedFile file = MappedFile::open(root / place);
      if (const auto version = glibc_version(as_text(file.bytes()))) return version;
    } catch (const Error&) {
      continue;  // not there
    }
  }
  return std::nullopt;
}

// Where a program is: on PATH, or in the place of its usual installer.
std::string program_at(const fs::path& root, std::string_view name,
                       std::initializer_list<const char*> places) {
  if (root == "/") {
    if (const auto found = find_program(name)) return *found;
  }
  std::error_code failed;
  for (const char* place : places) {
    if (fs::exists(root / place, failed)) return "/" + std::string(place);
  }
  return "";
}

}  // namespace

std::optional<Version> glibc_version(std::string_view library) {
  constexpr std::string_view words = " release version ";
  const std::size_t at = library.find(words);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view rest = library.substr(at + words.size(), 16);
  std::string_view number = rest.substr(0, rest.find_first_not_of("0123456789."));
  if (number.ends_with('.')) number.remove_suffix(1);
  return Version::parse(number);
}

std::optional<Version> loaded_driver(const fs::path& root) {
  if (const auto text = small_file(root / "sys/module/nvidia/version")) {
    if (const auto version = Version::parse(*text)) return version;
  }
  // "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.65.06  Sun Jul 27 ..."
  const auto text = small_file(root / "proc/driver/nvidia/version");
  if (!text) return std::nullopt;
  const std::string_view line = std::string_view(*text).substr(0, text->find('\n'));
  for (const std::string_view word : split(line, ' ')) {
    const auto version = Version::parse(word);
    if (version && version->parts.size() >= 2) return version;
  }
  return std::nullopt;
}

HostSystem detect_system(const fs::path& root, const char* (*environment)(const char*)) {
  HostSystem system;
  system.name = system_name(root);
  system.kernel = small_file(root / "proc/sys/kernel/osrelease").value_or("");
  system.glibc = glibc_of(root);
  system.container = container_of(root, environment);
  system.memory = memory_of_machine(root);
  read_limits(root, system);
  system.nix =
      program_at(root, "nix", {"nix/var/nix/profiles/default/bin/nix", "run/current-system/sw/bin/nix"});
  system.flox = program_at(root, "flox", {"usr/bin/flox", "usr/local/bin/flox"});
  return system;
}

}  // namespace lathe
