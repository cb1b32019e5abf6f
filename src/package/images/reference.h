// SPDX-License-Identifier: MIT
// How a container image is named: oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:TAG], as skopeo
// spells it, or the path alone.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace lathe {

struct ImageReference {
  enum class Form { unsaid, oci_folder, oci_archive, docker_archive };
  Form form = Form::unsaid;
  std::filesystem::path place = {};
  std::string tag = {};  // "" where none was given
};

// nullopt: a path as any other. Error for images that lie elsewhere (docker://, docker-daemon:): says how
// skopeo brings them here.
std::optional<ImageReference> parse_image_reference(std::string_view text);

// OS/ARCHITECTURE[/VARIANT] of this machine: "linux/amd64".
std::string own_platform();

}  // namespace lathe
