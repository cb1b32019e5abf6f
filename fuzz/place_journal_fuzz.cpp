// SPDX-License-Identifier: MIT
// The journal of changes in place, which somebody else may have put into a folder: no path in it leads out,
// and what is taken of it is read again as it was written.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "package/place_journal.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::vector<lathe::PlaceChange> changes = lathe::parse_place_journal(text);
  std::string again(text.substr(0, text.find('\n') + 1));
  for (const lathe::PlaceChange& change : changes) {
    const std::string framed = "/" + change.path + "/";
    if (change.path.empty() || framed.find("/../") != std::string::npos || framed.starts_with("//"))
      std::abort();
    again += lathe::place_journal_text(change);
  }
  if (!changes.empty() && lathe::parse_place_journal(again) != changes) std::abort();
  return 0;
}
