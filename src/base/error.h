// SPDX-License-Identifier: MIT
// The one way to fail: what went wrong, where, and what to do next. Made where it is known, caught in `main`
// and per item in the parallel loop. What an audit or a verify *found* is data, not an error: see finding.h.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace lathe {

// A position in a file that a person can open. Line and column count from 1; 0 means not known.
// Columns count bytes, as compilers do.
struct Place {
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;

  std::string text() const;  // "matrix.toml:3:7", "matrix.toml", or ""
  bool operator==(const Place&) const = default;
};

enum class ErrorKind {
  usage = 2,  // the call or an input file is wrong: the user can mend it
  fault = 3,  // the machine, the disk or another program failed
};

class Error : public std::runtime_error {
 public:
  struct Parts {
    std::string what;       // one sentence, no full stop
    Place where = {};       // file, line, column; or empty
    std::string next = {};  // what to do about it; or empty
    ErrorKind kind = ErrorKind::usage;
  };

  explicit Error(Parts parts);

  const Parts& parts() const { return parts_; }
  int exit_code() const { return static_cast<int>(parts_.kind); }
  // "file:3:7: what" and, on a second line, "  next step".
  std::string text() const;

 private:
  Parts parts_;
};

// "cannot ACTION: strerror(errno)": of the call where the path does not exist, else a fault of the machine.
Error system_error(const std::string& action, const std::string& file, int error_number);

}  // namespace lathe
