// SPDX-License-Identifier: MIT
#include "simple/wheel_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <iterator>
#include <optional>
#include <system_error>
#include <tuple>
#include <utility>

#include "base/error.h"
#include "base/parallel.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

bool is_archive(const fs::path& path) { return path.filename().string().ends_with(archive_ending); }

// What lies in a folder that may be offered: wheels first, what lies in no sub-folder first.
struct Listing {
  std::vector<fs::path> files;
  std::map<fs::path, FileStamp> stamps;  // of folders too; taken before they are read
};

// Of ours: its wheels are carved ones, of which some are for another GPU.
bool is_cache_or_site(const fs::path& folder) {
  std::error_code ignored;
  return fs::is_directory(folder / "records", ignored) && fs::is_directory(folder / "files", ignored);
}

Listing list_folder(const fs::path& top) {
  Listing out;
  std::vector<fs::path> folders = {top};
  for (std::size_t i = 0; i < folders.size(); ++i) {
    const fs::path folder = folders[i];
    out.stamps[folder] = stamp_of(folder);
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (entry.path().filename().string().starts_with('.')) continue;
      if (entry.is_directory() && !entry.is_symlink() && !is_cache_or_site(entry.path()))
        folders.push_back(entry.path());
      const bool offered = entry.path().extension() == ".whl" || is_archive(entry.path());
      if (offered && entry.is_regular_file()) out.files.push_back(entry.path());
    }
  }
  const auto depth = [](const fs::path& path) { return std::distance(path.begin(), path.end()); };
  std::ranges::sort(out.files, [&](const fs::path& a, const fs::path& b) {
    return std::tuple(is_archive(a), depth(a), a) < std::tuple(is_archive(b), depth(b), b);
  });
  for (const fs::path& path : out.files) out.stamps[path] = stamp_of(path);
  return out;
}

// A name stands for one file on a page.
void leave_out_twins(FolderWheels& all) {
  for (auto& [project, wheels] : all.projects) {
    std::map<std::string, const SourceWheel*> first;
    std::vector<SourceWheel> kept;
    for (const SourceWheel& wheel : wheels) {
      const auto [place, is_new] = first.emplace(wheel.file_name(), &wheel);
      if (is_new) {
        kept.push_back(wheel);
      } else if (place->second->sha256 != wheel.sha256) {
        all.left_out.add(
            {.rule = "wheel-left-out",
             .severity = Severity::warning,
             .where = {.file = wheel.path.string()},
             .what = fmt::format("{} has the same name and other bytes", place->second->path.string()),
             .fix = "take one of them out of the folder"});
      }
    }
    wheels = std::move(kept);
  }
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
  if (now_ && is_as_it_was()) return now_;
  return now_ = read(progress);
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
  Listing listing = list_folder(folder_);
  const std::vector<fs::path>& paths = listing.files;
  seen_ = std::move(listing.stamps);
  std::vector<std::optional<SourceWheel>> read(paths.size());
  std::mutex telling;
  std::size_t done = 0;
  const auto failures = parallel_for(paths.size(), [&](std::size_t i) {
    const auto known = before.find(paths[i]);
    if (known != before.end() && known->second.stamp == seen_.at(paths[i])) {
      read[i] = known->second;
    } else {
      SourceWheel wheel = is_archive(paths[i]) ? read_source_archive(paths[i]) : read_source_wheel(paths[i]);
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
  leave_out_twins(*all);
  return all;
}

}  // namespace lathe
