// SPDX-License-Identifier: MIT
#include "nix/command.h"

namespace lathe {

Process isolated_nix(const std::string& program) {
  return {.arguments = {program, "--store", "dummy://", "--option", "build-users-group", "", "--option",
                        "substitute", "false", "--option", "allowed-uris", "", "--option",
                        "allow-import-from-derivation", "false"},
          .environment =
              {{"PATH", "/usr/bin:/bin"},
               {"HOME", "/homeless-shelter"},  // exists nowhere
               {"NIX_PATH", ""},
               {"NIX_CONF_DIR", "/homeless-shelter"},
               {"NIX_USER_CONF_FILES", ""},
               {"LC_ALL", "C.UTF-8"},
               // Large enough that most folders need no collection, small enough to stay small: measured in
               // docs/formats/recording.md.
               {"GC_INITIAL_HEAP_SIZE", "33554432"}},
          .empty_environment = true};
}

}  // namespace lathe
