// SPDX-License-Identifier: MIT
// A machine, as far as it matters for which build runs there. Found by detect.h, read from a recording by
// host_json.h, or made up from product names by named_host.h. Absence means "not known";
// docs/formats/host.md says how each is written.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/finding.h"
#include "hardware/capability.h"
#include "hardware/catalog.h"

namespace lathe {

// A slice of a GPU in MIG mode: CUDA programs see it in place of the GPU.
struct MigSlice {
  std::string name = {};                     // "NVIDIA A100-SXM4-40GB MIG 3g.20gb"
  std::optional<std::uint64_t> memory = {};  // bytes
  std::string uuid = {};
};

struct HostGpu {
  std::string name = {};                      // as the driver says it; for people, nothing is decided by it
  std::optional<Capability> capability = {};  // nullopt: not known, so nothing can be said to run on it
  std::optional<int> pci_device = {};         // NVIDIA's device number: 0x2b85
  std::string pci_address = {};               // "0000:01:00.0"
  std::optional<std::uint64_t> memory = {};   // bytes; nullopt where it shares the machine's
  std::string uuid = {};
  bool mig = false;  // in MIG mode: only `slices` can be used
  std::vector<MigSlice> slices = {};
};

// The NVIDIA driver.
struct HostDriver {
  std::optional<Version> version = {};  // of the kernel module; nullopt: none is loaded
  std::optional<Version> cuda = {};     // newest CUDA that it serves
  bool libraries = true;                // libcuda.so.1 can be loaded: a container may see the GPU and lack it
  bool assumed = false;                 // a made-up machine: new enough for whatever is asked
};

struct HostCpu {
  Machine machine = Machine::x86_64;
  std::string name = {};                   // for people
  std::vector<std::string> features = {};  // usable ones, as /proc/cpuinfo spells them; sorted
  // the CPU has them, the kernel or hypervisor does not let programs use them
  std::vector<std::string> withheld = {};
  unsigned cores = 0;  // that this process may use; 0: not known

  bool has(std::string_view feature) const;
};

struct HostSystem {
  std::string name = {};                           // "Debian GNU/Linux 12 (bookworm)"
  std::string kernel = {};                         // "6.1.0-18-amd64"
  std::optional<Version> glibc = {};               // the system's own; nullopt: it has none (musl, NixOS)
  std::string container = {};                      // "docker", "podman", ...; "" for none
  std::optional<double> cpu_limit = {};            // cores, by cgroups
  std::optional<std::uint64_t> memory = {};        // bytes of RAM
  std::optional<std::uint64_t> memory_limit = {};  // bytes, by cgroups
  std::string nix = {}, flox = {};                 // path of the program; "" where there is none
};

struct HostInfo {
  std::string comment = {};
  bool elsewhere = false;  // recorded or made up: of its folders and programs nothing is known but `system`
  HostCpu cpu = {};
  std::vector<HostGpu> gpus = {};
  std::string gpu_source = {};  // "nvml", "pci", "device tree", "name", ""
  HostDriver driver = {};
  HostSystem system = {};
  Findings notes = {};  // what is odd about the machine, each with what mends it
};

// "GeForce RTX 5090 (12.0)", "GPU of unknown capability (10de:3340)".
std::string gpu_text(const HostGpu& gpu);

// Those that are known, each once, in the order of the GPUs.
std::vector<Capability> capabilities_of(const std::vector<HostGpu>& gpus);

// The ISAs of the catalogue whose every required feature the CPU has usable, from least to best.
std::vector<const Isa*> usable_isas(const HostCpu& cpu);

// The required features that the CPU lacks for this ISA; empty: it runs. {"aarch64"} for one of another
// machine.
std::vector<std::string> missing_features(const HostCpu& cpu, const Isa& isa);

// The newest CUDA release of the catalogue that this driver serves with PTX and all; nullopt: none.
std::optional<Version> cuda_of_driver(const Version& driver);

}  // namespace lathe
