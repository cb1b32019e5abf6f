// SPDX-License-Identifier: MIT
#include "recipe/render.h"

#include "base/hash.h"
#include "matrix/variant.h"
#include "recipe/holes.h"
#include "recipe/redist.h"

namespace lathe {
namespace {

// characters of base64url: 120 bits against slips, not against attackers
constexpr std::size_t checksum_length = seal_length;
constexpr std::string_view checksum_start = "(content ";

std::string_view form_of(const Variant& variant) {
  if (variant.of_nixpkgs) return "carved_nixpkgs.nix.in";
  if (!variant.carved_from.empty()) return variant.companion ? "companion_carved.nix.in" : "carved.nix.in";
  if (variant.companion) return "companion.nix.in";
  return variant.is_gpu() ? "gpu.nix.in" : "cpu.nix.in";
}

// Where the checksum's characters lie; npos when `recipe` has none.
std::size_t checksum_offset(std::string_view recipe) {
  const std::string_view first_line = recipe.substr(0, recipe.find('\n'));
  if (!first_line.starts_with("# Made by torchlathe from ")) return std::string_view::npos;
  const std::size_t start = first_line.find(checksum_start);
  if (start == std::string_view::npos) return std::string_view::npos;
  const std::size_t offset = start + checksum_start.size();
  return offset + checksum_length <= first_line.size() ? offset : std::string_view::npos;
}

// Over the whole text with zeros in the checksum's place.
std::string checksum_of(std::string recipe, std::size_t offset) {
  recipe.replace(offset, checksum_length, checksum_length, '0');
  return to_base64url(sha256(as_byte_span(recipe))).substr(0, checksum_length);
}

}  // namespace

std::string render(const MatrixSpec& spec, const Variant& variant) {
  return seal(fill_template(form_of(variant), {spec, variant}));
}

std::string seal(std::string recipe) {
  const std::size_t offset = checksum_offset(recipe);
  return recipe.replace(offset, checksum_length, checksum_of(recipe, offset));
}

std::vector<SharedRecipe> render_shared(const MatrixSpec& spec) {
  std::vector<SharedRecipe> shared;
  if (!spec.cuda_packages || spec.cuda_packages->from != CudaPackages::From::copy) return shared;
  const Redist redist = redist_of(*spec.cuda_packages);
  for (const RedistPackage& package : redist.packages) {
    shared.push_back({.file = package.name + ".nix", .text = render_redist(redist, package, "x86_64-linux")});
  }
  return shared;
}

Authorship authorship_of(std::string_view recipe) {
  const std::size_t offset = checksum_offset(recipe);
  if (offset == std::string_view::npos) return Authorship::foreign;
  const bool same = checksum_of(std::string(recipe), offset) == recipe.substr(offset, checksum_length);
  return same ? Authorship::generated : Authorship::edited;
}

}  // namespace lathe
