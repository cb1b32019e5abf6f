// SPDX-License-Identifier: MIT
// Inside of library only: what stands between the public structs and the ones behind them.
#pragma once

#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/finding.h"
#include "hardware/capability.h"
#include "hardware/catalog.h"
#include "torchlathe/error.h"
#include "torchlathe/finding.h"

namespace torchlathe {

std::vector<Finding> public_findings(const lathe::Findings& findings);
Error public_error(const lathe::Error& error);

lathe::SpelledCapability read_capability(std::string_view text);
lathe::Version read_version(std::string_view text);

// Runs `work`; what it throws becomes what error.h promises.
template <typename Work>
auto guarded(const Work& work) {
  try {
    return work();
  } catch (const lathe::Error& error) {
    throw public_error(error);
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw Error(error.what(), Error::Kind::fault, "", 0, 0, "");
  }
}

}  // namespace torchlathe
