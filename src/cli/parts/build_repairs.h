// SPDX-License-Identifier: MIT
// What `torchlathe build` mends by itself: hashes in the matrix file, fewer cores, another try.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "jobs/repair.h"
#include "jobs/run.h"
#include "cli/options/matrix_option.h"
#include "diagnose/diagnose.h"
#include "jobs/job.h"
#include "matrix/spec.h"
#include "matrix/variant.h"

namespace lathe {

class Terminal;

class BuildRepairs {
 public:
  // `hashes`: mend the matrix file, and learn the hashes of tarballs that it does not have. `rest`: the
  // other repairs, and what of the matrix file is wrong.
  BuildRepairs(const MatrixOption& matrix, bool hashes, bool rest, RunOptions& run)
      : matrix_(matrix), hashes_(hashes), rest_(rest), run_(run) {}

  // Of these jobs it is asked to mend one at a time.
  void watch(Jobs& jobs) { jobs_ = &jobs; }

  // As the file says; with `hashes`, tarballs without one have "", so that evaluating the recipes tells it.
  MatrixSpec load() const;

  // What was done; "": nothing.
  std::string mend(Job& job, const Diagnosis& diagnosis);

  // Evaluation tells the hashes of tarballs one at a time; each that is mended is a note, and changes `spec`.
  Jobs make_mended_jobs(MatrixSpec& spec, const std::vector<Variant>& variants,
                        std::vector<std::string>& notes);

  // After all has ended, on a terminal: each hash that can be fixed is shown, and mended when the answer is
  // yes. True when something is to be built again.
  bool offer(Terminal& terminal);

 private:
  std::string mend_hash(Job& job, const Diagnosis& diagnosis);
  // "m.toml:9:8: pytorch.2.10.0.hash is ..., Nix computed ..."; "" when there is nothing to mend in the
  // matrix file.
  std::string hash_change(const Job& job, const Diagnosis& diagnosis) const;
  // The same after all recipes were evaluated, which is when a tarball's hash shows: then they have to be
  // made again.
  std::string mend_evaluation();
  bool has_file() const;
  std::optional<HashRepair> find(const Job& job, const Diagnosis& diagnosis) const;
  std::optional<HashRepair> find_shared(const Job& job, const Diagnosis& diagnosis, const std::string& text,
                                        const MatrixSpec& spec) const;
  void write(const HashRepair& repair) const;

  const MatrixOption& matrix_;
  bool hashes_, rest_;
  RunOptions& run_;
  Jobs* jobs_ = nullptr;
};

}  // namespace lathe
