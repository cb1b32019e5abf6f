// SPDX-License-Identifier: MIT
#include "base/error.h"

#include <fmt/format.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "base/outside_text.h"
#include "base/text.h"

namespace lathe {
namespace {

// One line, whatever names are in it; the parts keep them as they are.
std::string one_line(const Error::Parts& parts) {
  const std::string where = parts.where.text();
  return printable(where.empty() ? parts.what : fmt::format("{}: {}", where, parts.what));
}

// The step that usually mends the failure of a system call; empty where none is known.
std::string usual_mend(int error_number) {
  switch (error_number) {
    case ENOENT: return "check the spelling of the path";
    case EACCES:
    case EPERM: return "check the permissions of the file and of its folder";
    case ENOSPC:
    case EDQUOT: return "free some space and run the command again; nothing was left half-written";
    case EFBIG:
      return "allow larger files (ulimit -f) or choose another file system; nothing was left half-written";
    case ENAMETOOLONG: return "choose a shorter name";
    case EROFS: return "the file system is read-only: choose another place";
    default: return "";
  }
}

// Whoever calls can name another path; the rest is the machine's.
bool names_nothing(int error_number) { return error_number == ENOENT || error_number == ENOTDIR; }

}  // namespace

std::string Place::text() const {
  if (line == 0) return file;
  if (column == 0) return fmt::format("{}:{}", file, line);
  return fmt::format("{}:{}:{}", file, line, column);
}

Error::Error(Parts parts) : std::runtime_error(one_line(parts)), parts_(std::move(parts)) {}

std::string Error::text() const {
  return parts_.next.empty() ? std::string(what())
                             : fmt::format("{}\n  fix: {}", what(), printable_lines(parts_.next));
}

Error system_error(const std::string& action, const std::string& file, int error_number) {
  return Error({.what = fmt::format("cannot {}: {}", action, std::generic_category().message(error_number)),
                .where = {.file = file},
                .next = usual_mend(error_number),
                .kind = names_nothing(error_number) ? ErrorKind::usage : ErrorKind::fault});
}

}  // namespace lathe
