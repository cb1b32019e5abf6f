// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>

namespace lathe {

// Throws where write_file_atomically (os/file.h) would throw, as far as that can be told without writing:
// for whoever has long work to do before. A FIFO is not tried: its reader would see it close.
void check_output(const std::filesystem::path& path);

}  // namespace lathe
