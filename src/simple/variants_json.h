// SPDX-License-Identifier: MIT
// "{name}-{version}-variants.json" of PEP 825: what the variant.json of each variant wheel of a version says,
// in one file on the index. Pure.
#pragma once

#include <string>
#include <vector>

namespace lathe {

// Namespaces in the order in which they first stand, providers and variants of all, each label once. Error
// when one of the texts is not a variant.json, or two state different things of one label or one provider.
// "" of none.
std::string joined_variants_json(const std::vector<std::string>& texts);

}  // namespace lathe
