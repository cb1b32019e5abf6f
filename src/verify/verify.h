// SPDX-License-Identifier: MIT
// Does a finished build keep the promise of its name? A name promises GPUs, a CUDA release and an
// instruction set; the inspection says what the files hold. Believes bytes alone. Where the causes come
// from: docs/commands/verify.md.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/finding.h"
#include "inspect/inspect.h"
#include "matrix/variant.h"

namespace lathe {

struct BuildPromise {
  std::string name = {};
  std::optional<Version> cuda = {};   // nullopt: CPU only
  std::vector<Capability> gpus = {};  // with their suffixes; empty for CPU only
  const Isa* isa = nullptr;           // of the catalogue; never null
  bool ptx = false;                   // PTX for later GPUs was asked for
  // compiled without flags of `isa`: it runs there, and uses nothing of it
  bool for_every_cpu = false;
  std::string package = "pytorch";  // a companion's GPUs must be exactly those of its PyTorch
};

BuildPromise promise_of(const Variant& variant);
// What the name alone says; an Error when it names no instruction set of the catalogue.
BuildPromise promise_of(const VariantName& name);

struct Evidence {
  std::string file = {};
  std::string symbol = {};  // a function, or "" for the file as a whole
  std::string what = {};    // "12 of 444 containers have nothing for 9.0"
};

// One way in which the promise is broken, or not worth as much as it sounds.
struct Breach {
  std::string rule = {};  // "cpu-only", "gpu-missing", ...: stable
  Severity severity = Severity::error;
  std::string what = {};  // one sentence, no full stop
  std::vector<Evidence> evidence = {};
  std::string cause = {};  // the likely one
  std::string fix = {};
};

struct Verification {
  BuildPromise promise = {};
  std::vector<Breach> breaches = {};  // errors first
  bool cpu_scanned = false;           // false: nothing was said about instruction sets

  std::size_t count(Severity severity) const;
  bool kept() const { return count(Severity::error) == 0; }
};

// `inspection` with InspectOptions::cpu for the instruction sets; without it they are not judged.
Verification verify(const BuildPromise& promise, const Inspection& inspection);

}  // namespace lathe
