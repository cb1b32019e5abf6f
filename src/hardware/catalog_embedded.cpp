// SPDX-License-Identifier: MIT
// The tables that are compiled in, packed by pack_tables.cpp.
#include <span>

#include "base/embedded.h"
#include "hardware/catalog.h"
#include "hardware/catalog_pack.h"

namespace lathe::hardware_data {
std::span<const EmbeddedFile> packed();
}

namespace lathe {

const Catalog& catalog() {
  static const Catalog tables = unpack(as_byte_span(hardware_data::packed().front().text));
  return tables;
}

}  // namespace lathe
