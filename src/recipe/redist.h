// SPDX-License-Identifier: MIT
// NVIDIA's redistributable archives by package: the table (redist/*.toml, or a file of the user's in that
// form), and from it a recipe for each package, which fetches its archives or takes them from a folder.
// docs/formats/redist.md describes the table.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "hardware/catalog.h"
#include "matrix/spec.h"

namespace lathe {

struct RedistPart {
  std::string name, version;
  std::map<std::string, std::string> hash;  // by system: SRI; "" where a first build tells it
};

struct RedistPackage {
  std::string name;  // "cudatoolkit-13_0"
  std::string version, description, url, source;
  std::vector<RedistPart> parts;
  std::string url_of(const RedistPart& part, const std::string& system) const;
};

struct Redist {
  Version cuda;
  std::string nixpkgs;  // revision that the recipes are built from when nobody hands them a package set
  std::vector<RedistPackage> packages;
  const RedistPackage& find(std::string_view name) const;  // an Error with a guess
};

// What stands behind a URL's last slash.
std::string archive_name(std::string_view url);

Redist read_redist(std::string_view text, const std::string& file);

// The table that is compiled in for this CUDA, or an Error that names those there are.
Redist shipped_redist(const Version& cuda);

// The table that a matrix' [cuda_packages] names, with the hashes that the matrix has for its archives; it
// has every package that recipes ask for. An Error with the place when the matrix has a hash of an archive
// that the table does not have.
Redist redist_of(const CudaPackages& packages);

// The recipe's text, sealed (render.h). `system`: the one that it builds for when nobody says another.
std::string render_redist(const Redist& redist, const RedistPackage& package, const std::string& system);

}  // namespace lathe
