// SPDX-License-Identifier: MIT
#include "build/repair.h"

#include <fmt/format.h>

#include "base/text.h"
#include "base/toml.h"

namespace lathe {
namespace {

constexpr std::string_view placeholder = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";  // what Nix takes "" for

std::string detail(const Diagnosis& diagnosis, const std::string& name) {
  const auto found = diagnosis.details.find(name);
  return found == diagnosis.details.end() ? "" : found->second;
}

// Does Nix' "specified" mean the hash that the file has? Nix may add or drop the algorithm.
bool same_hash(const std::string& written, const std::string& specified) {
  if (written.empty()) return specified == placeholder || specified.find_first_not_of('0', specified.find(':') + 1) == std::string::npos;
  return written == specified || "sha256:" + written == specified;
}

// The text between the quotes of the value that starts at `where` replaced.
std::optional<std::string> with_value(std::string_view text, const Place& where, const std::string& old_value, const std::string& new_value) {
  std::size_t at = 0;
  for (std::uint32_t line = 1; line < where.line; ++line) {
    at = text.find('\n', at);
    if (at == std::string_view::npos) return std::nullopt;
    ++at;
  }
  at = text.find_first_of("\"'", at + where.column - 1);
  if (at == std::string_view::npos || text.substr(at + 1, old_value.size()) != old_value) return std::nullopt;
  std::string out(text);
  return out.replace(at + 1, old_value.size(), new_value);
}

}  // namespace

std::optional<HashRepair> find_hash_repair(std::string_view matrix_text, const std::string& file, const Variant& variant,
                                           const Diagnosis& diagnosis) {
  if (diagnosis.finding.rule != "hash-mismatch") return std::nullopt;
  const std::string specified = detail(diagnosis, "specified"), got = detail(diagnosis, "got"), subject = detail(diagnosis, "subject");
  const bool tarball = subject.find("://") != std::string::npos;
  if (tarball && subject.find(variant.nixpkgs->rev) == std::string::npos) return std::nullopt;
  // A companion's log may also be about the source of its PyTorch: where both could be meant, that one's own build tells.
  const bool companion = !tarball && variant.companion && same_hash(variant.companion->hash, specified);
  if (companion && same_hash(variant.pytorch->hash, specified)) return std::nullopt;
  const std::string table = tarball ? "nixpkgs" : companion ? variant.package : "pytorch", key = tarball ? "sha256" : "hash";
  const std::string row = tarball ? variant.nixpkgs->name : companion ? variant.companion->version : variant.pytorch->version;
  const std::string written = tarball ? variant.nixpkgs->sha256.value_or("") : companion ? variant.companion->hash : variant.pytorch->hash;
  if (!same_hash(written, specified) || got.empty()) return std::nullopt;
  const Toml root = Toml::parse(matrix_text, file);
  const Toml* value = root.find(table);
  value = value ? value->find(row) : nullptr;
  value = value ? value->find(key) : nullptr;
  if (value == nullptr) return std::nullopt;
  const std::string fresh = got.starts_with("sha256:") && !written.starts_with("sha256:") ? got.substr(7) : got;
  auto text = with_value(matrix_text, value->where(), written, fresh);
  if (!text) return std::nullopt;
  return HashRepair{.key = fmt::format("{}.{}.{}", table, row, key), .old_hash = written, .new_hash = fresh, .where = value->where(), .text = std::move(*text)};
}

}  // namespace lathe
