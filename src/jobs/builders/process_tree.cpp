// SPDX-License-Identifier: MIT
#include "jobs/builders/process_tree.h"

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <system_error>

#include "os/small_file.h"

namespace lathe {
namespace {

struct Row {
  int parent = 0;
  std::uint64_t resident = 0;
};

// "12 (a (b) c) S 1 ...": the name may hold anything, so the fields count from the last parenthesis.
Row row_of(const std::filesystem::path& folder) {
  const std::string text = small_file(folder / "stat").value_or("");  // its process may end meanwhile
  const std::size_t end = text.rfind(')');
  if (end == std::string::npos) return {};
  std::istringstream fields(text.substr(end + 1));
  std::string field;
  Row row;
  for (int i = 3; i <= 24 && fields >> field; ++i) {
    if (i == 4) row.parent = std::atoi(field.c_str());
    if (i == 24) row.resident = std::strtoull(field.c_str(), nullptr, 10);
  }
  row.resident *= static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return row;
}

std::map<int, Row> all_processes() {
  std::map<int, Row> rows;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    const std::string name = entry.path().filename().string();
    int id = 0;
    const auto [end, bad] = std::from_chars(name.data(), name.data() + name.size(), id);
    if (bad == std::errc() && end == name.data() + name.size()) rows[id] = row_of(entry.path());
  }
  return rows;
}

std::uint64_t meminfo(const std::string& key) {
  std::ifstream file("/proc/meminfo");
  std::string name, unit;
  std::uint64_t value = 0;
  while (file >> name >> value) {
    std::getline(file, unit);
    if (name == key) return value * 1024;
  }
  return 0;
}

}  // namespace

int child_with(const std::string& word) {
  for (const auto& [id, row] : all_processes()) {
    if (row.parent != ::getpid()) continue;
    if (small_file(fmt::format("/proc/{}/cmdline", id)).value_or("").find(word) != std::string::npos)
      return id;
  }
  return 0;
}

std::map<int, std::uint64_t> resident_of_trees(const std::vector<int>& roots) {
  const std::map<int, Row> rows = all_processes();
  std::map<int, std::uint64_t> sums;
  for (const int root : roots) sums[root] = 0;
  for (const auto& [id, row] : rows) {
    int ancestor = id;
    for (int depth = 0; depth < 100 && ancestor > 1; ++depth) {
      if (const auto sum = sums.find(ancestor); sum != sums.end()) {
        sum->second += row.resident;
        break;
      }
      const auto up = rows.find(ancestor);
      ancestor = up == rows.end() ? 0 : up->second.parent;
    }
  }
  return sums;
}

std::uint64_t available_memory() { return meminfo("MemAvailable:"); }
std::uint64_t total_memory() { return meminfo("MemTotal:"); }

}  // namespace lathe
