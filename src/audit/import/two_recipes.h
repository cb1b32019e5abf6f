// SPDX-License-Identifier: MIT
// A recipe and what `generate` writes for its variant, as both evaluate: their parts beside the attributes of
// the package (packages, arguments and settings of nixpkgs, override), and what comparing the rest needs.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "audit/import/import_extra.h"
#include "audit/import/nix_value.h"
#include "base/json.h"
#include "nix/record.h"

namespace lathe {

// The member, or null where there is none.
const Json& member_of(const Json& json, std::string_view name);

// Refers to both recordings and their folders.
class TwoRecipes {
 public:
  TwoRecipes(const Recorded& got, const std::string& folder, const Recorded& made,
             const std::string& made_folder)
      : got_(got), made_(made), folder_(folder), made_folder_(made_folder), nix_(folder) {}

  // False where there is nothing to compare with: the reason is in the result.
  bool compare_parts();
  const Difference& result() const { return result_; }

 protected:
  const RecordedPackage& got() const { return *got_.package; }
  const RecordedPackage& made() const { return *made_.package; }
  void fail(std::string why);

  // As text; the same package is reached by other names where a matrix says Python and CUDA.
  static std::string plain_text(const Json& value, const std::string& folder, const RecordedPackage& package);
  bool same(const Json& mine, const Json& theirs) const;
  // An attribute as Nix, or the reason why there is none.
  void bind(std::string_view name, const std::optional<std::string>& value);

  const Recorded& got_;
  const Recorded& made_;
  const std::string &folder_, &made_folder_;
  NixValues nix_;
  Difference result_;

 private:
  void compare_kept();
  void compare_packages(std::string_view set, std::string_view what,
                        std::map<std::string, std::string>& extra);
  void compare_magma();
  void compare_nixpkgs();
  void compare_arguments();
  void compare_config();
};

}  // namespace lathe
