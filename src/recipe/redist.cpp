// SPDX-License-Identifier: MIT
#include "recipe/redist.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <span>
#include <utility>

#include "base/embedded.h"
#include "base/text.h"
#include "base/toml.h"
#include "matrix/axes.h"
#include "matrix/values/hash_value.h"
#include "matrix/variant.h"
#include "os/file.h"
#include "recipe/render.h"
#include "recipe/template.h"

namespace lathe::redist_tables {
std::span<const EmbeddedFile> files();
}

namespace lathe {
namespace {

// NVIDIA's words for Nix' systems. "sbsa" is what servers and the DGX Spark are.
struct Platform {
  std::string_view system, platform, machine;
};
constexpr Platform platforms[] = {{"x86_64-linux", "linux-x86_64", "x86_64"},
                                  {"aarch64-linux", "linux-sbsa", "aarch64"}};

const Platform* find_platform(std::string_view system) {
  const auto* found = std::ranges::find(platforms, system, &Platform::system);
  return found == std::end(platforms) ? nullptr : found;
}

// A word that goes into a Nix string and into a file name.
std::string plain_word(const Toml& value) {
  const std::string& text = value.text();
  if (text.empty() || text.find_first_of(" \t\n\"'$\\/") != std::string::npos)
    value.fail(fmt::format("\"{}\" cannot be used in a file's name", printable(text)));
  return text;
}

RedistPart read_part(const Toml& row) {
  row.allow_only({"name", "version", "hash"});
  RedistPart part{.name = plain_word(row.at("name")), .version = plain_word(row.at("version")), .hash = {}};
  for (const Toml::Member& member : row.at("hash").table()) {
    if (!find_platform(member.key))
      member.value.fail(fmt::format("\"{}\" is not a system", printable(member.key)),
                        "use one of x86_64-linux, aarch64-linux");
    check_sri(member.value);
    part.hash[member.key] = member.value.text();
  }
  if (part.hash.empty()) row.at("hash").fail("no system", "write hash = { x86_64-linux = \"\" }");
  return part;
}

RedistPackage read_package(const Toml& row) {
  row.allow_only({"name", "version", "description", "url", "source", "part"});
  RedistPackage package{.name = row.at("name").text(),
                        .version = plain_word(row.at("version")),
                        .description = row.at("description").text(),
                        .url = row.at("url").text(),
                        .source = row.at("source").text(),
                        .parts = {}};
  if (const std::string why = why_not_a_package_name(package.name); !why.empty())
    row.at("name").fail("this cannot name a package: " + why);
  if (package.url.find_first_of(" \t\n\"$\\") != std::string::npos ||
      package.url.find("://") == std::string::npos)
    row.at("url").fail("this is not an address");
  if (package.source.empty()) row.at("source").fail("every package needs its source");
  for (const Toml& part : row.at("part").array()) package.parts.push_back(read_part(part));
  return package;
}

std::string parts_of(const RedistPackage& package) {
  std::string text;
  for (const Platform& platform : platforms) {
    const std::string system(platform.system);
    text += system + " = [\n";
    for (const RedistPart& part : package.parts) {
      const auto hash = part.hash.find(system);
      if (hash == part.hash.end()) continue;
      text += fmt::format("  {{\n    url = \"{}\";\n    hash = \"{}\";\n  }}\n", package.url_of(part, system),
                          hash->second);
    }
    text += "];\n";
  }
  return text;
}

// What overlay_cuda_packages.nix.in takes.
constexpr std::string_view asked_for[] = {"cudatoolkit", "cudnn", "nccl", "libcusparse_lt"};

void check_complete(const Redist& redist, const CudaPackages& packages) {
  if (redist.cuda != packages.cuda) {
    throw Error({.what = fmt::format("{} is a table for CUDA {}, not {}", packages.table, redist.cuda.text(),
                                     packages.cuda.text()),
                 .where = packages.where,
                 .next = {}});
  }
  for (const std::string_view name : asked_for)
    redist.find(fmt::format("{}-{}", name, replace_all(packages.cuda.text(), ".", "_")));
}

void take_hashes(Redist& redist, std::map<std::string, Placed<std::string>> hashes) {
  std::vector<std::string> archives;
  for (RedistPackage& package : redist.packages) {
    for (RedistPart& part : package.parts) {
      for (auto& [system, hash] : part.hash) {
        archives.push_back(archive_name(package.url_of(part, system)));
        const auto found = hashes.find(archives.back());
        if (found == hashes.end()) continue;
        hash = found->second.value;
        hashes.erase(found);
      }
    }
  }
  if (hashes.empty()) return;
  const auto& [archive, hash] = *hashes.begin();
  throw Error({.what = fmt::format("no package has an archive \"{}\"", printable(archive)),
               .where = hash.where,
               .next = did_you_mean_text(archive, archives, "see torchlathe toolkit --urls")});
}

}  // namespace

std::string archive_name(std::string_view url) { return std::string(url.substr(url.rfind('/') + 1)); }

std::string RedistPackage::url_of(const RedistPart& part, const std::string& system) const {
  const Platform& platform = *find_platform(system);
  std::string text = url;
  for (const auto& [word, value] : std::initializer_list<std::pair<std::string_view, std::string>>{
           {"{name}", part.name},
           {"{version}", part.version},
           {"{platform}", std::string(platform.platform)},
           {"{machine}", std::string(platform.machine)}}) {
    text = replace_all(std::move(text), word, value);
  }
  return text;
}

const RedistPackage& Redist::find(std::string_view name) const {
  const auto found = std::ranges::find(packages, name, &RedistPackage::name);
  if (found != packages.end()) return *found;
  std::vector<std::string> names;
  for (const RedistPackage& package : packages) names.push_back(package.name);
  throw Error({.what = fmt::format("the table has no package \"{}\"", printable(name)),
               .where = {},
               .next = did_you_mean_text(name, names, fmt::format("it has {}", fmt::join(names, ", ")))});
}

Redist read_redist(std::string_view text, const std::string& file) {
  const Toml root = Toml::parse(text, file);
  root.allow_only({"redist", "package"});
  const Toml& head = root.at("redist");
  head.allow_only({"cuda", "nixpkgs"});
  Redist redist{.cuda = read_cuda(head.at("cuda")), .nixpkgs = head.at("nixpkgs").text(), .packages = {}};
  if (redist.nixpkgs.size() != 40 ||
      redist.nixpkgs.find_first_not_of("0123456789abcdef") != std::string::npos) {
    head.at("nixpkgs").fail("this is not a git revision", "a full one has 40 hexadecimal digits");
  }
  for (const Toml& row : root.at("package").array()) {
    redist.packages.push_back(read_package(row));
    const auto same = [&](const RedistPackage& other) { return other.name == redist.packages.back().name; };
    if (std::ranges::count_if(redist.packages, same) > 1) row.at("name").fail("two packages have this name");
  }
  return redist;
}

Redist shipped_redist(const Version& cuda) {
  std::vector<std::string> known;
  for (const EmbeddedFile& file : redist_tables::files()) {
    Redist redist = read_redist(file.text, std::string(file.name));
    if (redist.cuda == cuda) return redist;
    known.push_back(redist.cuda.text());
  }
  throw Error({.what = fmt::format("there is no table of NVIDIA's archives for CUDA {}", cuda.text()),
               .where = {},
               .next = fmt::format("there is one for {}; torchlathe help toolkit says how to write another",
                                   fmt::join(known, ", "))});
}

Redist redist_of(const CudaPackages& packages) {
  Redist redist = packages.table.empty() ? shipped_redist(packages.cuda)
                                         : read_redist(read_file(packages.table), packages.table);
  check_complete(redist, packages);
  take_hashes(redist, packages.hashes);
  return redist;
}

std::string render_redist(const Redist& redist, const RedistPackage& package, const std::string& system) {
  Nixpkgs pin;
  pin.rev = redist.nixpkgs;
  const Pin* known = catalog().find_pin(redist.nixpkgs);
  const std::optional<std::string> hash = known ? known->sha256 : std::nullopt;
  const Holes holes = {
      {"cuda", redist.cuda.text()},
      {"checksum", std::string(seal_length, '0')},
      {"name", package.name},
      {"version", package.version},
      {"description", replace_all(replace_all(package.description, "\\", "\\\\"), "\"", "\\\"")},
      {"nixpkgs_url", pin.url()},
      {"nixpkgs_sha256", hash ? fmt::format("sha256 = \"{}\";", *hash) : ""},
      {"system", system},
      {"parts", parts_of(package)}};
  return seal(fill(recipe_template("redist.nix.in"), holes));
}

}  // namespace lathe
