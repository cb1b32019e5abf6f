// SPDX-License-Identifier: MIT
// Texts and lists as Nix spells them, for recipes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hardware/capability.h"

namespace lathe {

std::string nix_text(std::string_view text);                           // inside a "string"
std::string indented_string(std::string_view text);                    // inside a ''string''
std::string indented(std::string_view text, std::string_view indent);  // each line behind `indent`
std::string nix_texts(const std::vector<std::string>& items, std::string_view separator = " ");
std::string dotted_list(const std::vector<Capability>& gpus);  // "8.6, 8.9"

}  // namespace lathe
