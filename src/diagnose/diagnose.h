// SPDX-License-Identifier: MIT
// Why did this build fail, and what mends it? Reads a log of any length in constant memory, as it comes.
// Knows logs only: not the recipe or matrix that made them, and nothing of the machine. What was built is
// told, or unknown.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/finding.h"
#include "base/json.h"
#include "diagnose/pattern.h"

namespace lathe {

// A finding of a log. Its evidence are lines of it, printable, without escape codes, at most 400 bytes of
// each; it is `where` the first of them is.
struct Diagnosis {
  Finding finding;
  std::string source;       // of what is claimed
  Captures details;         // what the log names: "arch", "got", "specified", "subject", ...
  std::uint64_t count = 1;  // how often it was seen
  // The same for every build on this machine that fails of the same cause; "": other builds do not have it.
  std::string shared = {};
};

// What the log is of: a state that one build is in by right is why another is wrong. Texts of rules may name
// all but the kind.
struct BuildTold {
  enum class Kind { unknown, cpu, gpu };
  Kind kind = Kind::unknown;
  std::string gpus = {};  // "9.0", "8.6 and 8.9"; "" for CPU builds
  std::string cuda = {};  // "13.0"; "" for CPU builds
  std::string isa = {};   // "avx512"
};

class Diagnoser {
 public:
  explicit Diagnoser(std::string log_name = "");
  Diagnoser(Diagnoser&&) noexcept;
  ~Diagnoser();

  void feed(std::string_view bytes);
  // The root cause first. Consequences are left out when a cause is known, unless `all`.
  std::vector<Diagnosis> finish(bool all = false, const BuildTold& build = {});
  // The derivations of which the log says that Nix builds them, or that they failed, without hash and
  // ".drv": the first few. Ends the log, as `finish` does: nothing is fed after it.
  const std::vector<std::string>& derivations();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::vector<Diagnosis> diagnose(std::string_view log, std::string log_name = "", const BuildTold& build = {});

// What is known of a kind of failure without a log of one: names that a log would fill in stand in capitals.
struct KnownFailure {
  std::string name;
  Severity severity;
  std::string what, cause, fix, source;
  std::string literals;  // what tools print when it happens, one after the other
};
std::vector<KnownFailure> known_failures();

// Does this finding say why, or does it only repeat a line that no rule knows?
bool is_understood(const Diagnosis& diagnosis);

// A finding with "count", "details" and "source" after the common members.
void write_diagnosis(JsonWriter& json, const Diagnosis& diagnosis);
std::string diagnosis_json(const std::vector<Diagnosis>& diagnoses);

}  // namespace lathe
