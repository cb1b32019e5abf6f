// SPDX-License-Identifier: MIT
// The door for formats of object files: programs, libraries, and the objects they are linked from, as far as
// those need them who ask for sections and for addresses. A format is one row in object_file.cpp and its own
// file; ELF (elf.h) is the first, PE (pe.h) the second. Asked for a section or a pointer, never for
// a byte. What one format alone has (ELF's segments, symbols, notes) is asked of its own class.
//
// Refers to the file's bytes, which must outlive it; texts point into them. Nothing changes after it was
// opened: any thread may ask. Offsets are from the start of the file, sizes in bytes, addresses virtual. None
// throws unless it says so.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/finding.h"
#include "base/index.h"

namespace lathe {

using SectionIndex = Index<struct SectionTag>;

enum class SectionUse : std::uint8_t {
  code,
  unwind,     // exception tables
  constants,  // read-only data
  data,       // what the program changes
  linking,    // what the loader needs
  symbols,    // what only debuggers need
  debug,
  rest,
};

struct ObjectSection {
  SectionIndex index = {};  // of the section's header
  std::string_view name;    // as the format keeps it: PE cuts names to eight letters
  std::uint64_t offset = 0;
  std::uint64_t size = 0;     // in the file; 0: it has no bytes there. It may claim more than there is
  std::uint64_t address = 0;  // 0 in an object that is not linked
  SectionUse use = SectionUse::rest;
  bool loaded = false;
  bool writable = false;
};

// Eight bytes that the loader, or of an object the linker, fills with an address.
struct ObjectPointer {
  std::uint64_t place = 0;                   // their address; in an object their offset
  std::optional<std::uint64_t> target = {};  // as `place`; nullopt: another file's, or not known
  std::uint64_t stored_at = 0;               // offset of the 8 bytes that say `target`
  bool packed = false;                       // they lie at `place` itself
};

struct ObjectRange {
  std::uint64_t offset = 0, size = 0;
};

class ObjectFile {
 public:
  using VisitSection = std::function<void(const ObjectSection&)>;
  using VisitPointer = std::function<void(const ObjectPointer&)>;

  virtual ~ObjectFile() = default;
  virtual ByteSpan bytes() const = 0;
  virtual const std::string& name() const = 0;    // for messages
  virtual const Findings& findings() const = 0;   // damage that left something to read
  virtual bool is_linked() const = 0;             // false: an object that a linker takes
  virtual std::string kind_words() const = 0;     // "shared object", "executable", "object file"
  virtual std::string machine_words() const = 0;  // "x86_64", "aarch64", "machine 243"
  virtual std::string_view soname() const = 0;    // "" for none
  virtual std::string build_id() const = 0;       // hex; "" for none; Error when it is damaged
  virtual ByteSpan exported_names() const = 0;    // one after the other, as the format keeps them

  virtual bool has_sections() const = 0;  // false: their headers are gone, the loaded parts have to do
  virtual void for_each_section(const VisitSection& visit) const = 0;
  // What is loaded in one piece, without names.
  virtual void for_each_loaded_part(const VisitSection& visit) const = 0;
  // The format's own headers and tables: no section's.
  virtual std::vector<ObjectRange> own_ranges() const = 0;

  // Of an address that the file has bytes for, and back.
  virtual std::optional<std::uint64_t> offset_of(std::uint64_t address) const = 0;
  virtual std::optional<std::uint64_t> address_of(std::uint64_t offset) const = 0;
  // The bytes from `address` on to the end of what the file loads in one piece; empty when it has none.
  virtual ByteSpan from_address(std::uint64_t address) const = 0;

  // Those of a linked file whose place lies in [begin, end); of an object those in one section.
  virtual void for_each_pointer(std::uint64_t begin, std::uint64_t end, const VisitPointer& visit) const = 0;
  virtual void for_each_pointer_in(const ObjectSection& section, const VisitPointer& visit) const = 0;

 protected:
  ObjectFile() = default;
  ObjectFile(const ObjectFile&) = default;
  ObjectFile& operator=(const ObjectFile&) = default;
};

struct ObjectFormat {
  std::string_view name;              // "ELF file"
  bool (*looks_like)(ByteSpan file);  // the first 512 bytes suffice
  // Error when it is none, or too damaged to be read.
  std::unique_ptr<ObjectFile> (*open)(ByteSpan file, std::string name);
};

// nullptr: of no format that is read.
const ObjectFormat* object_format(ByteSpan start);

}  // namespace lathe
