// SPDX-License-Identifier: MIT
#include "jobs/repair.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "base/text.h"
#include "base/toml.h"
#include "matrix/values/hash_value.h"
#include "matrix/variant.h"
#include "recipe/redist.h"

namespace lathe {
namespace {

std::string detail(const Diagnosis& diagnosis, const std::string& name) {
  const auto found = diagnosis.details.find(name);
  return found == diagnosis.details.end() ? "" : found->second;
}

// Does Nix' "specified" mean the hash that the file has, whichever way either is spelled? For "" Nix takes a
// hash of zeros.
bool same_hash(const std::string& written, const std::string& specified) {
  const auto asked = read_sha256(specified);
  return asked && *asked == (written.empty() ? Sha256{} : read_sha256(written).value_or(Sha256{}));
}

// Where the matrix file has a hash, or could have it: the keys that lead there.
struct Spot {
  std::vector<std::string> keys;
  std::string written;
};

// Of a tarball that is fetched while the recipe is evaluated.
std::optional<Spot> spot_of_tarball(const MatrixSpec& spec, const Variant& variant, const std::string& url) {
  if (url.find(variant.nixpkgs->rev) != std::string::npos) {
    return Spot{.keys = {"nixpkgs", variant.nixpkgs->name, "sha256"},
                .written = variant.nixpkgs->sha256.value_or("")};
  }
  if (spec.cuda_packages && url == spec.cuda_packages->url)
    return Spot{.keys = {"cuda_packages", "sha256"}, .written = spec.cuda_packages->sha256.value_or("")};
  if (spec.carver && url == spec.carver->url)
    return Spot{.keys = {"carver", "sha256"}, .written = spec.carver->sha256.value_or("")};
  return std::nullopt;
}

// "/nix/store/HASH-nccl_2.28.7-1+cuda13.0_x86_64.txz.drv" -> the archive of that name, of CUDA's own
// packages.
std::optional<Spot> spot_of_archive(const MatrixSpec& spec, std::string_view derivation) {
  if (!spec.cuda_packages || spec.cuda_packages->from != CudaPackages::From::copy) return std::nullopt;
  const std::size_t dash = derivation.find('-');
  if (dash == std::string_view::npos || !derivation.ends_with(".drv")) return std::nullopt;
  const std::string archive(derivation.substr(dash + 1, derivation.size() - dash - 5));
  for (const RedistPackage& package : redist_of(*spec.cuda_packages).packages) {
    for (const RedistPart& part : package.parts) {
      for (const auto& [system, hash] : part.hash) {
        if (archive_name(package.url_of(part, system)) == archive)
          return Spot{.keys = {"cuda_packages", "hashes", archive}, .written = hash};
      }
    }
  }
  return std::nullopt;
}

std::optional<Spot> spot_of_source(const Variant& variant, const std::string& specified,
                                   bool for_companions) {
  const Spot pytorch{.keys = {"pytorch", variant.pytorch->version, "hash"}, .written = variant.pytorch->hash};
  if (!variant.companion) return pytorch;
  const Spot own{.keys = {variant.package, variant.companion->version, "hash"},
                 .written = variant.companion->hash};
  if (for_companions) return own;
  if (!same_hash(own.written, specified)) return pytorch;
  // A companion's log may also be about the source of its PyTorch: where both could be meant, that one's own
  // build tells.
  return same_hash(pytorch.written, specified) ? std::nullopt : std::optional(own);
}

std::optional<Spot> spot_of(const MatrixSpec& spec, const Variant& variant, const Diagnosis& diagnosis,
                            bool for_companions) {
  const std::string subject = detail(diagnosis, "subject");
  if (subject.find("://") != std::string::npos) return spot_of_tarball(spec, variant, subject);
  if (const auto archive = spot_of_archive(spec, subject)) return archive;
  return spot_of_source(variant, detail(diagnosis, "specified"), for_companions);
}

const Toml* find_value(const Toml& root, const std::vector<std::string>& keys) {
  const Toml* value = &root;
  for (const std::string& key : keys) {
    if (value && !value->is_table()) return nullptr;
    value = value ? value->find(key) : nullptr;
  }
  return value;
}

// Where the given line starts, counted from 1; npos beyond the end.
std::size_t line_start(std::string_view text, std::uint32_t line) {
  std::size_t at = 0;
  for (; line > 1 && at != std::string_view::npos; --line) {
    at = text.find('\n', at);
    if (at != std::string_view::npos) ++at;
  }
  return at;
}

// The text between the quotes of the value that starts at `where` replaced.
std::optional<std::string> with_value(std::string_view text, const Place& where, const std::string& old_value,
                                      const std::string& new_value) {
  std::size_t at = line_start(text, where.line);
  if (at != std::string_view::npos) at = text.find_first_of("\"'", at + where.column - 1);
  if (at == std::string_view::npos || text.substr(at + 1, old_value.size()) != old_value) return std::nullopt;
  return std::string(text).replace(at + 1, old_value.size(), new_value);
}

// `lines` behind the table's last key: a table of its own, or another key of it.
std::optional<std::string> with_lines(std::string_view text, const Toml& table, const std::string& lines) {
  std::uint32_t last = table.where().line;
  for (const Toml::Member& member : table.table()) {
    if (!member.value.is_table()) last = std::max(last, member.where.line);
  }
  const std::size_t at = line_start(text, last + 1);
  const bool ends = at == std::string_view::npos;  // without a line feed
  return std::string(text).insert(ends ? text.size() : at, (ends ? "\n" : "") + lines);
}

std::optional<std::string> mended(std::string_view text, const Toml& root, const Spot& spot,
                                  const std::string& fresh) {
  // another hash stands there: somebody has mended it since
  if (const Toml* value = find_value(root, spot.keys)) {
    return value->text() == spot.written ? with_value(text, value->where(), spot.written, fresh)
                                         : std::nullopt;
  }
  const std::vector<std::string> above(spot.keys.begin(), spot.keys.end() - 1);
  const bool archive = above.back() == "hashes";
  const std::string line = archive ? fmt::format("\"{}\" = \"{}\"\n", spot.keys.back(), fresh)
                                   : fmt::format("{} = \"{}\"\n", spot.keys.back(), fresh);
  if (const Toml* table = find_value(root, above)) return with_lines(text, *table, line);
  const Toml* outer = archive ? find_value(root, {above.begin(), above.end() - 1}) : nullptr;
  return outer ? with_lines(text, *outer, fmt::format("\n[{}]\n{}", fmt::join(above, "."), line))
               : std::nullopt;
}

// Whatever way the file is written: what was changed must read as it was meant.
const Toml* reads_as(const Toml& root, const Spot& spot, const std::string& fresh) {
  const Toml* value = find_value(root, spot.keys);
  return value && value->text() == fresh ? value : nullptr;
}

}  // namespace

std::string HashRepair::described(std::string_view was, std::string_view is) const {
  return fmt::format("{}: {} {} \"{}\", {} \"{}\"", where.text(), key, was, old_hash, is, new_hash);
}

std::optional<HashRepair> find_hash_repair(std::string_view matrix_text, const MatrixSpec& spec,
                                           const Variant& variant, const Diagnosis& diagnosis,
                                           bool for_companions) {
  if (diagnosis.finding.rule != "hash-mismatch") return std::nullopt;
  const auto got = read_sha256(detail(diagnosis, "got"));
  const auto spot = spot_of(spec, variant, diagnosis, for_companions);
  if (!got || !spot || !same_hash(spot->written, detail(diagnosis, "specified"))) return std::nullopt;
  const std::string fresh = to_sri(*got);
  auto text = mended(matrix_text, Toml::parse(matrix_text, spec.file), *spot, fresh);
  if (!text) return std::nullopt;
  try {
    const Toml root = Toml::parse(*text, spec.file);
    const Toml* value = reads_as(root, *spot, fresh);
    if (!value) return std::nullopt;
    return HashRepair{.key = fmt::format("{}", fmt::join(spot->keys, ".")),
                      .old_hash = spot->written,
                      .new_hash = fresh,
                      .where = value->where(),
                      .text = std::move(*text)};
  } catch (const Error&) {
    return std::nullopt;
  }
}

void ask_for_tarball_hashes(MatrixSpec& spec) {
  for (auto& [name, pin] : spec.nixpkgs) {
    if (pin->sha256) continue;
    auto asked = std::make_shared<Nixpkgs>(*pin);
    asked->sha256 = "";
    pin = std::move(asked);
  }
  const auto ask = [](std::optional<std::string>& hash) { hash = hash.value_or(""); };
  if (spec.carver) ask(spec.carver->sha256);
  if (spec.cuda_packages && spec.cuda_packages->from == CudaPackages::From::fetch)
    ask(spec.cuda_packages->sha256);
}

}  // namespace lathe
