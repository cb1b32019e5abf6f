// SPDX-License-Identifier: MIT
// A CUDA compute capability: the one canonical value behind the many ways to spell it.
//
//   dialect      where it is used                                     9.0     9.0 specific   10.0 family
//   dotted       TORCH_CUDA_ARCH_LIST, nixpkgs gpuTargets, NVML       9.0     9.0a           10.0f
//   cmake        CMAKE_CUDA_ARCHITECTURES                             90      90a            100f
//   sm           torch.cuda.get_arch_list(), names, cubins            sm_90   sm_90a         sm_100f
//   compute      PTX                                                  compute_90 ...
//   name         variant and file names                               sm90    sm90a          sm100f
//
// Knows spelling only. Which capabilities exist is data (catalog.h); what runs where is compat.h.
#pragma once

#include <compare>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lathe {

struct Capability {
  int major = 0;
  int minor = 0;
  char suffix = 0;  // 0: portable; 'a': architecture-specific (sm_90a); 'f': family (sm_100f)

  // By major, minor, then suffix (none before a before f).
  auto operator<=>(const Capability&) const = default;

  Capability portable() const { return {major, minor, 0}; }
};

enum class Dialect { dotted, cmake, sm, compute, name };

std::string_view to_string(Dialect dialect);  // "dotted", ...
std::string spell(Capability capability, Dialect dialect);

// One architecture as written: a capability, the dialect that it was written in, and whether PTX was asked
// for beside the cubin ("9.0+PTX": only the dotted dialect can say so; what "compute_90" names is PTX alone,
// `ptx` stays false).
struct SpelledCapability {
  Capability capability;
  Dialect dialect = Dialect::dotted;
  bool ptx = false;

  bool operator==(const SpelledCapability&) const = default;
};

std::string spell(const SpelledCapability& spelled);  // in its own dialect, with "+PTX"

// Reads any dialect ("9.0", "9.0a+PTX", "90", "sm_90", "SM90", "compute_90", "sm90"); nullopt when it is
// none. A bare number is split before its last digit: "90" is 9.0, "120" is 12.0. Prefixes may be written in
// capitals; suffixes and +PTX are as nvcc and PyTorch take them.
std::optional<SpelledCapability> parse_capability(std::string_view text);

// Reads text that must be in one dialect. The Error names the dialect that was used instead and the right
// spelling: "sm_90" where "9.0" is needed, or says what comes nearest.
SpelledCapability parse_capability_as(std::string_view text, Dialect wanted);

}  // namespace lathe

template <>
struct std::hash<lathe::Capability> {
  std::size_t operator()(const lathe::Capability& c) const noexcept {
    return static_cast<std::size_t>((c.major << 16) ^ (c.minor << 8) ^ c.suffix);
  }
};
