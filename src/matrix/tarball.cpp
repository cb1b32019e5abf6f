// SPDX-License-Identifier: MIT
#include "matrix/tarball.h"

#include "matrix/hash_value.h"

namespace lathe {

std::string read_tarball_url(const Toml& value) {
  if (value.text().empty() || value.text().find_first_of(" \t\n\"$\\") != std::string::npos) {
    value.fail("this is no address", "of a .tar.gz, as builtins.fetchTarball takes it");
  }
  return value.text();
}

std::optional<std::string> read_tarball_hash(const Toml& table) {
  const Toml* hash = table.find("sha256");
  if (!hash) return std::nullopt;
  check_tarball_hash(*hash);
  return hash->text();
}

}  // namespace lathe
