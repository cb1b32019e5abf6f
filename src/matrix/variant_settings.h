// SPDX-License-Identifier: MIT
// Settings of each variant: those of the matrix, what its [[override]] rows say of it, what its axes ask for.
// Variants with the same share one object.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "matrix/spec.h"
#include "matrix/variant.h"

namespace lathe {

class VariantSettings {
 public:
  explicit VariantSettings(const MatrixSpec& spec);

  // `variant.settings`: those of another variant of its block, or nullptr.
  std::shared_ptr<const Settings> of(const Variant& variant);

  // When all variants were seen: an Error for a row that matched none.
  void check_used() const;

 private:
  std::shared_ptr<const Settings> of_nixpkgs(const Variant& variant) const;
  std::shared_ptr<const Settings> make(const Variant& variant) const;

  const MatrixSpec& spec_;
  std::vector<bool> used_;  // by row
  std::map<std::uint64_t, std::shared_ptr<const Settings>> made_;
  // No flags of an instruction set.
  const std::shared_ptr<const Settings> as_nixpkgs_ = std::make_shared<const Settings>(
      Settings{.compile_cache = {}, .cpu_flags = std::vector<std::string>{}, .extra = {}});
};

// A row that means nothing is a slip of the pen: better an error now than a setting that silently does
// nothing.
[[noreturn]] void dead_row(const Place& where);

}  // namespace lathe
