// SPDX-License-Identifier: MIT
// Source: containers-transports(5).
#include "package/images/reference.h"

#include <fmt/format.h>

#include <array>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/text.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;
using Form = ImageReference::Form;

constexpr std::array<std::pair<std::string_view, Form>, 3> forms = {{
    {"oci:", Form::oci_folder},
    {"oci-archive:", Form::oci_archive},
    {"docker-archive:", Form::docker_archive},
}};

constexpr std::array<std::string_view, 5> elsewhere = {
    "docker://", "docker-daemon:", "containers-storage:", "ostree:", "sif:"};

// "DIR:TAG", at the first colon as skopeo does. A colon that is part of an existing name is none.
std::pair<fs::path, std::string> split_tag(std::string_view text) {
  const std::size_t colon = text.find(':');
  std::error_code ignored;
  if (colon == std::string_view::npos || fs::exists(text, ignored)) return {text, ""};
  return {text.substr(0, colon), std::string(text.substr(colon + 1))};
}

}  // namespace

std::optional<ImageReference> parse_image_reference(std::string_view text) {
  for (const std::string_view transport : elsewhere) {
    if (!text.starts_with(transport)) continue;
    throw Error({.what = fmt::format("images of {} are not read from there", transport),
                 .where = {.file = std::string(text)},
                 .next = fmt::format("copy it: skopeo copy {} oci:image:latest; then name oci:image:latest",
                                     printable(text))});
  }
  for (const auto& [transport, form] : forms) {
    if (!text.starts_with(transport)) continue;
    auto [place, tag] = split_tag(text.substr(transport.size()));
    if (place.empty()) {
      throw Error({.what = "no path after " + std::string(transport),
                   .where = {.file = std::string(text)},
                   .next = fmt::format("name it like {}PATH:TAG", transport)});
    }
    return ImageReference{.form = form, .place = std::move(place), .tag = std::move(tag)};
  }
  return std::nullopt;
}

std::string own_platform() {
#if defined(__aarch64__)
  return "linux/arm64";
#else
  return "linux/amd64";
#endif
}

}  // namespace lathe
