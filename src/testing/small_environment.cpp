// SPDX-License-Identifier: MIT
#include "testing/small_environment.h"

#include <fmt/format.h>

#include <set>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/text.h"
#include "os/file.h"
#include "package/wheel_names.h"
#include "testing/gpu_libraries.h"
#include "testing/test_paths.h"

namespace lathe::testing {
namespace {

namespace fs = std::filesystem;

std::string cubin(std::string_view name) {
  return read_file(fmt::format("{}/tests/cubins/{}", source_folder, name));
}

std::string sum_of(const fs::path& file) { return to_hex(sha256(as_byte_span(read_file(file)))); }

void write_fat(const ScratchFolder& folder, const std::string& site) {
  const fs::path lib = folder.path() / site / "fat/lib";
  fs::create_directories(lib);
  write_parts(folder, {{{"sm_80", 60'000}, {"sm_120"}}, {{"sm_75", 40'000}, {"sm_120", 15'000}}});
  for (const char* name : {"/fat/lib/a.so", "/fat/lib/b.so", "/alone.so"}) link_parts(folder, site + name);
  fs::create_hard_link(lib / "a.so", lib / "same.so");
  folder.write(site + "/fat/text", "text\n");
  fs::create_symlink("fat/lib/a.so", folder.path() / site / "link.so");
}

void write_loose(const ScratchFolder& folder, const std::string& site) {
  const std::string place = site + "/loose/cubins/";
  fs::create_directories(folder.path() / place);
  std::string sums;
  for (const char* name : {"sm_100a-cuda12.9.cubin", "sm_100f-cuda12.9.cubin", "sm_120-cuda12.8.cubin"}) {
    for (const char* start : {"x_", "y_"}) {
      const fs::path file = folder.write(place + start + name, cubin(name));
      sums += sum_of(file) + "  " + start + name + "\n";
    }
  }
  folder.write(place + "checksums.txt", sums);
}

void write_triton(const ScratchFolder& folder, const std::string& site) {
  for (const auto& [key, code] :
       {std::pair{"OLD", "sm_100a-cuda12.9.cubin"}, {"NEW", "sm_120-cuda12.8.cubin"}}) {
    const std::string place = fmt::format("{}/triton/{}/", site, key);
    fs::create_directories(folder.path() / place);
    folder.write(place + "k.cubin", cubin(code));
    for (const char* name : {"k.json", "k.ptx", "k.ttir"}) folder.write(place + name, "{}");
    folder.write(
        place + "__grp__k.json",
        R"({"child_paths": {"k.cubin": "/gone/k.cubin", "k.json": "/gone/k.json", "k.ptx": "/gone/k.ptx",)"
        R"( "k.ttir": "/gone/k.ttir"}})");
  }
}

std::string wrong_sums(const fs::path& list) {
  std::string wrong;
  std::set<std::string> listed{list.filename().string()};
  const std::string text = read_file(list);
  for (const std::string_view line : split(text, '\n')) {
    const std::size_t at = line.find("  ");
    if (at == std::string_view::npos) continue;
    const fs::path file = list.parent_path() / line.substr(at + 2);
    listed.insert(file.filename().string());
    if (!fs::exists(file) || sum_of(file) != line.substr(0, at))
      wrong += fmt::format("{}: {}\n", list.string(), line);
  }
  for (const auto& entry : fs::directory_iterator(list.parent_path())) {
    if (!listed.contains(entry.path().filename().string())) wrong += entry.path().string() + ": has no sum\n";
  }
  return wrong;
}

// Of the tests' own RECORDs, which need no quotes.
std::string wrong_record(const fs::path& record) {
  std::string wrong;
  std::set<std::string> listed;
  const fs::path site = record.parent_path().parent_path();
  const std::string text = read_file(record);
  for (const std::string_view line : split(text, '\n')) {
    const auto fields = split(line, ',');
    if (fields.size() != 3) continue;
    const fs::path file = site / fields[0];
    listed.insert(std::string(fields[0]));
    if (fields[1].empty()) continue;
    std::map<std::string, RecordedFile> now;
    if (fs::exists(file))
      now[std::string(fields[0])] = {.hash = sha256(as_byte_span(read_file(file))),
                                     .size = fs::file_size(file)};
    const std::string true_line =
        rewrite_record("", "RECORD", now, [](std::string_view name) { return std::string(name); });
    if (!fs::exists(file) || true_line.find(line) == std::string::npos)
      wrong += fmt::format("{}: {}\n", record.string(), line);
  }
  const std::string name = record.parent_path().stem().string();
  const fs::path package = site / name.substr(0, name.find('-'));
  for (const auto& entry : fs::recursive_directory_iterator(package)) {
    const std::string path = entry.path().lexically_relative(site).generic_string();
    if (entry.is_regular_file() && !listed.contains(path)) wrong += path + ": not listed\n";
  }
  return wrong;
}

}  // namespace

void write_record(const fs::path& site, const std::string& distribution, const std::string& package) {
  const fs::path info = site / (distribution + ".dist-info");
  fs::create_directories(info);
  const std::string name = distribution.substr(0, distribution.find('-'));
  write_file_atomically(info / "METADATA", "Metadata-Version: 2.1\nName: " + name + "\n");
  std::map<std::string, RecordedFile> files;
  for (const auto& entry : fs::recursive_directory_iterator(site / package)) {
    if (!entry.is_regular_file() || entry.is_symlink()) continue;
    files[entry.path().lexically_relative(site).generic_string()] = {
        .hash = sha256(as_byte_span(read_file(entry.path()))), .size = entry.file_size()};
  }
  const std::string own = distribution + ".dist-info/RECORD";
  write_file_atomically(info / "RECORD", rewrite_record(own + ",,\n", own, files, [](std::string_view path) {
                          return std::string(path);
                        }));
}

void write_small_environment(const ScratchFolder& folder, const std::string& site) {
  fs::create_directories(folder.path() / site);
  write_fat(folder, site);
  write_loose(folder, site);
  write_triton(folder, site);
  write_record(folder.path() / site, "fat-1.0", "fat");
  write_record(folder.path() / site, "loose-2.0", "loose");
}

FolderContents contents_of(const fs::path& folder) {
  FolderContents contents;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string name = entry.path().lexically_relative(folder).string();
    if (entry.is_symlink()) contents[name] = fs::read_symlink(entry.path()).string();
    else if (entry.is_regular_file()) contents[name] = read_file(entry.path());
  }
  return contents;
}

std::string wrong_lists(const fs::path& folder) {
  std::string wrong;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name == "checksums.txt") wrong += wrong_sums(entry.path());
    if (name == "RECORD") wrong += wrong_record(entry.path());
  }
  return wrong;
}

}  // namespace lathe::testing
