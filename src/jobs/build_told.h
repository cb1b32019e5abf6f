// SPDX-License-Identifier: MIT
// What diagnose is told of the build that a log is of.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "diagnose/diagnose.h"
#include "matrix/variant.h"

namespace lathe {

BuildTold build_told(const Variant& variant);
BuildTold build_told(const VariantName& name);

// What a log's derivations say: of the variants among them ("python3.13-pytorch-python313-cpu-avx2-2.10.0").
// Where two say different things, nothing is known of that.
BuildTold build_told(std::span<const std::string> derivations);

}  // namespace lathe
