// SPDX-License-Identifier: MIT
// From an audit to the edits that make the folder what the matrix wants. Pure but for reading the old
// contents.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "audit/audit.h"
#include "matrix/spec.h"

namespace lathe {

struct Edit {
  Verdict kind = Verdict::create;  // rewrite, rename, create, remove
  std::string file;                // what there is afterwards; of remove: what goes
  std::string from;                // rename: the name until now
  std::string reason;
  std::string old_content, new_content;  // "" where there is none
};

struct Plan {
  AuditSummary summary;
  std::vector<Edit> edits;  // deletions last
  // of them, those of files that recipes need beside them; the summary counts recipes only
  std::size_t beside = 0;
};

// Of a hundred thousand recipes the contents are 700 MB, and writing them is most of the time: left out
// where nobody looks.
enum class Contents { read, left_out };

Plan make_plan(const Audit& audit, const MatrixSpec& spec, Contents contents = Contents::read);

// The totals as somebody else counted them ("create=43"), held against the plan; a sentence for each that is
// off.
std::vector<std::string> compare_totals(const AuditSummary& summary,
                                        const std::vector<std::string>& expected);

}  // namespace lathe
