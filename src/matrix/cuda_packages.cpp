// SPDX-License-Identifier: MIT
// [cuda_packages]
#include "matrix/companions.h"

#include <fmt/format.h>

#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "base/toml.h"
#include "matrix/axes.h"
#include "matrix/spec.h"
#include "matrix/values/hash_value.h"

namespace lathe {
namespace {

void refuse(const Toml& table, std::initializer_list<const char*> keys, std::string_view from) {
  for (const char* key : keys) {
    if (const Toml* value = table.find(key))
      value->fail(fmt::format("{} belongs to from = \"{}\"", key, from), "take it out");
  }
}

void read_fetch(const Toml& table, CudaPackages& packages) {
  refuse(table, {"table", "hashes"}, "copy");
  packages.url = read_tarball_url(table.at("url"));
  packages.sha256 = read_tarball_hash(table);
  packages.folder = table.text_or("folder", packages.folder);
  if (packages.folder.find_first_of(" \t\n\"$\\") != std::string::npos || packages.folder.starts_with("/") ||
      packages.folder.find("..") != std::string::npos) {
    table.at("folder").fail("this is not a folder inside the repository");
  }
}

void read_copy(const Toml& table, const std::string& matrix_file, CudaPackages& packages) {
  refuse(table, {"url", "sha256", "folder"}, "fetch");
  packages.from = CudaPackages::From::copy;
  if (const Toml* file = table.find("table")) {
    if (file->text().empty()) file->fail("this names no file");
    packages.table = (std::filesystem::path(matrix_file).parent_path() / file->text()).string();
  }
  const Toml* hashes = table.find("hashes");
  if (!hashes) return;
  for (const Toml::Member& member : hashes->table()) {
    check_sri(member.value);
    packages.hashes[member.key] = {member.value.text(), member.where};
  }
}

}  // namespace

void read_cuda_packages(const Toml& root, MatrixSpec& spec) {
  const Toml* table = root.find("cuda_packages");
  if (!table) return;
  table->allow_only({"cuda", "from", "url", "sha256", "folder", "table", "hashes"});
  CudaPackages packages;
  packages.where = table->where();
  packages.cuda = read_cuda(table->at("cuda"));
  const std::string from = table->text_or("from", "fetch");
  if (from != "fetch" && from != "copy") {
    table->at("from").fail(
        fmt::format("from cannot be \"{}\"", printable(from)),
        "\"fetch\" takes the packages from a repository, \"copy\" writes their recipes beside the others");
  }
  if (from == "copy") read_copy(*table, spec.file, packages);
  else read_fetch(*table, packages);
  spec.cuda_packages = std::move(packages);
}

}  // namespace lathe
