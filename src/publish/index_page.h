// SPDX-License-Identifier: MIT
// The index of a binary cache: index.json, which `select` reads, and index.html for people, both from the
// same records. Pure text; what the records say may come from another's history and is escaped.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "device/driver_need.h"
#include "select/index.h"
#include "matrix/variant.h"

namespace lathe {

// Where a variant is in the cache.
struct IndexEntry {
  std::string store_path = {};
  std::string torch_path = {};  // of a companion: the store path of the PyTorch that it was built with
  std::uint64_t bytes = 0;      // of that and all that it needs; 0: not known
  std::int64_t published = 0;   // seconds since 1970
  // What its device code asks for, as it is stored; nullopt: nothing known
  std::optional<DriverNeed> driver = {};
};

// One record of the index: what `list --format json` says of the variant, and where it is. Where the code
// needs a newer driver than the variant's toolkit does, that one, and `min_driver_because`.
std::string index_record(const Variant& variant, const IndexEntry& entry);

struct IndexPages {
  std::string json, html;
};

// `head.cache` may be empty: then the index lies in the cache itself. `records`: JSON of index_record.
IndexPages index_pages(const IndexHead& head, const std::vector<std::string>& records);

}  // namespace lathe
