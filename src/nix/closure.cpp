// SPDX-License-Identifier: MIT
#include "nix/closure.h"

#include <fmt/format.h>

#include <chrono>
#include <string>
#include <string_view>
#include <system_error>

#include "base/error.h"
#include "base/text.h"
#include "nix/nix.h"
#include "os/process.h"

namespace lathe {

std::vector<std::filesystem::path> closure_of(const std::filesystem::path& path) {
  std::error_code error;
  const std::filesystem::path real = std::filesystem::canonical(path, error);
  if (error) throw system_error("open", path.string(), error.value());
  const ProcessResult result =
      run_process({.arguments = {require_nix("nix-store"), "--query", "--requisites", real.string()},
                   .time_limit = std::chrono::minutes(2)});
  if (!result.ok()) {
    const std::string message = parse_nix_error(result.err).message;
    throw Error({.what = fmt::format("Nix knows no closure of this path: {}",
                                     message.empty() ? result.ending() : printable(message)),
                 .where = {.file = path.string()},
                 .next = "leave out --closure to inspect the path alone"});
  }
  std::vector<std::filesystem::path> paths;
  for (const std::string_view line : split(result.out, '\n')) {
    if (!trim(line).empty()) paths.emplace_back(trim(line));
  }
  return paths;
}

}  // namespace lathe
