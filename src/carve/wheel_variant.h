// SPDX-License-Identifier: MIT
// How a wheel says for which GPUs it is: in its version, or in the variant.json by which an installer chooses
// it, and the label in its file name. Pure.
// Source: PEP 825 (file name, metadata, label), PEP 817 (providers), as variantlib 0.2.2 reads them.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "carve/plan/plan.h"
#include "device/contents.h"

namespace lathe {

// The version with the GPUs in its local label: "2.10.0+cu128" becomes "2.10.0+cu128.sm90"; GPUs of an
// earlier carve go. For no GPU in particular: how it is packed, "2.10.0+cu128.zstd".
std::string version_for(std::string_view version, std::span<const CarveTarget> targets,
                        std::string_view packing = {});

// "sm90", "sm86_sm90ptx": at most 16 letters, digits, '_' and '.', as the format asks. Error when the GPUs
// need more and `wished` is "auto", or when `wished` is not a label.
std::string variant_label(std::string_view wished, std::span<const CarveTarget> targets);

// `cuda`: the toolkit that made the device code, "13.0"; "" when it is not known. `earlier`: the
// variant.json that the wheel brought along, whose properties beside the GPU's stay, or "".
std::string wheel_variant_json(const std::string& label, std::span<const CarveTarget> targets,
                               std::string_view cuda, std::string_view earlier);

}  // namespace lathe
