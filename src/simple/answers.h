// SPDX-License-Identifier: MIT
// Which path of the server is what of the index: what a client may ask, and what it gets.
#pragma once

#include "http/request.h"
#include "http/server.h"
#include "simple/package_index.h"

namespace lathe {

// /                              what roots there are, for people
// ROOT/simple/                   projects
// ROOT/simple/PROJECT/           its page: HTML or JSON, as the Accept header says
// ROOT/wheels/PROJECT/NAME       a wheel that is carved when it is asked for
// /files/SHA256/NAME             content that never changes
HttpAnswer answer(PackageIndex& index, const HttpRequest& request);

}  // namespace lathe
