// SPDX-License-Identifier: MIT
// Variants as text, CSV, Markdown, JSON, as a build matrix for GitHub workflows and as a jobset for Hydra.
// Each writer takes the variants one at a time, so that a million cost no memory.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "matrix/spec.h"
#include "matrix/variant.h"
#include "os/terminal.h"

namespace lathe {

class VariantPrinter {
 public:
  virtual ~VariantPrinter() = default;
  // Columns that are aligned need to know all rows before the first is printed: then measure() sees each of
  // them first.
  virtual bool measures() const { return false; }
  virtual void measure(const Variant&) {}
  virtual void add(const Variant& variant) = 0;
  virtual void finish() = 0;
};

// `format`: text, csv, md, json, github or hydra. `spec` says which axes have a column.
std::unique_ptr<VariantPrinter> make_variant_printer(std::string_view format, Terminal& terminal,
                                                     const MatrixSpec& spec);

}  // namespace lathe
