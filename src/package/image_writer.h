// SPDX-License-Identifier: MIT
// Inside of package only. Writes a container image again: layers in which a file changes are packed anew, all
// others go over as they lie there, with their digests.
#pragma once

#include <memory>
#include <vector>

#include "package/image_package.h"
#include "package/images/layer.h"
#include "package/images/repack.h"
#include "package/images/view.h"
#include "package/writer.h"

namespace lathe {

std::unique_ptr<PackageWriter> write_image(const ImagePackage& image, PackageWriteOptions options);

// The RECORDs (lists of installed files) of a view that are no longer true after `changes`, written again.
// Both by layer; what it finds is added to `records`.
void mend_records(const ImageView& view, const std::vector<const Layer*>& layers,
                  const std::vector<LayerChanges>& changes, std::vector<LayerChanges>& records);

}  // namespace lathe
