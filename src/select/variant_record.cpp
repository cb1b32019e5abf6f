// SPDX-License-Identifier: MIT
#include "select/variant_record.h"

#include <fmt/format.h>

#include "base/json.h"
#include "matrix/axis_table.h"
#include "matrix/variant.h"

namespace lathe {

std::optional<std::string> gpu_of(const Variant& variant) {
  return variant.is_gpu() ? std::optional(variant.cell->gpu_text) : std::nullopt;
}

std::size_t VariantRecords::KeyHash::operator()(const Key& key) const {
  const std::hash<const void*> pointer;
  return (pointer(key.cell) * 31 + pointer(key.settings)) * 31 + std::hash<std::string>{}(key.package);
}

VariantRecords::Common VariantRecords::common_of(const Variant& variant) {
  const Cell& cell = *variant.cell;
  JsonWriter before(JsonWriter::Layout::compact), after(JsonWriter::Layout::compact);
  before.begin_object().member("package", variant.package).member("kind", variant.is_gpu() ? "gpu" : "cpu");
  for (const Axis* axis : axes_by_column()) {
    if (!axis->of_cell || (axis->may_be_off() && !axis->shown(*axis, variant))) continue;
    if (axis->json) axis->json(*axis, variant, before);
    else before.member(axis->word, axis->shown(*axis, variant));
  }
  before.end_object();
  after.begin_object()
      .member("system", system_of(cell.isa->machine))
      .member("cpu_flags", variant.cpu_flags())
      .member("status", to_string(cell.status))
      .member("reason", cell.reason)
      .member("runs_on", cell.runs_on)
      .member("min_driver", cell.min_driver ? std::optional(cell.min_driver->text()) : std::nullopt)
      .end_object();
  // without {, } and line end
  const auto inner = [](std::string object) { return object.substr(1, object.size() - 3); };
  return {inner(before.take()), inner(after.take())};
}

const VariantRecords::Common& VariantRecords::common_for(const Variant& variant) {
  auto& made = common_[{variant.cell.get(), variant.settings.get(), variant.package}];
  if (!made) {
    kept_cells_.push_back(variant.cell);  // so that no other cell can come to the same address
    kept_settings_.push_back(variant.settings);
    made = std::make_unique<Common>(common_of(variant));
  }
  return *made;
}

// Names, files and releases hold nothing that JSON must escape: the grammar of names and versions sees to
// that.
void VariantRecords::write(const Variant& variant, const Common& common, const Put& put) {
  for (const std::string_view piece : {std::string_view("{\"name\":\""),
                                       std::string_view(variant.name),
                                       std::string_view("\",\"file\":\""),
                                       std::string_view(variant.name),
                                       std::string_view(".nix\",\"pname\":\""),
                                       std::string_view(variant.pname),
                                       std::string_view("\","),
                                       std::string_view(common.before_python),
                                       std::string_view(",\"pytorch\":\""),
                                       std::string_view(variant.pytorch->version),
                                       std::string_view("\",\"python\":\""),
                                       std::string_view(variant.python),
                                       std::string_view("\","),
                                       variant.companion ? std::string_view("\"torch\":\"") : "",
                                       std::string_view(variant.torch),
                                       variant.companion ? std::string_view("\",\"version\":\"") : "",
                                       variant.companion ? std::string_view(variant.companion->version) : "",
                                       variant.companion ? std::string_view("\",") : "",
                                       std::string_view(common.after_python),
                                       std::string_view("}")}) {
    put(piece);
  }
}

std::string variant_json(const Variant& variant) {
  std::string json;
  VariantRecords::write(variant, VariantRecords::common_of(variant),
                        [&](std::string_view piece) { json += piece; });
  return json;
}

}  // namespace lathe
