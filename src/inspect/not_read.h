// SPDX-License-Identifier: MIT
// What may hold machine code or device code and was not read: which format it has, and what a look inside
// shows. Compressed files, tar and zip archives are looked through (to a limit, and not inside of what lies
// in them once more); of programs of other systems the names of sections are looked at. A look is no
// reading: it never says what code there is, only whether there may be some.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/finding.h"
#include "formats/zip.h"

namespace lathe {

struct NotRead {
  enum class Holds {
    nothing,   // looked through, and nothing in it begins like machine code
    cpu_code,  // machine code of another system, and no section of device code
    // device code that no GPU runs as it is: a linker makes code from it (NCCL brings a library of it)
    linker_code,
    unknown,      // not looked through, or not to its end
    code,         // a library, a program, an archive of objects: device code may be in it
    device_code,  // it has sections of device code, or is device code
  };

  std::string path = {};  // as shown
  // the wheel or folder that it is a part of; "" for a file that was named by itself
  std::string within = {};
  std::string format = {};  // "PE", "gzip": for programs
  std::string words = {};   // "Windows program or library (PE)"
  Holds holds = Holds::unknown;
  std::string seen = {};   // "libk.so in it is an ELF file"; or empty
  std::uint64_t size = 0;  // 0 where it is not known
  Severity severity = Severity::error;
};

std::string_view to_string(NotRead::Holds holds);  // "with device code in it"
std::string_view to_key(NotRead::Holds holds);     // "device code": for programs

// nullopt: it begins like none of the formats that are known (known_formats.h). `whole`: `bytes` are all of
// the file.
std::optional<NotRead> look_into(ByteSpan bytes, bool whole = true);

// The same for those who change device code: nullopt also where none can be, and for the forms of code that
// are read.
std::optional<NotRead> look_for_device_code(ByteSpan bytes, bool whole = true);

// How much of a file that is compressed in a zip archive suffices for a look.
inline constexpr std::uint64_t most_looked_at = 8 << 20;

// A file that was named by itself, and all that may hold device code, is an error. Machine code of other
// systems without any, and code for a linker, is a warning where code that was read lies beside it (pip
// brings launchers for Windows), an error where nothing was read. What holds nothing is a note.
Severity severity_of(const NotRead& file, bool others_were_read);

// One finding for each file, or for the files of one format in one place.
Findings findings_of(const std::vector<NotRead>& files);

}  // namespace lathe
