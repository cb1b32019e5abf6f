// SPDX-License-Identifier: MIT
// The [settings] and [[override]] rows of an imported matrix: what most recipes say once, and who says
// otherwise.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "matrix/variant.h"
#include "nix/record.h"

namespace lathe {

// Limits of compile jobs and narrowing, as the recipe's evaluation shows them. PTX is read with the GPUs:
// import.cpp.
Settings settings_of(const RecordedPackage& torch, const RecordedNixpkgs& pin);

class SettingsTable {
 public:
  // `gpu`: false for a CPU-only build, of which PTX and narrowing say nothing; `narrow_anyway`: whatever the
  // matrix says of narrowing, it is built so.
  void add(const std::string& variant, const Settings& settings, bool gpu, bool narrow_anyway) {
    rows_.push_back({variant, settings, gpu, narrow_anyway});
  }

  // [extra] where all have the same, else rows by name; "" when none has any.
  std::string extra_text() const;

  // TOML: the most frequent settings as [settings], the rest as [[override]] rows by name; "" when all are
  // as without.
  std::string text(const std::vector<std::string>& strategy) const;

 private:
  struct Row {
    std::string variant;
    Settings settings;
    bool gpu, narrow_anyway;
  };
  Settings most_frequent() const;

  std::vector<Row> rows_;
};

}  // namespace lathe
