// SPDX-License-Identifier: MIT
// Packs what a plan keeps and what lies unpacked, or the other way round.
#pragma once

#include "base/bytes.h"
#include "carve/layout/packed.h"
#include "carve/plan/plan.h"
#include "device/contents.h"

namespace lathe {

// Images of containers that may move, where they become smaller. On `threads` cores (0: all); the result does
// not depend on their number.
PackedImages pack_images(ByteSpan file, const DeviceContents& contents, const CarvePlan& plan,
                         Compression codec, unsigned threads = 0);

// All images of containers that may move and that lie packed.
PackedImages unpack_images(const DeviceContents& contents, const CarvePlan& plan);

}  // namespace lathe
