// SPDX-License-Identifier: MIT
// What commands that carve ask for in the same words: GPUs, packing, a driver.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "carve/carve.h"
#include "carve/plan/plan.h"
#include "cli/options/options.h"

namespace lathe {

class Terminal;

struct CarvingOptions {
  std::string gpu = {};  // "": none was named
  std::string compress = "keep";
  std::string driver = {};
  std::string embedded = "known";
  bool include_vendor = false;
  CarveOptions carve = {};  // its flags; carve_options() adds what the words above mean
};

void declare_gpus(OptionSet& set, CarvingOptions& options);
// Which code stays, and how it is stored.
void declare_carving(OptionSet& set, CarvingOptions& options);
// Error on words that mean nothing, or not together. Without --gpu there are no targets.
CarveOptions carve_options(const CarvingOptions& options);
// For a side file: how to carve the original again, for one GPU more.
std::map<std::string, std::string> told_again(const CarvingOptions& options, const CarveOptions& how);

// Of --gpu: "9.0,RTX 5090", "native". Error on anything else.
std::vector<CarveTarget> carve_targets(const std::string& gpu);
// Of --compress and --driver, as they are written; "" of a driver: none. "native" is this machine's. Error
// when they do not go together.
void set_packing(const std::string& compress, const std::string& driver, CarveOptions& options);
// Of --embedded: known, all, keep; "" is known.
void set_embedded(const std::string& embedded, CarveOptions& options);
// Error unless it is said once where the result goes. A dry run need not know.
void check_destination(bool in_place, const std::string& output, bool dry_run);
// A note for each GPU that the catalogue does not have: tomorrow's is carved for by the driver's rules as any
// other, and a slip of the finger looks the same.
void say_what_is_unknown(const std::vector<CarveTarget>& targets, Terminal& terminal);
void say_whose_licence(Terminal& terminal);  // with --include-vendor
// "25% less"; a record, or stored members that were deflated, can make the new one larger.
std::string change_text(std::uint64_t before, std::uint64_t after);

}  // namespace lathe
