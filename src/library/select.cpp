// SPDX-License-Identifier: MIT
#include "select/select.h"
#include "torchlathe/select.h"

#include <string>
#include <utility>
#include <vector>

#include "host/host_json.h"
#include "library/convert.h"
#include "matrix/shipped/shipped.h"
#include "select/candidate.h"

namespace torchlathe {
namespace {

std::vector<lathe::Candidate> candidates_of(std::vector<std::string> matrices) {
  if (matrices.empty())
    matrices.assign(std::begin(lathe::default_matrices), std::end(lathe::default_matrices));
  std::vector<lathe::Candidate> candidates;
  for (const std::string& name : matrices) add_candidates(candidates, lathe::load_matrix(name), name);
  return candidates;
}

Choice public_choice(const lathe::Choice& choice, std::string why) {
  return {.name = choice.candidate.name,
          .from = choice.candidate.from,
          .why = std::move(why),
          .missing = public_findings(choice.judgement.missing)};
}

}  // namespace

Selection select(const Host& host, const SelectOptions& options) {
  return guarded([&] {
    const lathe::Selection made =
        select_variant(lathe::read_host(host.record, "record"), candidates_of(options.matrices),
                       {.prefer = options.prefer,
                        .names = options.names,
                        .cuda = options.cuda,
                        .python = options.python,
                        .pytorch = options.pytorch});
    Selection out{.starting = {}, .excluded = {}, .changes = made.changes};
    for (const lathe::Choice& choice : made.starting) {
      const bool best = &choice == made.best();
      out.starting.push_back(public_choice(choice, best ? reason_for(choice, made.host) : choice.why));
    }
    for (const lathe::Choice& choice : made.excluded) out.excluded.push_back(public_choice(choice, ""));
    return out;
  });
}

}  // namespace torchlathe
