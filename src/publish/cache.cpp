// SPDX-License-Identifier: MIT
#include "publish/cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <iterator>
#include <string_view>
#include <system_error>

#include "base/error.h"
#include "base/text.h"
#include "nix/nix.h"
#include "os/file.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

Process nix_process(const std::vector<std::string>& settings, std::initializer_list<std::string> words) {
  Process process{.arguments = nix_command()};
  process.arguments.insert(process.arguments.end(), words);
  std::ranges::move(nix_options(settings), std::back_inserter(process.arguments));
  return process;
}

std::string why(const ProcessResult& result) {
  const std::string_view said = last_line(result.err);
  return said.empty() ? result.ending() : printable(said);
}

// A store with files, whose signatures are made while it is written; the others need signed paths in the
// local store.
bool signs_itself(const std::string& uri) {
  return uri.starts_with("file://") || uri.starts_with("s3://") || uri.starts_with("http");
}

}  // namespace

std::optional<BuiltVariant> built_variant(const fs::path& state, const std::string& name) {
  std::error_code error;
  const fs::path main = fs::read_symlink(state / "results" / name, error);
  if (error || !fs::exists(main, error)) return std::nullopt;
  BuiltVariant built{.store_path = main.string(), .outputs = {main.string()}};
  for (const char* output : {"lib", "dev", "cxxdev", "bin", "dist"}) {
    const fs::path other = fs::read_symlink(state / "results" / fmt::format("{}-{}", name, output), error);
    if (!error && fs::exists(other, error)) built.outputs.push_back(other.string());
  }
  return built;
}

std::uint64_t closure_bytes(const std::string& store_path, const RunProcess& run) {
  const ProcessResult result = run(nix_process({}, {"path-info", "--closure-size", store_path}));
  const std::string_view text = trim(result.out);
  const std::size_t blank = text.find_last_of(" \t");
  std::uint64_t bytes = 0;
  if (result.ok() && blank != std::string_view::npos)
    std::from_chars(text.data() + blank + 1, text.data() + text.size(), bytes);
  return bytes;
}

bool needs_any(const std::string& store_path, const std::vector<std::string>& others, const RunProcess& run) {
  const ProcessResult result = run(nix_process({}, {"path-info", "--recursive", store_path}));
  const auto needed = split(result.out, '\n');
  return result.ok() && std::ranges::any_of(others, [&](const std::string& other) {
           return std::ranges::find(needed, other) != needed.end();
         });
}

std::string public_key_of(const std::string& key_file, const RunProcess& run) {
  Process process = nix_process({}, {"key", "convert-secret-to-public"});
  process.input = read_file(key_file, 4096);
  const ProcessResult result = run(process);
  if (!result.ok()) {
    throw Error({.what = fmt::format("this is not a secret key: {}", why(result)),
                 .where = {.file = key_file},
                 .next = "make one with: nix key generate-secret --key-name cache.example.org-1"});
  }
  return std::string(trim(result.out));
}

std::string copy_to_cache(const Cache& cache, const BuiltVariant& built, const RunProcess& run) {
  std::string uri = cache.uri;
  if (!cache.key_file.empty() && signs_itself(uri)) {
    uri += fmt::format("{}secret-key={}", uri.find('?') == std::string::npos ? "?" : "&",
                       fs::absolute(cache.key_file).string());
  } else if (!cache.key_file.empty()) {
    Process sign = nix_process(cache.settings, {"store", "sign", "--recursive", "--key-file",
                                                fs::absolute(cache.key_file).string()});
    sign.arguments.insert(sign.arguments.end(), built.outputs.begin(), built.outputs.end());
    if (const ProcessResult result = run(sign); !result.ok()) return why(result);
  }
  // The other store takes them because it trusts who copies, else because it trusts their signatures: a user
  // whom it does not trust cannot wave those through.
  Process copy = nix_process(cache.settings, {"copy", "--no-check-sigs", "--to", uri});
  copy.arguments.insert(copy.arguments.end(), built.outputs.begin(), built.outputs.end());
  const ProcessResult result = run(copy);
  if (result.ok()) return "";
  const bool unknown =
      uri.starts_with("s3://") && result.err.find("don't know how to open") != std::string::npos;
  return unknown ? "this Nix was built without S3 (Debian's is): publish to a folder, and copy that into the "
                   "bucket"
                 : why(result);
}

}  // namespace lathe
