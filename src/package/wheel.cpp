// SPDX-License-Identifier: MIT
// A Python wheel: a zip archive with a folder NAME-VERSION.dist-info in it that says what it is. Inside of
// other packages it is read as any zip archive.
#include <algorithm>

#include "base/error.h"
#include "package/wheel_names.h"
#include "package/zip_package.h"

namespace lathe {
namespace {

class WheelPackage final : public ZipPackage {
 public:
  using ZipPackage::ZipPackage;
};

// By its name, or by what an installer would look for in it.
bool is_meant_as_wheel(PathLook& look) {
  if (!look.is_zip()) return false;
  if (look.path().extension() == ".whl") return true;
  try {
    return std::ranges::any_of(look.zip().members,
                               [](const ZipMember& member) { return !dist_info_stem(member.name).empty(); });
  } catch (const Error&) {
    return false;  // damaged: nobody can say
  }
}

}  // namespace

extern const PackageKind wheel_kind;
constinit const PackageKind wheel_kind = {
    .name = "wheel",
    .is = is_meant_as_wheel,
    .open = [](PathLook look) -> std::unique_ptr<Package> {
      return std::make_unique<WheelPackage>(std::move(look));
    },
};

}  // namespace lathe
