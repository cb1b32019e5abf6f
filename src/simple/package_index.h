// SPDX-License-Identifier: MIT
// An index of wheels that are carved as they are asked for: its pages, and what lies behind their links.
// Where a page leads, from its own place:
//
//   ../../../files/SHA256/NAME.whl        content that is known
//   ../../wheels/PROJECT/NAME.whl         of this root, not carved yet: carved when it is asked for
//
// and each of them with ".metadata" behind it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "carve/plan/plan.h"
#include "package/wheel_names.h"
#include "simple/carved_wheels.h"
#include "simple/project_page.h"
#include "simple/root.h"
#include "simple/source_wheel.h"
#include "simple/wheel_folder.h"

namespace lathe {

// What a link of a page leads to.
struct OfferedFile {
  std::filesystem::path file = {};  // on this machine
  std::string text = {};            // where it is none
  std::string sha256 = {};          // of either
  std::string redirect = {};        // to where it lies instead
  std::string note = {};            // for the log: why it goes out as it came
  bool final = true;                // false: the same address may give other bytes later
};

// Its functions may be called from several threads at once. An Error is a fault of the machine, or of who
// keeps the wheels; nullopt: there is none.
class PackageIndex {
 public:
  virtual ~PackageIndex() = default;

  virtual const std::vector<Root>& roots() const = 0;
  virtual std::vector<std::string> projects() = 0;
  virtual std::optional<ProjectPage> page(const Root& root, const std::string& project) = 0;
  // What stands behind ROOT/wheels/PROJECT/NAME: carved now where that was not done yet.
  virtual std::optional<OfferedFile> wheel(const Root& root, const std::string& project,
                                           const std::string& name) = 0;
  // The same for a client that only looks into it, as installers do for METADATA where a page offers none:
  // nothing is carved for that. nullopt: it gets what all get.
  virtual std::optional<OfferedFile> glance(const Root& root, const std::string& project,
                                            const std::string& name);
  // The same as wheel() of files/SHA256/NAME.
  virtual std::optional<OfferedFile> content(const std::string& sha256, const std::string& name) = 0;
};

// Over the wheels of a folder.
class FolderIndex final : public PackageIndex {
 public:
  FolderIndex(WheelFolder& folder, CarvedWheels& kept, std::vector<CarveTarget> targets);

  const std::vector<Root>& roots() const override { return roots_; }
  std::vector<std::string> projects() override;
  std::optional<ProjectPage> page(const Root& root, const std::string& project) override;
  std::optional<OfferedFile> wheel(const Root& root, const std::string& project,
                                   const std::string& name) override;
  std::optional<OfferedFile> content(const std::string& sha256, const std::string& name) override;

  // A carve that a page offers, or would offer.
  struct Order {
    const SourceWheel* wheel;
    CarveOrder how;
  };
  // All of them, for all roots. `wheels` outlive them.
  std::vector<Order> orders(const FolderWheels& wheels) const;
  // "torch-2.15.0-variants.json" of PEP 825: what all carved variants of that version state. Carves those
  // that are not yet. "" without any.
  std::string variants_json(const FolderWheels& wheels, const std::string& project,
                            const std::string& version);

 private:
  void add_carved(const Root& root, const CarveTarget& target, const SourceWheel& wheel, ProjectPage& page);
  void add_variants_json(const std::vector<SourceWheel>& wheels, ProjectPage& page) const;
  std::filesystem::path carved_again(const FolderWheels& wheels, const std::string& sha256,
                                     const std::string& file);
  std::string local_metadata_sum(const SourceWheel& wheel, const CarveTarget& target);
  std::optional<OfferedFile> carve(const SourceWheel& wheel, const CarveOrder& how);

  WheelFolder& folder_;
  CarvedWheels& kept_;
  std::vector<CarveTarget> targets_;
  std::vector<Root> roots_;
  std::mutex lock_;
  std::map<std::pair<std::string, std::string>, std::string> metadata_sums_;  // by content and GPU
};

// The file that a wheel becomes, and "" or ".metadata" behind its name.
std::pair<std::string, bool> without_metadata_ending(const std::string& name);

// "torch-2.15.0-variants.json"
std::string variants_file_of(const WheelName& name);
inline constexpr std::string_view variants_ending = "-variants.json";

// "../../../" for "sm90/": from the page of a project to where all roots begin.
std::string way_up(const Root& root);

// An entry for content that is known, on a page of `root`.
PageFile known_file(const Root& root, const std::string& name, const std::string& sha256, std::uint64_t size);

}  // namespace lathe
