// SPDX-License-Identifier: MIT
// What Nix says while it builds: one line of `--log-format internal-json`, or of plain text where that is
// not to be had. Activity and result numbers as in Nix' libutil/logging.hh (2.8; unchanged up to 2.30).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace lathe {

struct NixEvent {
  enum class Kind {
    message,      // `text`, for people
    build_start,  // `text` is the derivation
    log_line,     // `text` is a line of a builder
    phase,        // `text` is its name
    copy_start,   // `text` is what is copied or fetched
    stop,         // of activity `id`
    other,
  };
  Kind kind = Kind::other;
  std::uint64_t id = 0;
  int level = 0;  // of messages: 0 error, 1 warning, ...
  std::string text = {};
};

// Never throws: what is not JSON of Nix is a message, so a text log passes through unchanged.
NixEvent parse_nix_event(std::string_view line);

}  // namespace lathe
