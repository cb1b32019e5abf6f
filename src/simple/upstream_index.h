// SPDX-License-Identifier: MIT
// Over an index that somebody else keeps: its pages go through, and wheels with device code are fetched and
// carved when they are asked for. What it says of a file is believed once: other bytes under a name that was
// seen before are refused.
//
//   originals/SHA256/NAME.whl   in the cache: wheels as they came
//   names/NAME                  which content a name stands for
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <semaphore>
#include <string>
#include <string_view>
#include <vector>

#include "carve/plan/plan.h"
#include "simple/carved_wheels.h"
#include "simple/package_index.h"
#include "simple/project_page.h"
#include "simple/source_wheel.h"

namespace lathe {

struct UpstreamOptions {
  std::string url;                                   // its root: https://index.example.org/simple/
  std::chrono::seconds fresh{300};                   // a page is asked for again after that
  std::uint64_t smallest = 1'000'000;                // bytes; smaller wheels are not looked into
  std::uint64_t largest = std::uint64_t{16} << 30;   // bytes; larger ones are not fetched
  std::function<void(const std::string&)> say = {};  // from any thread
};

// A project whose wheels are NVIDIA's own, as its licence says, which no carve may change: nvidia-*, but for
// NCCL.
bool is_vendor_project(std::string_view project);

class UpstreamIndex final : public PackageIndex {
 public:
  // Error when the address is none.
  UpstreamIndex(CarvedWheels& kept, std::vector<CarveTarget> targets, UpstreamOptions options);

  const std::vector<Root>& roots() const override { return roots_; }
  std::vector<std::string> projects() override;  // that were asked for so far
  std::optional<ProjectPage> page(const Root& root, const std::string& project) override;
  std::optional<OfferedFile> wheel(const Root& root, const std::string& project,
                                   const std::string& name) override;
  std::optional<OfferedFile> glance(const Root& root, const std::string& project,
                                    const std::string& name) override;
  std::optional<OfferedFile> content(const std::string& sha256, const std::string& name) override;

 private:
  struct Project;
  using Page = std::shared_ptr<const ProjectPage>;
  Page upstream_page(const std::string& project);  // null: there is none
  Page fetch_page(const std::string& project);
  bool may_hold_code(const std::string& project, const PageFile& file) const;
  PageFile passed(const std::string& project, const PageFile& file) const;
  bool changed(const PageFile& file);  // it has another hash than it had
  std::string first_sum(const std::string& name);
  void remember_sum(const std::string& name, const std::string& sum);
  std::optional<SourceWheel> known_wheel(const PageFile& file);
  std::filesystem::path fetched(const PageFile& file);
  OfferedFile pass(const PageFile& file, std::string note);
  OfferedFile metadata(const PageFile& file);
  void forget_original(const PageFile& file, const SourceWheel& wheel);
  std::optional<OfferedFile> carve(const PageFile& file, const CarveOrder& how);
  void add_carved(const Root& root, const CarveTarget& target, const PageFile& file, ProjectPage& page);
  void add_variants_json(ProjectPage& page) const;
  std::filesystem::path carved_already(const PageFile& file, const CarveOrder& how);
  bool holds_code(const PageFile& file, const CarveTarget& target);
  struct Order {
    const PageFile* file;
    CarveOrder how;
  };
  std::optional<Order> order_for(const ProjectPage& upstream, const Root& root, std::string_view name);
  std::optional<OfferedFile> renamed(const ProjectPage& upstream, const Root& root, const std::string& name);
  std::string variants_json(const ProjectPage& upstream, std::string_view name);
  std::filesystem::path carved_again(const std::string& sha256, const std::string& file);
  bool is_missing(const std::string& project);
  void forget(const std::string& project, bool missing);
  void say(const std::string& text) const;

  CarvedWheels& kept_;
  std::vector<CarveTarget> targets_;
  UpstreamOptions options_;
  std::vector<Root> roots_;
  std::mutex lock_;
  std::map<std::string, std::shared_ptr<Project>> projects_;
  std::map<std::string, std::chrono::steady_clock::time_point> missing_;  // upstream has none, until then
  std::counting_semaphore<> fetching_{8};                                 // pages at once
};

}  // namespace lathe
