// SPDX-License-Identifier: MIT
#include "simple/wheel_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/parallel.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> wheels_in(const fs::path& folder) {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const bool hidden = entry.path().filename().string().starts_with('.');
    if (!hidden && entry.path().extension() == ".whl" && entry.is_regular_file())
      paths.push_back(entry.path());
  }
  std::ranges::sort(paths);
  return paths;
}

Finding left_out(const fs::path& path, const std::exception_ptr& why) {
  Finding finding{.rule = "wheel-left-out", .severity = Severity::warning, .where = {.file = path.string()}};
  try {
    std::rethrow_exception(why);
  } catch (const Error& error) {
    finding.what = error.parts().what;
    finding.fix = error.parts().next;
  } catch (const std::exception& error) {
    finding.what = error.what();
  }
  return finding;
}

}  // namespace

WheelFolder::WheelFolder(fs::path folder, CarvedWheels& kept) : folder_(std::move(folder)), kept_(kept) {
  std::error_code ignored;
  if (fs::is_directory(folder_, ignored)) return;
  throw Error({.what = "this is not a folder",
               .where = {.file = folder_.string()},
               .next = "name one with wheels in it, as pip download -d DIR makes them"});
}

std::shared_ptr<const FolderWheels> WheelFolder::wheels(
    const std::function<void(std::size_t, std::size_t)>& progress) {
  const std::lock_guard lock(lock_);
  const FileStamp stamp = stamp_of(folder_);
  if (now_ && stamp == stamp_ && is_as_it_was()) return now_;
  now_ = read(progress);
  stamp_ = stamp;
  return now_;
}

// A wheel that is written over, or that was still being copied, does not change the folder.
bool WheelFolder::is_as_it_was() const {
  return std::ranges::all_of(seen_, [](const auto& one) {
    std::error_code ignored;
    return fs::exists(one.first, ignored) && stamp_of(one.first) == one.second;
  });
}

std::shared_ptr<const FolderWheels> WheelFolder::read(
    const std::function<void(std::size_t, std::size_t)>& progress) {
  std::map<fs::path, SourceWheel> before;
  if (now_) {
    for (const auto& [project, wheels] : now_->projects) {
      for (const SourceWheel& wheel : wheels) before.emplace(wheel.path, wheel);
    }
  }
  const std::vector<fs::path> paths = wheels_in(folder_);
  seen_.clear();
  for (const fs::path& path : paths) seen_[path] = stamp_of(path);
  std::vector<std::optional<SourceWheel>> read(paths.size());
  std::mutex telling;
  std::size_t done = 0;
  const auto failures = parallel_for(paths.size(), [&](std::size_t i) {
    const auto known = before.find(paths[i]);
    if (known != before.end() && known->second.stamp == seen_.at(paths[i])) {
      read[i] = known->second;
    } else {
      SourceWheel wheel = read_source_wheel(paths[i]);
      wheel.sha256 = kept_.sum_of(wheel);
      read[i] = std::move(wheel);
    }
    const std::lock_guard lock(telling);
    if (progress) progress(++done, paths.size());
  });
  auto all = std::make_shared<FolderWheels>();
  for (std::size_t i = 0; i < paths.size(); ++i) {
    if (failures[i]) all->left_out.add(left_out(paths[i], failures[i]));
    else all->projects[read[i]->project].push_back(std::move(*read[i]));
  }
  return all;
}

}  // namespace lathe
