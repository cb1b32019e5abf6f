// SPDX-License-Identifier: MIT
#include "conform/tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <system_error>

#include "base/error.h"
#include "base/text.h"
#include "nix/nix.h"
#include "os/file.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

bool is_rev(std::string_view text) {
  return text.size() == 40 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// "github:OWNER/REPO", with a revision or a branch behind it or without, as flakes name it; "" where it is
// none.
std::string archive_on_github(std::string_view given) {
  if (!given.starts_with("github:") || given.starts_with("github://")) return "";
  const auto parts = split(given.substr(7, given.find('?') - 7), '/');
  if (parts.size() < 2 || parts.size() > 3 || std::ranges::any_of(parts, &std::string_view::empty)) return "";
  return fmt::format("https://github.com/{}/{}/archive/{}.tar.gz", parts[0], parts[1],
                     parts.size() == 3 ? parts[2] : "HEAD");
}

// What to fetch; "" for a folder.
std::string address_of(const std::string& given) {
  if (std::string archive = archive_on_github(given); !archive.empty()) return archive;
  if (given.starts_with("channel:"))
    return fmt::format("https://channels.nixos.org/{}/nixexprs.tar.xz", given.substr(8));
  if (given.find("://") != std::string::npos) return given;
  if (is_rev(given)) return fmt::format("https://github.com/NixOS/nixpkgs/archive/{}.tar.gz", given);
  std::error_code error;
  return fs::is_regular_file(given, error) ? "file://" + fs::absolute(given).string() : "";
}

fs::path fetch(const std::string& address, const RunProcess& run) {
  const ProcessResult result = run({.arguments = {require_nix("nix-prefetch-url"), "--unpack", "--print-path",
                                                  "--name", "source", address}});
  const auto lines = split(trim(result.out), '\n');
  if (result.ok() && lines.size() >= 2 && lines.back().starts_with("/")) return std::string(lines.back());
  const std::string message = parse_nix_error(result.err).message;
  throw Error({.what = fmt::format("cannot be fetched: {}", message.empty() ? result.ending() : message),
               .where = {.file = address},
               .next = "give a folder that holds a nixpkgs"});
}

// Channels have .git-revision; a checkout is asked.
std::string rev_of(const fs::path& path, const std::string& given, const RunProcess& run) {
  std::error_code error;
  if (fs::is_regular_file(path / ".git-revision", error)) {
    const std::string text = read_file(path / ".git-revision", 4096);
    if (is_rev(trim(text))) return std::string(trim(text));
  }
  if (fs::exists(path / ".git", error) && find_program("git")) {
    const ProcessResult result = run({.arguments = {"git", "-C", path.string(), "rev-parse", "HEAD"}});
    if (result.ok() && is_rev(trim(result.out))) return std::string(trim(result.out));
  }
  // ".../archive/REV.tar.gz", or the revision itself
  for (std::size_t at = 0; at + 40 <= given.size(); ++at) {
    if (is_rev(std::string_view(given).substr(at, 40))) return given.substr(at, 40);
  }
  return "";
}

}  // namespace

NixpkgsTree find_tree(const std::string& given, const RunProcess& run) {
  const std::string address = address_of(given);
  NixpkgsTree tree{.given = given,
                   .path = address.empty() ? fs::absolute(given).lexically_normal() : fetch(address, run),
                   .rev = {}};
  std::error_code error;
  const bool there = fs::exists(tree.path, error);
  if (!there || !fs::is_regular_file(tree.path / "default.nix", error)) {
    throw Error(
        {.what = there ? "is not a nixpkgs: it has no default.nix" : "there is no such file or folder",
         .where = {.file = given},
         .next = "give a checkout, a store path, an archive or its address, channel:NAME, "
                 "github:OWNER/REPO/REV, or a revision (40 digits)"});
  }
  tree.rev = rev_of(tree.path, given, run);
  return tree;
}

}  // namespace lathe
