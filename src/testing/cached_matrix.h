// SPDX-License-Identifier: MIT
// For tests alone: a matrix whose variants are cut out of nixpkgs' own torch.
#pragma once

#include <string_view>

namespace lathe::testing {

inline constexpr std::string_view cached_matrix = R"([matrix]
name = "slim"
[nixpkgs.main]
rev = "6a030d535719c5190187c4cec156f335e95e3211"
[settings]
strategy = "carve"
base = "nixpkgs"
[carver]
url = "https://example.org/torchlathe.tar.gz"
[[build]]
pytorch = "2.9.1"
python = ["3.13"]
cuda = "12.8"
gpus = ["9.0", "12.0"]
isas = ["avx", "armv8_2"]
)";

}  // namespace lathe::testing
