// SPDX-License-Identifier: MIT
#include "report/variants.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "matrix/expand.h"
#include "matrix/variant.h"

namespace lathe {
namespace {

MatrixSpec few() {
  return parse_matrix(R"([matrix]
name = "few"
[nixpkgs.main]
rev = "6a030d535719c5190187c4cec156f335e95e3211"
[pytorch."2.10.0"]
hash = ""
[[build]]
pytorch = ["2.10.0"]
python = ["3.12", "3.13"]
cuda = ["13.0"]
gpus = ["9.0", "12.0"]
isas = ["avx2", "avx512"]
)",
                      "few.toml");
}

// A million rows that are kept cost 400 MB; so no printer keeps one.
TEST(VariantPrinter, HandsEachRowOnBeforeTheNext) {
  for (const char* format : {"text", "csv", "md", "json", "hydra"}) {
    std::string out, err;
    Terminal terminal(out, err);
    const auto printer = make_variant_printer(format, terminal, few());
    const std::vector<Variant> variants = expand(few());
    ASSERT_EQ(variants.size(), 8U);
    if (printer->measures())
      std::ranges::for_each(variants, [&](const Variant& variant) { printer->measure(variant); });
    EXPECT_EQ(out.find(variants[0].name), std::string::npos) << format;
    for (const Variant& variant : variants) {
      printer->add(variant);
      EXPECT_NE(out.find(variant.name), std::string::npos) << format;
    }
  }
}

TEST(VariantPrinter, OnlyTheFormatThatIsAlignedLooksAtAllRowsFirst) {
  std::string out, err;
  Terminal terminal(out, err);
  for (const char* format : {"csv", "md", "json", "github", "hydra"})
    EXPECT_FALSE(make_variant_printer(format, terminal, few())->measures()) << format;
  EXPECT_TRUE(make_variant_printer("text", terminal, few())->measures());
}

}  // namespace
}  // namespace lathe
