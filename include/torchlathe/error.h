// SPDX-License-Identifier: MIT
// The one way in which functions of this library fail. They throw Error, and std::bad_alloc where memory
// ends; nothing else. What they *found* in a file is not an error: finding.h.
//
// What is stable, here and in the other headers: names and meanings of what is declared, within one major
// version. Structs may get members at their end: set them by name. Texts are for people and may change.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

namespace torchlathe {

class Error : public std::runtime_error {  // what(): one sentence, no full stop
 public:
  enum class Kind {
    usage,  // the call or an input is wrong: the caller can mend it
    fault,  // the machine, the disk or another program failed
  };

  Error(const std::string& what, Kind kind_, std::string file_, std::uint32_t line_, std::uint32_t column_,
        std::string next_)
      : std::runtime_error(what),
        kind(kind_),
        file(std::move(file_)),
        line(line_),
        column(column_),
        next(std::move(next_)) {}

  Kind kind;
  std::string file;            // or ""
  std::uint32_t line, column;  // from 1, in bytes; 0: not known
  std::string next;            // what to do about it; or ""
};

}  // namespace torchlathe
