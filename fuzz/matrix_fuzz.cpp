// SPDX-License-Identifier: MIT
// Whatever bytes come in as a matrix file: variants, whose names read back as what they were made of, or an
// Error.
#include <cstdint>
#include <cstdlib>

#include "base/error.h"
#include "matrix/expand.h"
#include "recipe/render.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lathe;
  try {
    const MatrixSpec spec = parse_matrix({reinterpret_cast<const char*>(data), size}, "fuzz.toml");
    std::size_t count = 0;
    expand(spec, [&](const Variant& variant) {
      if (!why_not_a_package_name(variant.name).empty()) std::abort();
      if (variant.cell->reason.empty()) std::abort();
      if (authorship_of(render(spec, variant)) != Authorship::generated) std::abort();
      return ++count < 50;
    });
  } catch (const Error& error) {
    if (error.exit_code() != 2) std::abort();  // bad input is the user's to mend, never a fault
  }
  return 0;
}
