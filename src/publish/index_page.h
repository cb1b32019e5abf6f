// SPDX-License-Identifier: MIT
// The index of a binary cache: index.json, which `select` reads, and index.html for people, both from the same records.
// Pure text; what the records say may come from another's history and is escaped.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "host/index.h"
#include "matrix/variant.h"

namespace lathe {

// One record of the index: what `list --format json` says of the variant, and where it is in the cache.
std::string index_record(const Variant& variant, const std::string& store_path, std::uint64_t bytes, std::int64_t when);

struct IndexPages {
  std::string json, html;
};

// `head.cache` may be empty: then the index lies in the cache itself. `records`: JSON of index_record.
IndexPages index_pages(const IndexHead& head, const std::vector<std::string>& records);

}  // namespace lathe
