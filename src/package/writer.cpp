// SPDX-License-Identifier: MIT
#include "package/writer.h"

#include <utility>

namespace lathe {

PackageWriter::PackageWriter(const Package& package, PackageWriteOptions options)
    : package_(package), options_(std::move(options)), fates_(package.members().size()) {}

void PackageWriter::remove(std::size_t member) {
  fates_[member] = Fate::removed;
  removed_.push_back(member);
}

void PackageWriter::keep(std::size_t member) { fates_[member] = Fate::open; }

void PackageWriter::rename(std::size_t member, std::string path) { renamed_[member] = std::move(path); }

void PackageWriter::take_over(std::size_t member) {
  fates_[member] = Fate::taken;
  taken(member);
}

void PackageWriter::replace(std::size_t member) {
  fates_[member] = Fate::replaced;
  replaced(member);
}

void PackageWriter::take_over_rest() {
  for (std::size_t i = 0; i < fates_.size(); ++i) {
    if (fates_[i] == Fate::open && package_.members()[i].kind == PackageMember::Kind::file) take_over(i);
  }
}

std::string PackageWriter::new_path(std::size_t member) const {
  const auto it = renamed_.find(member);
  return it == renamed_.end() ? package_.members()[member].path() : it->second;
}

}  // namespace lathe
