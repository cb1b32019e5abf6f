// SPDX-License-Identifier: MIT
// `torchlathe list`: which variants does this matrix make?
#include <functional>
#include <memory>
#include <string>

#include "cli/commands.h"
#include "cli/options/matrix_option.h"
#include "cli/options/options.h"
#include "cli/options/variant_filter.h"
#include "matrix/expand.h"
#include "matrix/spec.h"
#include "matrix/variant.h"
#include "os/terminal.h"
#include "report/variants.h"

namespace lathe {
namespace list_command {

struct Options {
  MatrixOption matrix;
  VariantFilter filter;
  std::string format = "text";
  bool names = false;
};

void declare(OptionSet& set, Options& options) {
  declare_variants(set, options.matrix, options.filter);
  set.choice("-f,--format", options.format, {"text", "json", "csv", "md", "github", "hydra"},
             "how to print [text]");
  set.flag("--names", options.names, "only the names, one a line; as --quiet");
}

// The matrix is expanded anew for each pass: that is cheaper than to keep a million variants.
int run(const Options& options, Terminal& terminal) {
  const MatrixSpec spec = options.matrix.load();
  const Match match = options.filter.match(spec);
  const auto each = [&](const std::function<void(const Variant&)>& see) {
    expand(spec, [&](const Variant& variant) {
      if (matches(match, variant)) see(variant);
      return true;
    });
  };
  if (options.names || terminal.quiet()) {
    each([&](const Variant& variant) { terminal.print("{}\n", variant.name); });
    return 0;
  }
  const auto printer = make_variant_printer(options.format, terminal, spec);
  if (printer->measures()) each([&](const Variant& variant) { printer->measure(variant); });
  each([&](const Variant& variant) { printer->add(variant); });
  printer->finish();
  return 0;
}

}  // namespace list_command

std::unique_ptr<BoundCommand> command_list() {
  return bind_command(list_command::declare, list_command::run);
}

}  // namespace lathe
