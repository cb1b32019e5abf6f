// SPDX-License-Identifier: MIT
// Reads 64-bit PE files for x86-64 and ARM64: DLLs, Python's .pyd, programs. Headers and directories at once;
// exports, imports, functions and relocations on demand. Every table is bounded by the bytes that are there.
// Damage that leaves something to read becomes a Finding (findings()); damage that does not is an Error. It
// does not know what the sections mean: that is device/ and cpu/. No PE32, no COFF objects (.obj), no managed
// code. Addresses are virtual ones of the preferred base; the format's own RVAs stay inside of this class.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/finding.h"
#include "formats/object_file.h"

namespace lathe {

namespace pe {
enum Machine : std::uint16_t { x86_64 = 0x8664, aarch64 = 0xaa64 };
enum Directory : std::size_t {
  exports = 0,
  imports = 1,
  functions = 3,
  certificates = 4,  // its "address" is a file offset
  relocations = 5,
  debug = 6,
  thread_storage = 9,
  delayed_imports = 13,
};
}  // namespace pe

struct PeSection {
  std::string_view name;  // up to eight letters, into the file
  std::uint64_t address = 0;
  std::uint64_t memory_size = 0;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;   // in the file, without the padding behind what is loaded
  std::uint32_t flags = 0;  // IMAGE_SCN_*
};

// A function of the unwind table (.pdata).
struct PeFunction {
  std::uint64_t address = 0;
  std::uint64_t size = 0;
};

// What the loader binds: the slot holds the address of another file's function.
struct PeImport {
  std::string_view library;  // "KERNEL32.dll"
  std::string_view name;     // "" when it is imported by number
  std::uint64_t slot = 0;    // address of its 8 bytes
};

struct PeExport {
  std::string_view name;
  std::uint64_t address = 0;
};

class Pe final : public ObjectFile {
 public:
  // Starts with "MZ", and a PE32+ header for a known machine lies within `start`?
  static bool looks_like(ByteSpan start);
  // `name` is for messages. `file` must outlive the result.
  static Pe parse(ByteSpan file, std::string name);

  std::uint16_t machine() const { return machine_; }          // pe::Machine
  bool is_library() const { return library_; }                // a DLL, of any suffix
  std::uint64_t entry() const { return entry_; }              // of a DLL: called when it is loaded; 0: none
  std::uint64_t checksum_at() const { return checksum_at_; }  // file offset of 4 bytes
  bool is_signed() const;                                     // holds Authenticode's certificates
  const std::vector<PeSection>& sections() const { return sections_; }

  // Functions exported by name that lie in this file; those passed on to other files are left out.
  void for_each_export(const std::function<void(const PeExport&)>& visit) const;
  // Delayed ones too.
  void for_each_import(const std::function<void(const PeImport&)>& visit) const;
  // Parts of a function that its compiler set apart count as functions.
  void for_each_function(const std::function<void(const PeFunction&)>& visit) const;
  // Called by the loader before the entry.
  std::vector<std::uint64_t> thread_callbacks() const;

  ByteSpan bytes() const override { return file_; }
  const std::string& name() const override { return name_; }
  const Findings& findings() const override { return findings_; }
  bool is_linked() const override { return true; }
  std::string kind_words() const override { return library_ ? "DLL" : "Windows program"; }
  std::string machine_words() const override { return machine_ == pe::x86_64 ? "x86_64" : "aarch64"; }
  std::string_view soname() const override;  // as its exports call it
  std::string build_id() const override;     // of its symbol file, as symbol servers spell it
  ByteSpan exported_names() const override;
  bool has_sections() const override { return true; }
  void for_each_section(const VisitSection& visit) const override;
  void for_each_loaded_part(const VisitSection& visit) const override { for_each_section(visit); }
  std::vector<ObjectRange> own_ranges() const override;
  std::optional<std::uint64_t> offset_of(std::uint64_t address) const override;
  std::optional<std::uint64_t> address_of(std::uint64_t offset) const override;
  ByteSpan from_address(std::uint64_t address) const override;
  void for_each_pointer(std::uint64_t begin, std::uint64_t end, const VisitPointer& visit) const override;
  // The sections of a linked file have none of their own.
  void for_each_pointer_in(const ObjectSection&, const VisitPointer&) const override {}

 private:
  friend class PeParser;
  struct Table {
    std::uint64_t address = 0, size = 0;
  };
  struct ImportTable {
    std::uint64_t names = 0, slots = 0;
    std::string_view library;
  };

  Pe(ByteSpan file, std::string name) : file_(file), name_(std::move(name)) {}
  Table directory(pe::Directory index) const;
  ByteSpan directory_bytes(pe::Directory index) const;
  std::optional<std::uint32_t> word_at(std::uint64_t address) const;
  std::string_view text_at(std::uint64_t address) const;  // "" when there is none
  std::uint64_t address_of_rva(std::uint32_t rva) const { return base_ + rva; }
  void for_each_block(std::uint64_t begin, std::uint64_t end, const VisitPointer& visit) const;
  void visit_slots(const ImportTable& table, std::size_t& left,
                   const std::function<void(const PeImport&)>& visit) const;

  ByteSpan file_;
  std::string name_;
  std::uint16_t machine_ = 0;
  bool library_ = false;
  std::uint64_t base_ = 0;
  std::uint64_t entry_ = 0;
  std::uint64_t checksum_at_ = 0;
  std::uint64_t headers_size_ = 0;
  std::array<Table, 16> directories_{};
  std::vector<PeSection> sections_;      // as the file has them
  std::vector<std::size_t> by_address_;  // of those with bytes in the file
  Findings findings_;
};

}  // namespace lathe
