// SPDX-License-Identifier: MIT
// Inside of package only. Writes a container image again: layers in which a file changes are packed anew, all
// others go over as they lie there, with their digests.
#pragma once

#include <memory>

#include "package/image_package.h"
#include "package/writer.h"

namespace lathe {

std::unique_ptr<PackageWriter> write_image(const ImagePackage& image, PackageWriteOptions options);

}  // namespace lathe
