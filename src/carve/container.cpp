// SPDX-License-Identifier: MIT
#include "carve/container.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "base/error.h"
#include "base/text.h"
#include "inspect/inspect.h"
#include "formats/known_formats.h"
#include "formats/zip.h"
#include "package/kinds.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

std::optional<Zip> directory_of(ByteSpan bytes) {
  try {
    return read_zip(bytes, "");
  } catch (const Error&) {
    return std::nullopt;  // damaged
  }
}

// The most telling of what `inspect` did not read.
std::string unread_in(const Inspection& inspection, const fs::path& path) {
  const auto worst = std::ranges::max_element(inspection.not_read, {}, &NotRead::holds);
  if (worst == inspection.not_read.end()) return "";
  const std::size_t inside = path.string().size() + 1;
  const std::string name =
      worst->path.size() > inside ? printable(worst->path.substr(inside)) : "what is in it";
  return fmt::format("{}: {}{}{}", name, worst->words, worst->seen.empty() ? "" : ", ", worst->seen);
}

}  // namespace

NotRead look_into_package(const PackageKind& kind, const fs::path& path, ByteSpan bytes) {
  const auto zip = directory_of(bytes);
  NotRead out{.format = looks_like_zip(bytes) ? "zip" : std::string(kind.name),
              .words = std::string(zip ? words_for_zip(*zip) : kind.name),
              .size = bytes.size()};
  try {
    const Inspection inspection = inspect({path}, {.threads = 1});
    if (!inspection.gpu().empty()) {
      out.holds = NotRead::Holds::device_code;
      out.seen = "it holds device code";
    } else if (inspection.read_in_part()) {
      out.seen = unread_in(inspection, path);
    } else {
      out.holds = NotRead::Holds::nothing;
      out.seen = "no device code was seen in it";
    }
  } catch (const Error& error) {
    out.seen = error.parts().what;
  }
  return out;
}

std::optional<NotRead> look_into_file(PathLook& look) {
  if (!look.is_file()) return std::nullopt;
  const ByteSpan bytes = look.mapped().bytes();
  std::optional<NotRead> found;
  const bool deb = as_text(bytes).starts_with("!<arch>\ndebian-binary");
  if (deb || code_format(bytes.first(std::min(look_size, bytes.size()))).empty()) found = look_into(bytes);
  look.mapped().expect_whole();
  if (found) found->path = look.path().string();
  return found;
}

}  // namespace lathe
