// SPDX-License-Identifier: MIT
// Whatever text comes in as a variant's name: what can be read of it is canonical, so that reading it again
// changes nothing.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/error.h"
#include "matrix/variant.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lathe;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const NameReading reading = read_variant_name(text);
  for (const NameProblem& problem : reading.problems) {
    if (problem.offset > text.size() || problem.what.empty()) std::abort();
  }
  if (!reading.name) {
    if (reading.problems.empty()) std::abort();
    return 0;
  }
  VariantName clean = *reading.name;
  clean.extra.clear();
  const NameReading again = read_variant_name(clean.text());
  if (!again.problems.empty() || !again.name || again.name->text() != clean.text()) std::abort();
  return 0;
}
