// SPDX-License-Identifier: MIT
// GPUs by the names that nvidia-smi, NVML, WMI, lspci, vGPU and people give them (data/gpu_names.toml,
// gpus.toml).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "hardware/capability.h"
#include "hardware/catalog.h"

namespace lathe {

struct GpuReading {
  const Gpu* gpu = nullptr;  // nullptr: known by its capability, chip or number on the bus alone
  Capability capability = {};
  std::string name = {};     // for people: the catalogue's, or what was written
  std::string derived = {};  // "a slice of H100"; "" where the tables have the name itself
};

// An Error for a name that is none (with a guess), that several GPUs of unlike capability have, or that is
// not NVIDIA's.
GpuReading read_gpu_name(std::string_view text);

// The same; nullopt for a name that is none, without looking for a guess.
std::optional<GpuReading> find_gpu_name(std::string_view text);

}  // namespace lathe
