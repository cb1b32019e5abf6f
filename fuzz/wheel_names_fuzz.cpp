// SPDX-License-Identifier: MIT
// The texts of a wheel's .dist-info, which anybody may have written: WHEEL, METADATA, variant.json. The
// first byte says which.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/error.h"
#include "carve/carve.h"
#include "package/wheel_names.h"
#include "carve/wheel_variant.h"

namespace {

// A name that comes of it is a name of a file, and is read back as the same.
void check_wheel(std::string_view text) {
  const auto name = lathe::wheel_name_inside("a-1", text, "");
  if (!name) return;
  const std::string file = name->file_name();
  if (file.find('/') != std::string::npos || file.find('\0') != std::string::npos) std::abort();
  const auto again = lathe::parse_wheel_name(file);
  if (!again || again->file_name() != file) std::abort();
}

void check_metadata(std::string_view text) {
  const auto once = lathe::metadata_with_version(text, "2+sm90");
  if (once && lathe::metadata_with_version(*once, "2+sm90") != once) std::abort();
}

// A label can stand in a name; what is written over an earlier text is JSON with the new label.
void check_variant(std::string_view text) {
  if (lathe::label_inside(text).find_first_of("/-") != std::string::npos) std::abort();
  const auto targets = lathe::parse_carve_targets("9.0");
  if (lathe::label_inside(lathe::wheel_variant_json("sm90", targets, "13.0", text)) != "sm90") std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    if (data[0] == 'w') check_wheel(text);
    else if (data[0] == 'm') check_metadata(text);
    else check_variant(text);
  } catch (const lathe::Error&) {
  }
  return 0;
}
