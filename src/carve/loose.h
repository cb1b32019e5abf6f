// SPDX-License-Identifier: MIT
// Loose device code in a package: members that are one image of machine code each, which a program loads by
// their names (flashinfer's cubins, Triton's cache). Which of them no target can run, and what the package's
// lists of checksums say when those are gone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "carve/plan/plan.h"
#include "device/target.h"
#include "package/package.h"

namespace lathe {

struct LooseCode {
  std::size_t member = 0;
  Target target = {};
  std::uint64_t size = 0;
  bool wanted = false;  // some target runs it
};

// Members that were for GPUs of which none is a target, with what is of no use without them: they are gone.
struct LooseDropped {
  std::size_t files = 0;
  std::uint64_t bytes = 0;
  std::string code = {};  // "10.0a, 10.3a": what they were for
};

// Of a member whose first bytes look like machine code of some vendor. nullopt: it is none, not linked yet,
// or does not tell its GPU. Error when it is damaged.
std::optional<LooseCode> look_at_loose_code(const Package& package, std::size_t member,
                                            std::span<const CarveTarget> targets);

// "9.0, 10.0a": what they are for, ascending, each once.
std::string targets_of(std::span<const LooseCode> code);

inline constexpr std::string_view checksums_name = "checksums.txt";

// A list of lines "SHA-256 in hexadecimal, blanks, path from the list's own folder", as sha256sum writes it:
// without the lines of `removed` members, with new sums of those that `sum_of` knows. Other lines stay. Both
// take paths inside of the package; `folder` is that of the list, "" for the outermost.
std::string true_checksums(std::string_view text, std::string_view folder,
                           const std::set<std::string>& removed,
                           const std::function<std::optional<std::string>(const std::string&)>& sum_of);

}  // namespace lathe
