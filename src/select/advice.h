// SPDX-License-Identifier: MIT
// What to do next. Where nothing fits: what would have to change, found by changing it and judging again, so
// that each sentence names a change and what would then be the best variant. Where something fits: the
// commands that get it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "select/candidate.h"
#include "host/host_info.h"

namespace lathe {

// Never empty. `host` is one on which none of the candidates starts.
std::vector<std::string> what_would_help(const HostInfo& host, const std::vector<Candidate>& candidates,
                                         const std::string& prefer);

// What lies about in the user's folders, and the programs that are there.
struct Surroundings {
  // the folder with the recipes of the variant and its companions, if all are there
  std::string recipes = {};
  std::string installed = {};  // a PyTorch that runs here and can be carved
  bool in_place = false;       // by pip or uv: it is carved where it is
  std::string pip = {};        // "pip", "uv pip"; "" where wheels cannot be installed
  bool nix = false, flox = false;
};

// A command that gets PyTorch, and by what: "carve", "wheel", "build", "recipe", "get it".
struct Way {
  std::string_view by;
  std::string command;
};

// Commands that get the variant with its companions, or else what comes nearest, the shortest way first. Only
// by what is there. `best`: of a matrix or published; nullptr: none starts. Candidate::from must be what -m
// takes.
std::vector<Way> ways_to_get(const Candidate* best, const HostInfo& host, const Surroundings& here);

}  // namespace lathe
