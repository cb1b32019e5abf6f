// SPDX-License-Identifier: MIT
// What to do next. Where nothing fits: what would have to change, found by changing it and judging again, so
// that each sentence names a change and what would then be the best variant. Where something fits: the
// commands that get it.
#pragma once

#include <string>
#include <vector>

#include "select/candidate.h"
#include "host/host_info.h"

namespace lathe {

// Never empty. `host` is one on which none of the candidates starts.
std::vector<std::string> what_would_help(const HostInfo& host, const std::vector<Candidate>& candidates,
                                         const std::string& prefer);

// What lies about in the user's folders.
struct Surroundings {
  // the folder with the recipes of the variant and its companions, if all are there
  std::string recipes = {};
  std::string installed = {};  // a PyTorch that could be carved
};

// Commands that get this variant with its companions, the shortest way first. Candidate::from must be what
// -m takes.
std::vector<std::string> commands_for(const Candidate& candidate, const HostInfo& host,
                                      const Surroundings& here);

}  // namespace lathe
