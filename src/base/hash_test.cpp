// SPDX-License-Identifier: MIT
#include "base/hash.h"

#include <gtest/gtest.h>

namespace lathe {
namespace {

// FIPS 180-2, appendix B.1, and the empty text.
TEST(Sha256, AgreesWithTheStandardsExamples) {
  EXPECT_EQ(to_hex(sha256(as_byte_span("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_sri(sha256({})), "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
  EXPECT_EQ(to_base64url(sha256({})), "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU");
}

TEST(Sha256, PartsAreAsGoodAsTheWhole) {
  Sha256Stream stream;
  stream.add(as_byte_span("a"));
  stream.add(as_byte_span("bc"));
  EXPECT_EQ(stream.finish(), sha256(as_byte_span("abc")));
}

}  // namespace
}  // namespace lathe
