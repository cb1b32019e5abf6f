// SPDX-License-Identifier: MIT
#include "torchlathe/verify.h"
#include "verify/verify.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "inspect/inspect.h"
#include "library/convert.h"
#include "matrix/expand.h"
#include "matrix/shipped/shipped.h"
#include "matrix/variant.h"

namespace torchlathe {
namespace {

lathe::BuildPromise promise_for(std::string_view variant, const std::string& matrix) {
  if (matrix.empty()) return promise_of(lathe::parse_variant_name(variant));
  return promise_of(find_variant(lathe::load_matrix(matrix), variant));
}

}  // namespace

Verification verify(std::string_view variant, const std::vector<std::filesystem::path>& paths,
                    const VerifyOptions& options) {
  return guarded([&] {
    const lathe::BuildPromise promise = promise_for(variant, options.matrix);
    const lathe::Inspection seen = lathe::inspect(
        paths, {.threads = options.threads, .cpu = !options.gpu_only, .on_file = options.on_file});
    const lathe::Verification result = lathe::verify(promise, seen);
    return Verification{.name = promise.name,
                        .kept = result.kept(),
                        .cpu_scanned = result.cpu_scanned,
                        .findings = public_findings(result.findings)};
  });
}

}  // namespace torchlathe
