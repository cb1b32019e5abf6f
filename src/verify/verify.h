// SPDX-License-Identifier: MIT
// Does a finished build keep the promise of its name? A name promises GPUs, a CUDA release and an
// instruction set; the inspection says what the files hold. Believes bytes alone. Where the causes come
// from: docs/commands/verify.md.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/finding.h"
#include "device/driver_need.h"
#include "hardware/capability.h"
#include "hardware/catalog.h"
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
  std::string package = "pytorch";     // a companion's GPUs must be exactly those of its PyTorch
  std::optional<Version> driver = {};  // the oldest one that it must run with; nullopt: any
};

BuildPromise promise_of(const Variant& variant);
// What the name alone says; an Error when it names no instruction set of the catalogue.
BuildPromise promise_of(const VariantName& name);

struct Verification {
  BuildPromise promise = {};
  // In what the promise is broken, or not worth as much as it sounds: errors first. The files and functions
  // are evidence.
  Findings findings = {};
  std::optional<DriverNeed> least_driver = {};  // that its device code asks for
  bool cpu_scanned = false;                     // false: nothing was said about instruction sets

  bool kept() const { return findings.count(Severity::error) == 0; }
};

// What to do about code for GPUs that nobody asked for, as whoever would do it says (carve/trial.h). Without
// it the build is to be made again.
using DropAdvice = std::function<std::string(const BuildPromise& promise)>;

// `inspection` with InspectOptions::cpu for the instruction sets; without it they are not judged.
Verification verify(const BuildPromise& promise, const Inspection& inspection, const DropAdvice& advice = {});

}  // namespace lathe
