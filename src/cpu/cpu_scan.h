// SPDX-License-Identifier: MIT
// Would this file's machine code fault on a lesser processor? Counts every instruction beyond the baseline
// by its extension and says of each function that holds some how it is reached. Claims a need only where
// that is shown: by code that runs at every load, or by the whole file being compiled for it. What calls
// lead to and nothing shows is `unknown`: no control flow inside functions is read, so whether a branch asks
// the processor cannot be told. Believes function names only as far as data/dispatch.toml says.
// docs/formats/isa-scan.md has the rules and their limits.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/finding.h"
#include "cpu/isa/isa.h"

namespace lathe {

class ObjectFile;

// --- what goes in: filled by cpu_code_of(), or by hand in tests
// ------------------------------------------------------------

struct CodeSection {
  std::string_view name = {};
  std::uint64_t address = 0;
  ByteSpan bytes = {};
};

struct CodeSymbol {
  std::string_view name = {};
  std::string_view source = {};  // of a local function: the source file it came from; "" when not told
  std::uint64_t address = 0;
  std::uint64_t size = 0;  // 0: not known
  bool weak = false;
  bool exported = false;  // other files can call it
  bool resolver = false;  // of an IFUNC
};

struct CodeRange {
  std::uint64_t address = 0;
  std::uint64_t size = 0;
};

// Eight bytes that the loader fills: with an address in this file, or with what another file has under a
// name.
struct CodeSlot {
  std::uint64_t address = 0;
  std::uint64_t target = 0;      // 0: elsewhere
  std::string_view import = {};  // the name, for a slot of the global offset table
  bool table = false;            // of the global offset table: only code that loads from it uses it
};

struct CpuCode {
  Machine machine = Machine::x86_64;
  std::string_view file = {};              // its path; says whether a package picks it by the processor
  std::vector<CodeSection> sections = {};  // executable ones
  std::vector<CodeSymbol> functions = {};
  std::vector<CodeRange> frames = {};            // functions according to .eh_frame
  std::vector<CodeRange> guard_variables = {};   // named in data/dispatch.toml
  std::vector<CodeRange> variables = {};         // writable memory
  std::vector<std::uint64_t> constructors = {};  // called when the file is loaded
  std::vector<std::uint64_t> resolvers = {};     // the same, of IFUNCs
  std::vector<std::uint64_t> entries = {};       // where a program starts
  std::vector<CodeSlot> slots = {};
  bool stripped = false;  // no full symbol table
};

// nullopt: not code for x86-64 or AArch64, or none at all. The result holds names and bytes of the file,
// which must stay. Damage that leaves something to scan is added to `findings`. Of formats other than ELF the
// code alone: neither names nor what is called at load are known there.
std::optional<CpuCode> cpu_code_of(const ObjectFile& object, Findings& findings);

// --- what comes out
// --------------------------------------------------------------------------------------------------------

// How a function that needs more than the baseline is reached.
enum class CpuReach : std::uint8_t {
  at_load,     // runs when the file is loaded, or is called from there in a file compiled for it
  unguarded,   // from an exported function through direct calls, in a file compiled for it
  leaked,      // like that, and it is a weak copy of a template or inline function
  by_pointer,  // only through a pointer (a table, a virtual function): counts in a file compiled for it
  // calls lead there, nothing on the way is seen to ask the processor, and the file is not compiled for it
  unknown,
  // picked at run time: by its name, because it asks the processor itself, or reached only from such
  dispatched,
  doubtful,  // among bytes that are not all instructions: may be data
};
inline constexpr std::size_t cpu_reach_count = 7;
constexpr std::size_t index_of(CpuReach reach) { return static_cast<std::size_t>(reach); }
std::string_view to_string(CpuReach reach);  // "at load", "unguarded", ...

struct CpuFunction {
  std::string name = {};  // mangled as in the file; or "0x1234" when it has none
  std::uint64_t address = 0;
  CpuReach reach = CpuReach::unguarded;
  ExtensionSet needs = {};
  std::size_t instructions = 0;  // beyond the baseline
  std::uint64_t first = 0;       // address of the first of them
  std::string why = {};          // "called by A, called by B (constructor)", "PyTorch, AVX2 kernels", ...
};

using ExtensionCounts = std::array<std::size_t, extension_count>;

struct CpuScan {
  Machine machine = Machine::x86_64;
  std::uint64_t code_bytes = 0;
  std::size_t functions = 0;  // found in the file
  std::size_t instructions = 0;
  ExtensionCounts extensions = {};  // instructions by extension, all of them
  std::array<ExtensionCounts, cpu_reach_count> by_reach = {};
  std::array<std::size_t, cpu_reach_count> functions_by_reach = {};

  // Per reach the functions that need most, up to CpuScanOptions::keep of each; from most to least.
  std::vector<CpuFunction> kept = {};

  // Of functions with vector code that belong to no dispatch rule, a sample: encoded for AVX, or not.
  std::size_t sampled_avx = 0, sampled_sse = 0;
  ExtensionSet built_for = {};  // what the file was compiled for throughout

  // The verdict. `least_isa` is the name of an ISA of the catalogue, or of a step below those ("x86-64",
  // "x86-64-v2", "armv8-a"); "" when no ISA of the catalogue is enough. Nothing less runs the file; whether
  // that is enough is open while `undecided` has any.
  std::string least_isa = {};
  ExtensionSet required = {};  // shown to be needed
  ExtensionSet besides = {};   // of those: in no ISA of the catalogue
  // some functions reached by pointers count: the file was compiled for what they need
  bool pointers_decide = false;
  ExtensionSet undecided = {};  // by functions of unknown reach, beyond least_isa and `besides`
  bool picked_by_name = false;  // the file is one of several, which its package loads by the processor
  bool stripped = false;        // no full symbol table
  std::string reason = {};      // how the verdict was reached, one or two sentences

  std::vector<const CpuFunction*> of(CpuReach reach) const;
};

struct CpuScanOptions {
  unsigned threads = 0;   // 0: all usable cores
  std::size_t keep = 20;  // functions of each reach
};

// Does not depend on the number of threads.
CpuScan scan_cpu(const CpuCode& code, const CpuScanOptions& options = {});

// Do functions that are reached like this count for the verdict?
bool counts_for_verdict(const CpuScan& scan, CpuReach reach);

// "x86-64-v2", "avx2 and pku", "x86-64; unknown: avx512 and vpclmulqdq"
std::string least_cpu_text(const CpuScan& scan);

// Fills least_isa, besides and reason from the rest.
void conclude(CpuScan& scan);

// The objects of a static archive, each compiled for itself: what fewer than half of those with vectors need
// becomes undecided, since kernels for several processors are made so.
void settle_objects(std::span<CpuScan* const> objects);

// Both together, of the same machine: members of an archive, files of a package.
void add_scan(CpuScan& sum, const CpuScan& more);

}  // namespace lathe
