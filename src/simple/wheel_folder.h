// SPDX-License-Identifier: MIT
// The wheels and source archives of a folder and its sub-folders, by project: read when one of them
// changes, and
// only what changed. Hidden folders, links to folders, and caches and sites of carved wheels are not entered.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/finding.h"
#include "simple/carved_wheels.h"
#include "simple/source_wheel.h"

namespace lathe {

// What lay in the folder at one time.
struct FolderWheels {
  // By normalised name; wheels before source archives, each by path.
  std::map<std::string, std::vector<SourceWheel>> projects;
  Findings left_out;  // files that are not offered, and why
};

// Its functions may be called from several threads at once.
class WheelFolder {
 public:
  // `kept` keeps the sums. Error when the folder is none.
  WheelFolder(std::filesystem::path folder, CarvedWheels& kept);

  // As it is now. `progress`: of wheels that are read.
  std::shared_ptr<const FolderWheels> wheels(
      const std::function<void(std::size_t, std::size_t)>& progress = {});

 private:
  bool is_as_it_was() const;
  std::shared_ptr<const FolderWheels> read(const std::function<void(std::size_t, std::size_t)>& progress);

  std::filesystem::path folder_;
  CarvedWheels& kept_;
  std::mutex lock_;
  std::map<std::filesystem::path, FileStamp> seen_;  // of folders and files, those that are left out too
  std::shared_ptr<const FolderWheels> now_;
};

}  // namespace lathe
