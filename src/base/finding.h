// SPDX-License-Identifier: MIT
// What an audit, a verify or a diagnosis found: data, one shape for all, so that there is one printer,
// one JSON shape (docs/formats/findings.md) and one exit rule. What the rules mean: cli/topics.h.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace lathe {

enum class Severity { error, warning, note };

std::string_view to_string(Severity severity);

// One of the things seen that make up a finding.
struct Evidence {
  Place where = {};
  std::string symbol = {};  // a function; "" for the file, or the line, as a whole
  std::string what = {};    // "12 of 444 containers have nothing for 9.0"; a line of a log
};

struct Finding {
  std::string rule = {};  // "gpu-targets": stable, in kebab case, explained by `torchlathe explain RULE`
  Severity severity = Severity::error;
  Place where = {};        // the first place; `evidence` has the others
  std::string what = {};   // one sentence, no full stop
  std::string cause = {};  // the likely one; or empty
  std::string fix = {};    // what mends it; or empty
  std::vector<Evidence> evidence = {};
};

class Findings {
 public:
  void add(Finding finding) { all_.push_back(std::move(finding)); }
  void add(const Findings& others) { all_.insert(all_.end(), others.all_.begin(), others.all_.end()); }

  bool empty() const { return all_.empty(); }
  std::size_t size() const { return all_.size(); }
  std::size_t count(Severity severity) const;
  auto begin() const { return all_.begin(); }
  auto end() const { return all_.end(); }
  const Finding& operator[](std::size_t index) const { return all_[index]; }
  std::vector<Finding>& items() { return all_; }

  // The exit rule: 1 when there is an error (or, when `strict`, a warning), else 0.
  int exit_code(bool strict = false) const;

 private:
  std::vector<Finding> all_;
};

}  // namespace lathe
