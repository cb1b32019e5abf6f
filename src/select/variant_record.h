// SPDX-License-Identifier: MIT
// A variant as a JSON record: what `list --format json` and `show` print and an index of published variants
// holds. candidate.cpp and index.cpp read it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "matrix/spec.h"
#include "matrix/variant.h"

namespace lathe {

// As in its name; nullopt for one without GPUs.
std::optional<std::string> gpu_of(const Variant& variant);

// Records of many variants: what a million of them share is spelled a few hundred times. Not thread-safe.
class VariantRecords {
 public:
  using Put = std::function<void(std::string_view piece)>;

  // Hands the record to `put` piece by piece, without a line end.
  void write(const Variant& variant, const Put& put) { write(variant, common_for(variant), put); }

 private:
  friend std::string variant_json(const Variant& variant);

  struct Common {
    std::string before_python;  // "kind" to "cuda"
    std::string after_python;   // "system" to the end
  };
  struct Key {
    const void *cell, *settings;
    std::string package;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const;
  };

  static Common common_of(const Variant& variant);
  static void write(const Variant& variant, const Common& common, const Put& put);
  const Common& common_for(const Variant& variant);

  std::unordered_map<Key, std::unique_ptr<Common>, KeyHash> common_;
  std::vector<std::shared_ptr<const Cell>> kept_cells_;
  std::vector<std::shared_ptr<const Settings>> kept_settings_;
};

std::string variant_json(const Variant& variant);

}  // namespace lathe
