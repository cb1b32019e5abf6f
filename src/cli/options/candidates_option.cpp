// SPDX-License-Identifier: MIT
#include "cli/options/candidates_option.h"

#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "cli/options/options.h"
#include "http/address.h"
#include "matrix/shipped/shipped.h"
#include "os/file.h"
#include "select/index.h"

namespace lathe {
void CandidatesOption::declare(OptionSet& set) {
  set.text("-m,--matrix", matrix.path, "FILE",
           "choose from this matrix [matrix.toml, or else cuda-13_0 and cuda-12_8]", ValueKind::file);
  set.values(shipped_matrices());
  set.text("--published", published, "FILE|DIR|URL",
           "choose from published variants: names, list's JSON (- is standard input), or publish's index",
           ValueKind::file);
}

namespace {

// An address may hold a password, and an error names the address.
std::vector<Candidate> candidates_of_index(const std::string& place) {
  try {
    return read_published(fetch_index(place), place);
  } catch (const Error& error) {
    auto parts = error.parts();
    parts.where.file = without_secrets(parts.where.file);
    throw Error(std::move(parts));
  }
}

}  // namespace

std::vector<Candidate> CandidatesOption::load() const {
  if (!published.empty() && !matrix.path.empty()) {
    throw Error({.what = "--matrix and --published exclude each other", .next = "give one of them"});
  }
  if (is_index_place(published)) return candidates_of_index(published);
  if (!published.empty())
    return read_published(read_file(published), published == "-" ? "standard input" : published);
  std::vector<Candidate> candidates;
  if (matrix.is_there()) {
    add_candidates(candidates, matrix.load(), matrix.file());
    return candidates;
  }
  for (const char* name : default_matrices) add_candidates(candidates, load_matrix(name), name);
  return candidates;
}

}  // namespace lathe
