// SPDX-License-Identifier: MIT
// Whatever a log holds: it is read, in one piece or in many with the same outcome, and what comes out is
// short and printable.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/text.h"
#include "diagnose/diagnose.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view log(reinterpret_cast<const char*>(data), size);
  const auto whole = lathe::diagnose(log);
  lathe::Diagnoser pieces;
  for (std::size_t at = 0; at < size; at += 1000) pieces.feed(log.substr(at, 1000));
  if (lathe::diagnosis_json(whole) != lathe::diagnosis_json(pieces.finish())) std::abort();
  for (const lathe::Diagnosis& diagnosis : whole) {
    for (const lathe::Evidence& evidence : diagnosis.finding.evidence) {
      if (evidence.where.line == 0 || evidence.what.size() > 410 ||
          lathe::printable(evidence.what).size() != evidence.what.size())
        std::abort();
    }
  }
  return 0;
}
