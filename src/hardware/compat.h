// SPDX-License-Identifier: MIT
// What may run where: the CUDA driver's rules for device code, the toolkits' ranges, and which CPU code runs
// on which CPU. Pure functions over catalog.h. The driver's rules were measured (docs/formats/fatbin.md);
// `inspect`, `carve`, `verify` and `select` all ask here.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "hardware/capability.h"
#include "hardware/catalog.h"

namespace lathe {

enum class CodeKind { cubin, ptx };

// One piece of device code in a fat binary.
struct DeviceCode {
  Capability capability;  // with its suffix
  CodeKind kind = CodeKind::cubin;
  bool operator==(const DeviceCode&) const = default;
};

// Can the driver use `code` on a device of (portable) capability `device`?
//   cubin      same major, minor not above the device's; Tegra parts: exactly equal, both ways
//   cubin, a   exactly that capability
//   cubin, f   as a cubin without suffix
//   PTX        capability not above the device's (a: exactly; f: same major), Tegra or not
// A capability that the catalogue does not have is taken for a desktop part.
bool runs_on(const DeviceCode& code, Capability device);

// The index of the code that the driver picks out of one container for `device`: exact architecture-specific
// cubin, exact cubin, family cubin, highest lower minor of the same major, highest PTX; nullopt: no kernel
// image. Of several equal ones the first.
std::optional<std::size_t> pick(std::span<const DeviceCode> codes, Capability device);

// Can this toolkit compile for this capability (suffix included)? The sentence says why not; "" means it
// can. Only the toolkit's major and minor count: 12.9.1 is 12.9.
std::string why_not_compilable(Capability capability, const Version& toolkit);

// Does PyTorch's own build take this capability and this toolkit? The sentence says why not; "" means it
// does, or that nobody knows of a refusal. `suffixes` is what the very tree takes where that is known (it
// was read, or is patched), else the catalogue's row of the release speaks.
std::string why_pytorch_refuses(Capability capability, const Version& toolkit, std::string_view pytorch,
                                const std::optional<std::string>& suffixes = std::nullopt);

// Lowest Linux driver for code of this capability made by this toolkit; `ptx`: PTX must be compiled by the
// driver, which needs the toolkit's own paired driver. An Error when the catalogue has no such toolkit; for
// a capability that it does not have, what the toolkit alone asks.
Version minimum_driver(Capability capability, const Version& toolkit, bool ptx);

// Does code built for ISA `built` run on every CPU that offers ISA `offered`?
bool isa_runs_on(const Isa& built, const Isa& offered);

enum class PairStatus { valid, redundant, impossible };
std::string_view to_string(PairStatus status);

struct PairVerdict {
  PairStatus status = PairStatus::valid;
  std::string reason;  // one sentence, always given
};

// Does a machine exist in which this GPU capability and this ISA meet, and is there a point in it?
//   impossible  no machine has both: an x86 ISA with a GPU soldered to an Arm chip, or an ISA above what
//               its hosts offer
//   redundant   it runs, but no such machine stops at this ISA: every host that runs it has a better one
//   valid       on some machine with this GPU it is the best ISA, or one of the best; the reason names
//               machines
// Walks the tables (some microseconds): ask once for each pair, not for each variant.
PairVerdict judge_pair(Capability capability, const Isa& isa);

}  // namespace lathe
