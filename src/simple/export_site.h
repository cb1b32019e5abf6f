// SPDX-License-Identifier: MIT
// The index as files that any web server sends. Two exports of the same wheels are the same, byte for byte;
// a wheel that comes later changes the pages of its project and the lists, and nothing else is written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/finding.h"
#include "carve/plan/plan.h"
#include "simple/root.h"

namespace lathe {

struct ExportOptions {
  std::filesystem::path wheels;  // a folder
  std::filesystem::path site;    // a new folder, or one of an earlier export
  std::vector<CarveTarget> targets;
  std::function<void(std::string_view what, std::size_t done, std::size_t all)> progress = {};
};

// What became of one wheel for one GPU.
struct ExportedWheel {
  std::string project, file;  // as in the folder
  CarveTarget target;
  bool carved = false;
  std::string because;  // of one that goes as it is
  std::uint64_t old_size = 0, new_size = 0;
};

struct Exported {
  std::vector<ExportedWheel> wheels;
  std::vector<std::string> roots;  // "sm90/simple/"
  std::size_t projects = 0;
  std::size_t files = 0;                 // of the site, lists included
  std::size_t written = 0, removed = 0;  // of those, now
  std::uint64_t size = 0;                // of all
  Findings left_out;
};

// Error when the site is a folder that no export made, another export is at work in it, or the disk is full:
// then what was there is as it was, but for files that no page names.
Exported export_site(const ExportOptions& options);

}  // namespace lathe
