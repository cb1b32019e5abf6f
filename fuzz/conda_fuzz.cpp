// SPDX-License-Identifier: MIT
// What a conda package says of itself, of any bytes: refused, or written again as JSON that says the same
// when it is written once more. The first byte says which file it is.
#include <cstdint>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/json.h"
#include "package/archives/conda.h"

namespace {

const std::map<std::string, lathe::CondaFile> changed = {{"lib/a.so", {.size = 7}}};
const std::set<std::string> gone = {"lib/b.so"};

std::string again(char kind, std::string_view text) {
  if (kind == 'i') return lathe::conda_index_with(text, "h_sm90_0", "9.0");
  if (kind == 'p') return lathe::conda_paths_with(text, changed, gone);
  if (kind == 'f') return lathe::conda_files_without(text, gone);
  return lathe::conda_about_with(text, "torchlathe", "9.0", "h_0");
}

void name(std::string_view text) {
  const lathe::CondaName found = lathe::conda_name(text);
  if (found.stem().find('/') != std::string::npos || found.stem().find('\0') != std::string::npos)
    std::abort();
  const std::string build = lathe::conda_build_with(found.build, "sm90");
  if (build.find("sm90") == std::string::npos || build.size() != found.build.size() + 5) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const char kind = static_cast<char>(data[0]);
  try {
    if (kind == 'n') name(text);
    const std::string once = again(kind, text);
    if (again(kind, once) != once) std::abort();
  } catch (const lathe::Error&) {
  }
  return 0;
}
