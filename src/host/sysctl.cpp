// SPDX-License-Identifier: MIT
#include "host/sysctl.h"

#include <algorithm>

#include "base/text.h"

namespace lathe {
namespace {

struct Name {
  std::string_view apple, linux;
};

// XNU: osfmk/i386/cpuid.c (the names in machdep.cpu), bsd/kern/kern_mib.c and osfmk/arm64/cpu_features
// (hw.optional). What has one name in both is not here. hw.optional.arm64 is there on each of Apple's own
// chips, which all have what Linux calls fp and asimd.
constexpr Name names[] = {{"em64t", "lm"},
                          {"x86_64", "lm"},
                          {"sse3", "pni"},
                          {"supplementalsse3", "ssse3"},
                          {"sse4.1", "sse4_1"},
                          {"sse4.2", "sse4_2"},
                          {"avx1.0", "avx"},
                          {"avx1_0", "avx"},
                          {"avx2_0", "avx2"},
                          {"lzcnt", "abm"},
                          {"lahf", "lahf_lm"},
                          {"avx512vnni", "avx512_vnni"},
                          {"avx512bf16", "avx512_bf16"},
                          {"avx512bitalg", "avx512_bitalg"},
                          {"avx512vpopcntdq", "avx512_vpopcntdq"},
                          {"avx512vbmi2", "avx512_vbmi2"},
                          {"arm64", "fp asimd"},
                          {"floatingpoint", "fp"},
                          {"advsimd", "asimd"},
                          {"neon", "asimd"},
                          {"armv8_crc32", "crc32"},
                          {"armv8_1_atomics", "atomics"},
                          {"neon_fp16", "fphp asimdhp"},
                          {"armv8_2_fhm", "asimdfhm"},
                          {"armv8_2_sha512", "sha512"},
                          {"armv8_2_sha3", "sha3"},
                          {"feat_lse", "atomics"},
                          {"feat_fp16", "fphp asimdhp"},
                          {"feat_rdm", "asimdrdm"},
                          {"feat_dotprod", "asimddp"},
                          {"feat_fhm", "asimdfhm"},
                          {"feat_lrcpc2", "ilrcpc"},
                          {"feat_dpb", "dcpop"},
                          {"feat_dpb2", "dcpodp"},
                          {"feat_frintts", "frint"},
                          {"feat_sha256", "sha2"},
                          {"feat_pauth", "paca pacg"}};

std::string_view linux_name(std::string_view apple) {
  const auto* found = std::ranges::find(names, apple, &Name::apple);
  if (found != std::end(names)) return found->linux;
  return apple.starts_with("feat_") ? apple.substr(5) : apple;
}

}  // namespace

std::string features_of_sysctl(std::string_view key, std::string_view value) {
  constexpr std::string_view list = "machdep.cpu.", one = "hw.optional.";
  std::string features;
  if (key.starts_with(list) && key.ends_with("features")) {
    features = " lm";  // macOS has run on 64-bit processors only since 10.7
    for (const std::string_view word : words(value)) features.append(" ").append(linux_name(word));
  } else if (key.starts_with(one) && trim(value) == "1") {
    const std::string_view name =
        key.substr(key.starts_with("hw.optional.arm.") ? one.size() + 4 : one.size());
    features.append(" ").append(linux_name(name));
  }
  return features;
}

}  // namespace lathe
