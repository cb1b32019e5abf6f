// SPDX-License-Identifier: MIT
#include "page/variant_marks.h"

#include <string>

#include "hardware/capability.h"
#include "matrix/variant.h"

namespace lathe {

void open_item(Html& html, std::string_view tag, std::string_view variant, std::string_view status) {
  const VariantName name = read_variant_name(variant).name.value_or(VariantName{});
  std::string gpus;
  for (const Capability gpu : name.gpus) gpus += (gpus.empty() ? "" : " ") + spell(gpu, Dialect::dotted);
  html.open(tag, {{"data-item", Html::bare},
                  {"data-gpu", gpus},
                  {"data-cpu", name.isa},
                  {"data-cuda", name.cuda ? name.cuda->text() : ""},
                  {"data-python", name.python},
                  {"data-package", name.package},
                  {"data-status", std::string(status)}});
}

}  // namespace lathe
