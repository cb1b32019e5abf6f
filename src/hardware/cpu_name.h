// SPDX-License-Identifier: MIT
// CPUs by the names that /proc/cpuinfo, lscpu, hypervisors, compilers and people give them. A product that
// cpus.toml lacks is known by its number, where the number says the generation (data/cpu_names.toml).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "hardware/catalog.h"

namespace lathe {

struct CpuReading {
  const Cpu* cpu = nullptr;  // one of these two
  const Isa* isa = nullptr;
  std::string derived = {};  // "by its number one of EPYC 7003"; "" where the tables have the name itself
  std::string unread = {};   // words behind the product's number that say nothing here
};

// An Error for a name that is none (with a guess), that says nothing ("Intel(R) Xeon(R) CPU @ 2.20GHz"), or
// that says two things.
CpuReading read_cpu_name(std::string_view text);

// The same; nullopt for a name that is none, without looking for a guess.
std::optional<CpuReading> find_cpu_name(std::string_view text);

}  // namespace lathe
