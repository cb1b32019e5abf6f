// SPDX-License-Identifier: MIT
// What was found to be wrong, or worth knowing: data, the same for every function that looks at something.
#pragma once

#include <cstdint>
#include <string>

namespace torchlathe {

enum class Severity { error, warning, note };

struct Finding {
  std::string rule;  // stable, in kebab case; `torchlathe explain RULE` says what it means
  Severity severity = Severity::error;
  std::string file;                    // or ""
  std::uint32_t line = 0, column = 0;  // from 1, in bytes; 0: not known
  std::string what;                    // one sentence, no full stop
  std::string cause;                   // the likely one; or ""
  std::string fix;                     // what mends it; or ""
};

}  // namespace torchlathe
