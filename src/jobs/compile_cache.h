// SPDX-License-Identifier: MIT
// The folders in which recipes keep what compilers made (settings.compile_cache): there, writable by the
// users that build, and shown to builds in Nix's sandbox.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/job.h"

namespace lathe {

// The different folders of these jobs' variants.
std::vector<std::string> compile_caches(const std::vector<Job>& jobs);

// Makes the folder if it is missing, for the group nixbld where there is one. "" when all is well, else a
// sentence: builds go on without a cache then. Looks at this machine only: what another builder has, its
// builds say.
std::string prepare_compile_cache(const std::filesystem::path& folder);

// What a recipe prints that builds without; the reason follows.
inline constexpr std::string_view no_cache_words = "torchlathe: no compile cache: ";

// The setting of Nix that lets `folders` into the sandbox; those that are missing are no error there.
std::string sandbox_setting(const std::vector<std::string>& folders);

}  // namespace lathe
