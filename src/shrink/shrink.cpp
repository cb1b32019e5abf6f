// SPDX-License-Identifier: MIT
#include "shrink/shrink.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>
#include <system_error>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "carve/carve.h"
#include "package/kinds.h"
#include "package/package.h"
#include "package/place_journal.h"
#include "shrink/distributions.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

// Sums the files of a carved folder by the package that installed them.
class ByPackage {
 public:
  explicit ByPackage(const Package& folder)
      : distributions_(folder), packages_(distributions_.all().size() + 1) {
    for (std::size_t i = 0; i < distributions_.all().size(); ++i) {
      packages_[i].name = distributions_.all()[i].name;
      packages_[i].version = distributions_.all()[i].version;
    }
    const auto others = other_names(folder);
    for (std::size_t i = 0; i < folder.members().size(); ++i) {
      const PackageMember& member = folder.members()[i];
      if (member.kind != PackageMember::Kind::file) continue;
      ShrunkPackage& package = of(member.path());
      ++package.files;
      if (!others.contains(i)) package.size_before += member.size;
    }
    for (ShrunkPackage& package : packages_) package.size_after = package.size_before;
  }

  void add(const CarvedPackage& carved) {
    for (const CarvedFile& file : carved.files) add(file);
    for (const GoneFile& file : carved.gone) add(file);
    for (std::size_t i = 0; i < packages_.size(); ++i) {
      for (const std::string& code : gone_for_[i])
        packages_[i].gone_for += (packages_[i].gone_for.empty() ? "" : ", ") + code;
    }
  }

  std::vector<ShrunkPackage> take() {
    std::erase_if(packages_, [](const ShrunkPackage& package) { return package.files == 0; });
    std::ranges::stable_sort(packages_, {}, [](const ShrunkPackage& package) {
      return std::pair(package.name.empty(), package.name);
    });
    return std::move(packages_);
  }

 private:
  std::size_t index_of(const std::string& path) const {
    return distributions_.owner(path).value_or(packages_.size() - 1);
  }
  ShrunkPackage& of(const std::string& path) { return packages_[index_of(path)]; }

  void add(const CarvedFile& file) {
    ShrunkPackage& package = of(file.path);
    package.size_after -= file.old_size - std::min(file.old_size, file.new_size);
    if (file.outcome == Outcome::left_alone) ++package.left_alone;
    if (file.least_driver &&
        (!package.least_driver || package.least_driver->version < file.least_driver->version))
      package.least_driver = file.least_driver;
    if (file.outcome != Outcome::carved) return;
    ++package.carved;
    package.images_before += file.totals.images;
    package.images_after += file.totals.images_kept;
    package.images_packed += file.images_packed;
    package.images_unpacked += file.images_unpacked;
    package.stripped += file.stripped;
  }

  void add(const GoneFile& file) {
    const std::size_t index = index_of(file.path);
    packages_[index].size_after -= file.size;
    ++packages_[index].files_gone;
    if (!file.code.empty()) gone_for_[index].insert(file.code);
  }

  Distributions distributions_;
  std::vector<ShrunkPackage> packages_;  // as the distributions, then what no RECORD lists
  std::unordered_map<std::size_t, std::set<std::string>> gone_for_;
};

const PackageKind& folder_at(PathLook& look) {
  const PackageKind* kind = look.is_folder() ? package_kind(look) : nullptr;
  if (kind && kind->in_place) return *kind;
  throw Error({.what = kind ? fmt::format("a {}", kind->name) : "not a folder",
               .where = {.file = look.path().string()},
               .next = "name a folder with installed packages; torchlathe carve takes all else"});
}

}  // namespace

Shrunk shrink(const fs::path& folder, const fs::path& to, CarvePackageOptions options) {
  PathLook look(folder);
  const PackageKind& kind = folder_at(look);
  std::error_code ignored;
  std::optional<PlaceJournal> journal;  // before the members are listed: nobody else changes them then
  if (fs::equivalent(folder, to, ignored) && !options.carve.dry_run)
    options.journal = &journal.emplace(folder);
  const std::unique_ptr<Package> package = kind.open(std::move(look));
  ByPackage by_package(*package);
  Shrunk shrunk{.packages = {}, .carved = carve_package(kind, *package, to, options)};
  shrunk.finished_earlier = journal && !journal->earlier().empty();
  by_package.add(shrunk.carved);
  shrunk.packages = by_package.take();
  return shrunk;
}

}  // namespace lathe
