// SPDX-License-Identifier: MIT
// A matrix on a real nixpkgs: does each recipe evaluate there, is its derivation what its variant promises,
// and is the tree what the tables say. The real Nix instantiates; nothing is built.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/finding.h"
#include "jobs/driver.h"
#include "conform/promise.h"
#include "conform/survey.h"
#include "conform/tree.h"
#include "diagnose/diagnose.h"
#include "matrix/spec.h"
#include "matrix/variant.h"
#include "os/process.h"

namespace lathe {

struct ConformedRecipe {
  std::string name;
  std::string state;           // "conforms", "differs", "fails", "skipped"
  std::string reason;          // of fails and skipped
  std::string derivation;      // .drv; "" where there is none
  std::vector<Diagnosis> why;  // of fails
  std::optional<SeenRecipe> seen;
  Findings findings;
};

struct Conformity {
  NixpkgsTree tree;
  Survey survey;
  std::string compared_with = {};  // "the pin 6a030d5...", "2026-09, the newest known"
  bool known_pin = false;
  std::string nearest = {};  // the row of nixpkgs.toml with the fewest differences
  std::vector<FactDifference> differences = {};
  std::vector<ConformedRecipe> recipes = {};
  Findings findings = {};  // all, of facts and recipes
};

struct ConformOptions {
  NixpkgsTree tree;
  std::string rev;  // instead of what the tree says
  std::string torchlathe, cuda_toolkit;
  std::vector<std::string> settings;
  std::size_t at_once = 4;  // recipes that one Nix evaluates: each takes some hundred MB of a real nixpkgs
  RunProcess run = run_process;
  std::function<void(std::size_t done, std::size_t all)> progress = {};
};

Conformity conform(const MatrixSpec& spec, const std::vector<Variant>& wanted, const ConformOptions& options);

std::string conformity_json(const Conformity& conformity, const std::string& matrix);

}  // namespace lathe
