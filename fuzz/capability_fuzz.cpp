// SPDX-License-Identifier: MIT
// Whatever text comes in as a capability: what is read prints and reads back as the same; what is not is
// refused in every dialect with a short, printable Error.
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "base/text.h"
#include "hardware/capability.h"

using lathe::Dialect;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check_wanted(std::string_view text, Dialect wanted,
                  const std::optional<lathe::SpelledCapability>& parsed) {
  try {
    require(lathe::parse_capability_as(text, wanted) == parsed && parsed->dialect == wanted);
  } catch (const lathe::Error& error) {
    require(!parsed || parsed->dialect != wanted);
    require(std::string_view(error.what()).size() < 400 && lathe::printable(error.what()) == error.what());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto parsed = lathe::parse_capability(text);
  if (parsed) {
    require(lathe::parse_capability(lathe::spell(*parsed)) == parsed);
    for (const Dialect dialect :
         {Dialect::dotted, Dialect::cmake, Dialect::sm, Dialect::compute, Dialect::name}) {
      const auto again = lathe::parse_capability(lathe::spell(parsed->capability, dialect));
      require(again && again->capability == parsed->capability && again->dialect == dialect);
    }
  }
  for (const Dialect wanted :
       {Dialect::dotted, Dialect::cmake, Dialect::sm, Dialect::compute, Dialect::name}) {
    check_wanted(text, wanted, parsed);
  }
  return 0;
}
