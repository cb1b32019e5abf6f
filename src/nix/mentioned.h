// SPDX-License-Identifier: MIT
// The names that a Nix text mentions outside of comments and strings (but inside of ${...}), and the strings
// that could be names (`pkgs."torch"`), without parsing it. The recorder needs them: a Nix set cannot make
// up attributes when asked, so it must hold a recorder for every name that a recipe might ask for.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace lathe {

// Names that the text puts together: no list of names can hold them. Where such a name only picks what must
// be there, the evaluation shows what it is; where it is asked whether it is there, the recorder's answer is
// not that of nixpkgs.
struct MadeNames {
  bool asked = false;  // set ? ${name}, set.${name} or other
  bool taken = false;  // set.${name}
  bool given = false;  // { ${name} = value; }

  // `({ ${name} = other; } // pkgs).${name}` asks too.
  bool may_ask() const { return asked || (taken && given); }
  MadeNames& operator|=(const MadeNames& more);
  bool operator==(const MadeNames&) const = default;
};

// Names that the text takes where they are there, and what it takes instead: `.name or ""`, `.name or [ ]`,
// `.name or { }`. So it says what kind of thing they are.
struct DefaultedNames {
  std::set<std::string, std::less<>> texts, lists, sets;
  void add(const DefaultedNames& more);
};

struct TextNames {
  std::vector<std::string_view> mentioned;  // sorted, each once, without keywords; views into the text
  // Of these, the names of which the text may ask whether a set has them, sorted: `? name`, `.name or`, keys
  // of sets, arguments with a default, names in quotes. The others it takes (`set.name`): they must be there.
  std::vector<std::string_view> asked;
  DefaultedNames defaulted;
  MadeNames made;
};

// Never fails: a broken text gives whatever can be read of it.
TextNames names_in(std::string_view text);

}  // namespace lathe
