// SPDX-License-Identifier: MIT
// Fills CpuCode from a PE file. It has no symbols: exports have names, the unwind table has all functions
// but leaves. What the loader calls is the entry and the callbacks of thread storage; initialisers of C++ are
// called by the C runtime through a table, by pointer, which is not followed.
#include "cpu/cpu_scan_pe.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "cpu/cpu_scan.h"
#include "formats/object_file.h"
#include "formats/pe.h"

namespace lathe::cpu {
namespace {

class PeFiller {
 public:
  PeFiller(const Pe& file) : pe_(file) {}

  std::optional<CpuCode> fill() {
    code_.machine = pe_.machine() == pe::x86_64 ? Machine::x86_64 : Machine::aarch64;
    code_.file = pe_.name();
    code_.stripped = true;
    pe_.for_each_section([&](const ObjectSection& section) { add_section(section); });
    if (code_.sections.empty()) return std::nullopt;
    add_functions();
    add_slots();
    add_entries();
    return std::move(code_);
  }

 private:
  void add_section(const ObjectSection& section) {
    if (section.use == SectionUse::code && section.size > 0) {
      code_.sections.push_back({.name = section.name,
                                .address = section.address,
                                .bytes = pe_.bytes().subspan(section.offset, section.size)});
    } else if (section.writable) {
      const PeSection& own = pe_.sections()[section.index.value];
      code_.variables.push_back({.address = own.address, .size = own.memory_size});
    }
  }

  bool is_code(std::uint64_t address) const {
    return std::ranges::any_of(code_.sections,
                               [&](const CodeSection& s) { return address - s.address < s.bytes.size(); });
  }

  void add_functions() {
    pe_.for_each_export([&](const PeExport& exported) {
      if (is_code(exported.address))
        code_.functions.push_back({.name = exported.name, .address = exported.address, .exported = true});
    });
    pe_.for_each_function([&](const PeFunction& function) {
      if (is_code(function.address))
        code_.frames.push_back({.address = function.address, .size = function.size});
    });
  }

  void add_slots() {
    pe_.for_each_import([&](const PeImport& import) {
      code_.slots.push_back({.address = import.slot, .import = import.name, .table = true});
    });
    pe_.for_each_pointer(0, ~std::uint64_t{0}, [&](const ObjectPointer& pointer) {
      if (is_code(*pointer.target))
        code_.slots.push_back({.address = pointer.place, .target = *pointer.target});
    });
  }

  void add_entries() {
    code_.constructors = pe_.thread_callbacks();
    if (pe_.entry() == 0) return;
    (pe_.is_library() ? code_.constructors : code_.entries).push_back(pe_.entry());
  }

  const Pe& pe_;
  CpuCode code_;
};

}  // namespace

std::optional<CpuCode> code_of_pe(const Pe& file) { return PeFiller(file).fill(); }

}  // namespace lathe::cpu
