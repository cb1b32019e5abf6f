// SPDX-License-Identifier: MIT
// The journal of an apply, which somebody else may have put into the folder, and the RECORD of a wheel. The
// first byte says which. What is accepted of a journal must be read again as it was written, and every name
// in it must stay in the folder.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "audit/journal.h"
#include "base/error.h"
#include "package/wheel_names.h"

namespace {

void check_journal(std::string_view text) {
  const lathe::JournalSteps steps = lathe::parse_journal(text, "plan.json");
  for (const auto* names : {&steps.put, &steps.remove}) {
    for (const std::string& name : *names) {
      const std::string framed = "/" + name + "/";
      if (framed.find("/../") != std::string::npos || framed.find("//") != std::string::npos) std::abort();
      if (name.find('\0') != std::string::npos) std::abort();
    }
  }
  if (lathe::parse_journal(lathe::journal_text(steps), "plan.json") != steps) std::abort();
}

// Rewriting with nothing changed keeps the set of paths and adds RECORD's own, and doing it twice changes
// nothing more.
void check_record(std::string_view text) {
  const auto same = [](std::string_view name) { return std::string(name); };
  const std::string once = lathe::rewrite_record(text, "a-1.dist-info/RECORD", {}, same);
  if (lathe::rewrite_record(once, "a-1.dist-info/RECORD", {}, same) != once) std::abort();
  // its own line
  if (lathe::recorded_paths(once).size() > lathe::recorded_paths(text).size() + 1) std::abort();
  if (!lathe::is_whole_record(once)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    if (data[0] == 'j') check_journal(text);
    else if (data[0] == 'n') lathe::journal_number(text, "journal");
    else check_record(text);
  } catch (const lathe::Error&) {
  }
  return 0;
}
