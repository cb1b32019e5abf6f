// SPDX-License-Identifier: MIT
// What this program was made of; cmake/build_facts.cmake writes it down.
#pragma once

#include <span>
#include <string_view>

namespace lathe {

struct LinkedPart {
  std::string_view name, version;
};

struct BuildFacts {
  std::string_view version;   // "0.1.0"
  std::string_view commit;    // "0123456789ab", "-dirty" where files differed; "": a build for development
  std::string_view compiler;  // "GNU 12.2.0"
  std::string_view machine;   // "x86_64"
  std::span<const LinkedPart> parts;
};

const BuildFacts& build_facts();

}  // namespace lathe
