// SPDX-License-Identifier: MIT
// The hardware tables: which GPUs, capabilities, CUDA toolkits, instruction sets and CPUs exist, and which
// exist together.
// Written in data/*.toml, compiled in; every row carries its source and how sure its main fact is (a column
// that is less sure is named in the source). Rules read these tables: no architecture is named in code.
// Adding a GPU is one row. Does not know what the rows mean for a build or a machine: compat.h.
#pragma once

#include <compare>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/embedded.h"
#include "hardware/capability.h"

namespace lathe {

enum class Confidence {
  measured,  // run with the tool or on the device itself
  source,    // read in the primary source
  derived,   // follows from sources, not run
  known,     // general knowledge
};
std::string_view to_string(Confidence confidence);

struct Provenance {
  std::string source;
  Confidence confidence = Confidence::known;
};

// A CUDA toolkit's version ("13.0") or a driver's ("580.65.06", or a whole branch: "580").
struct Version {
  std::vector<int> parts;
  auto operator<=>(const Version&) const = default;
  std::string text() const;  // the parts behind a driver's branch have two digits
  static std::optional<Version> parse(std::string_view text);
};

enum class Machine { x86_64, aarch64 };
std::string_view to_string(Machine machine);  // "x86_64", "aarch64"
std::string system_of(Machine machine);       // Nix's name: "x86_64-linux", "aarch64-linux"

struct CapabilityRow {
  // portable; the suffixed ones are in `specific_since` and `family_since`
  Capability capability;
  std::string name;                       // "Hopper", "Blackwell"
  std::string group;                      // products in short: "H100, H200"; for descriptions
  bool tegra = false;                     // code runs on exactly this capability only, in both directions
  Version first_cuda;                     // first toolkit that compiles for it
  std::optional<Version> last_cuda;       // last one, if it was dropped
  std::optional<Version> specific_since;  // first toolkit with `a`, if any
  std::optional<Version> family_since;    // first toolkit with `f`, if any
  std::optional<Capability> now_called;   // the same devices under a later toolkit
  Version first_driver;                   // first Linux driver branch that knows it
  bool cudnn = true;                      // today's cuDNN still serves it
  Provenance provenance;
};

struct Gpu {
  std::string name;                  // as NVIDIA's driver says it, without the vendor: "GeForce RTX 5090"
  std::vector<std::string> aliases;  // "RTX 5090"
  Capability capability;
  std::string segment;  // "data-centre", "workstation", "desktop", "laptop", "embedded"
  // names of HostClass rows: which processors sit beside it in machines that exist
  std::vector<std::string> hosts;
  Provenance provenance;
};

// A GPU chip, by which a GPU is recognised where NVML cannot be asked.
struct Chip {
  std::string name;  // "GB202"
  Capability capability;
  std::string device_tree;  // word in the device tree's "compatible"; "" for chips on the PCI bus
  std::vector<int> ids;     // first and last PCI device number of each range, in turn
  Provenance provenance;
};

// A kind of host processor found beside GPUs: "PCIe host", "Grace", "Zen 2 server".
struct HostClass {
  std::string name;
  Machine machine = Machine::x86_64;
  std::vector<std::string> cpus;  // names of Cpu rows found there
  std::vector<std::string>
      best_isas;     // what best_isas() gives for each of the CPUs, together; in the order of the ISAs
  std::string text;  // "x86 desktops and workstations with a PCIe slot"
  Provenance provenance;
};

struct Isa {
  std::string name;  // "avx512bf16", "armv8_2"
  Machine machine = Machine::x86_64;
  // a higher one is better on a CPU that runs both; equals each have their own use
  int level = 0;
  std::string title;                 // "AVX-512 with BF16"
  std::string suits;                 // "bf16", "int8": what it is for, where sets share a level; or ""
  std::vector<std::string> flags;    // for gcc and clang, exactly
  std::vector<std::string> cpuinfo;  // names in /proc/cpuinfo that a CPU must show
  std::vector<std::string> hwcaps;   // names of HWCAP/HWCAP2 bits (Arm), in addition
  // extensions that the flags turn on beyond x86-64 or Armv8.0, all of them, by
  std::vector<std::string> features;
  // the names of the compilers' options: "avx512f", "sse4.1", "lse", "sve2"
  // ISAs whose builds run on every CPU that offers this one (transitively closed)
  std::vector<std::string> includes;
  std::string pytorch_note;          // what PyTorch must leave out on it, as a sentence; or empty
  std::vector<std::string> without;  // PyTorch's USE_* switches to turn off
  Provenance provenance;
};

struct Cpu {
  std::string name;  // "Zen 4", "Grace (Neoverse V2)"
  Machine machine = Machine::x86_64;
  std::vector<std::string> aliases;  // "Core i9-14900K", "Graviton4", "EPYC 9004"
  std::vector<std::string> isas;     // every catalogue ISA that it can run
  Provenance provenance;
};

struct Toolkit {
  Version version;
  Version paired_driver;    // the driver shipped with it: needed for PTX
  Version minimum_driver;   // by minor-version compatibility
  std::string nixpkgs_set;  // "cudaPackages_13_0"
  std::string scikit_name;  // "cuda13_0", in names
  Provenance provenance;
};

// A nixpkgs revision whose content is known: what it ships decides which overlays a recipe needs.
struct Pin {
  std::string rev;                     // 40 hex digits
  std::optional<std::string> sha256;   // of the unpacked tarball, SRI or base32
  std::string torch;                   // its torch version, "" where nobody noted it
  std::string cuda;                    // its default CUDA: "12.9"; "" as above
  std::vector<std::string> cuda_sets;  // "12.8", "13.0": sets known to be there
  bool magma_cuda13 = false;           // its MAGMA already has the CUDA 13 clockRate fix
  bool pytorch_alias = false;          // python3Packages.pytorch still evaluates
  Provenance provenance;
};

// What PyTorch's own build refuses, whatever nvcc could do.
struct PytorchRelease {
  std::string release;  // "2.8": major and minor
  // of capabilities, that its select_compute_arch.cmake takes: "", "a", "af"
  std::string suffixes;
  std::optional<Version> last_cuda;  // the last that it builds with; nullopt: none is known to be too new
  Provenance provenance;
};

// A folder of PyTorch's own wheel index.
struct WheelIndex {
  std::string name;   // "cu130"
  std::string index;  // its address, for pip's --index-url
  Machine machine = Machine::x86_64;
  std::optional<Version> cuda;        // nullopt: a CPU build
  std::vector<Capability> gpus = {};  // that its wheel has machine code for
  Version glibc;                      // the lowest
  Provenance provenance;
};

class Catalog {
 public:
  std::vector<CapabilityRow> capabilities;  // ascending
  std::vector<Gpu> gpus;
  std::vector<Chip> chips;
  std::vector<HostClass> hosts;
  std::vector<Isa> isas;  // per machine from least to best
  std::vector<Cpu> cpus;
  std::vector<Toolkit> toolkits;  // ascending
  std::vector<Pin> pins;
  std::vector<PytorchRelease> pytorch;  // ascending
  std::vector<WheelIndex> wheels;       // the best first

  // nullptr where there is none. Names compare without regard to letter case; aliases count, and for a GPU
  // the vendor's name may stand in front.
  const CapabilityRow* find(Capability capability) const;  // the row of its portable form
  const Gpu* find_gpu(std::string_view name) const;
  const Chip* find_chip(int pci_device) const;
  const HostClass* find_host(std::string_view name) const;
  const Isa* find_isa(std::string_view name) const;
  const Cpu* find_cpu(std::string_view name) const;
  const Toolkit* find_toolkit(const Version& version) const;
  const Pin* find_pin(std::string_view rev) const;
  // of "2.10.0", "2.11.0a0+git0123456": its row 2.10, 2.11
  const PytorchRelease* find_pytorch(std::string_view version) const;

  // The ISAs of the highest level that this CPU runs; several where each has its own use.
  std::vector<const Isa*> best_isas(const Cpu& cpu) const;

  std::vector<std::string> isa_names() const;
};

// The tables that are compiled in, unpacked once. Thread-safe. A mistake in them stops the build.
const Catalog& catalog();

// Reads the tables out of these files. An Error with file, line and column on an unknown or missing key, a
// value of another type, or a name that no row has.
Catalog read_catalog(std::span<const EmbeddedFile> files);

}  // namespace lathe
