// SPDX-License-Identifier: MIT
#include "hardware/capability.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error.h"

namespace lathe {
namespace {

std::string error_of(std::string_view text, Dialect wanted) {
  try {
    parse_capability_as(text, wanted);
  } catch (const Error& error) {
    return error.text();
  }
  return "no error";
}

TEST(Capability, IsSpelledInEveryDialect) {
  EXPECT_EQ(spell({9, 0}, Dialect::dotted), "9.0");
  EXPECT_EQ(spell({9, 0}, Dialect::cmake), "90");
  EXPECT_EQ(spell({9, 0}, Dialect::sm), "sm_90");
  EXPECT_EQ(spell({9, 0}, Dialect::compute), "compute_90");
  EXPECT_EQ(spell({9, 0}, Dialect::name), "sm90");
  EXPECT_EQ(spell({10, 3, 'a'}, Dialect::dotted), "10.3a");
  EXPECT_EQ(spell({10, 3, 'f'}, Dialect::sm), "sm_103f");
  EXPECT_EQ(spell({12, 1, 'a'}, Dialect::cmake), "121a");
}

TEST(Capability, IsReadFromEveryDialect) {
  const auto read = [](std::string_view text) { return parse_capability(text).value(); };
  EXPECT_EQ(read("9.0"), (SpelledCapability{{9, 0}, Dialect::dotted}));
  EXPECT_EQ(read("9.0a"), (SpelledCapability{{9, 0, 'a'}, Dialect::dotted}));
  EXPECT_EQ(read("9.0+PTX"), (SpelledCapability{{9, 0}, Dialect::dotted, true}));
  EXPECT_EQ(read("10.3a+PTX"), (SpelledCapability{{10, 3, 'a'}, Dialect::dotted, true}));
  EXPECT_EQ(read("90"), (SpelledCapability{{9, 0}, Dialect::cmake}));
  EXPECT_EQ(read("120"), (SpelledCapability{{12, 0}, Dialect::cmake}));
  EXPECT_EQ(read("121a"), (SpelledCapability{{12, 1, 'a'}, Dialect::cmake}));
  EXPECT_EQ(read("sm_90"), (SpelledCapability{{9, 0}, Dialect::sm}));
  EXPECT_EQ(read("sm_100f"), (SpelledCapability{{10, 0, 'f'}, Dialect::sm}));
  EXPECT_EQ(read("compute_120"), (SpelledCapability{{12, 0}, Dialect::compute}));
  EXPECT_EQ(read("sm120"), (SpelledCapability{{12, 0}, Dialect::name}));
  EXPECT_EQ(read("SM90"), (SpelledCapability{{9, 0}, Dialect::name}));
  EXPECT_EQ(read("SM_90"), (SpelledCapability{{9, 0}, Dialect::sm}));
}

TEST(Capability, AbsurdTextIsNoCapability) {
  const std::vector<std::string> absurd = {"",
                                           " ",
                                           ".",
                                           "9",
                                           "9.",
                                           ".0",
                                           "9.0b",
                                           "9.0aa",
                                           "9.0A",
                                           "9.0f ",
                                           " 9.0",
                                           "12.10",
                                           "123.0",
                                           "1234",
                                           "00",
                                           "09",
                                           "0.9",
                                           "09.0",
                                           "-9.0",
                                           "+9.0",
                                           "9.-1",
                                           "9.0+ptx",
                                           "9.0+PTX+PTX",
                                           "+PTX",
                                           "90+PTX",
                                           "sm_90+PTX",
                                           "sm_",
                                           "sm",
                                           "sm_9",
                                           "sm_9.0",
                                           "sm__90",
                                           "sm-90",
                                           "compute_",
                                           "compute_9.0",
                                           "compute90",
                                           "sm_sm90",
                                           "a",
                                           "f",
                                           "af",
                                           "90-real",
                                           "8.6(8.0)",
                                           "9.0;10.0",
                                           "Hopper",
                                           "native",
                                           "all",
                                           "99999999999999999999",
                                           "9.99999999999999999999",
                                           "9\u0660",
                                           std::string("9.0\0", 4),
                                           std::string("\0", 1),
                                           std::string("sm_9\0"
                                                       "0",
                                                       6),
                                           std::string(100000, '9'),
                                           "9,0",
                                           "0x90",
                                           "9e0",
                                           "gfx90a"};
  for (const std::string& text : absurd) EXPECT_FALSE(parse_capability(text)) << text.substr(0, 50);
}

TEST(Capability, EveryOneComesBackFromEveryDialect) {
  for (int major = 1; major < 100; ++major) {
    for (int minor = 0; minor < 10; ++minor) {
      for (const char suffix : {char(0), 'a', 'f'}) {
        for (const Dialect dialect :
             {Dialect::dotted, Dialect::cmake, Dialect::sm, Dialect::compute, Dialect::name}) {
          const SpelledCapability written{{major, minor, suffix}, dialect, false};
          ASSERT_EQ(parse_capability_as(spell(written), dialect), written) << spell(written);
        }
      }
    }
  }
}

TEST(Capability, TheWrongDialectIsNamedWithTheRightSpelling) {
  EXPECT_EQ(
      error_of("sm_90", Dialect::dotted),
      "\"sm_90\" is the sm dialect; gpuTargets and TORCH_CUDA_ARCH_LIST want the dotted dialect: \"9.0\"\n"
      "  fix: write \"9.0\"");
  EXPECT_EQ(
      error_of("SM120", Dialect::dotted),
      "\"SM120\" is the name dialect; gpuTargets and TORCH_CUDA_ARCH_LIST want the dotted dialect: \"12.0\"\n"
      "  fix: write \"12.0\"");
  EXPECT_EQ(error_of("9.0", Dialect::cmake),
            "\"9.0\" is the dotted dialect; CMAKE_CUDA_ARCHITECTURES wants the cmake dialect: \"90\"\n  fix: "
            "write \"90\"");
  EXPECT_EQ(
      error_of("10.0a+PTX", Dialect::sm),
      "\"10.0a+PTX\" is the dotted dialect; nvcc -code and torch.cuda.get_arch_list() want the sm dialect: "
      "\"sm_100a\"\n  fix: write \"sm_100a\"");
  EXPECT_EQ(
      error_of("9.0", Dialect::name),
      "\"9.0\" is the dotted dialect; variant and file names want the name dialect: \"sm90\"\n  fix: write "
      "\"sm90\"");
}

TEST(Capability, PtxIsNotLostSilently) {
  EXPECT_EQ(error_of("compute_90", Dialect::dotted),
            "\"compute_90\" is the compute dialect; gpuTargets and TORCH_CUDA_ARCH_LIST want the dotted "
            "dialect: \"9.0\"\n"
            "  fix: write \"9.0\", or \"9.0+PTX\" to keep PTX");
}

TEST(Capability, SlipsAreGuessed) {
  const auto next = [](std::string_view text) {
    const std::string error = error_of(text, Dialect::dotted);
    return error.substr(error.find("\n  fix: ") + 8);
  };
  EXPECT_EQ(next("12.10"), "did you mean \"12.1\"?");
  EXPECT_EQ(next("9."), "did you mean \"9.0\"?");
  EXPECT_EQ(next("9"), "did you mean \"9.0\"?");
  EXPECT_EQ(next("9.0b"), "did you mean \"9.0\"?");
  EXPECT_EQ(next("9,0"), "did you mean \"9.0\"?");
  EXPECT_EQ(next("sm-90"), "did you mean \"9.0\"?");
  EXPECT_EQ(next("90-real"), "did you mean \"9.0\"?");
  EXPECT_EQ(next(" 9.0a"), "did you mean \"9.0a\"?");
  EXPECT_EQ(next("9.0+ptx"), "did you mean \"9.0+PTX\"?");
  EXPECT_EQ(next("8.6 9.0"), "this looks like a list: write each capability as a value of its own");
  EXPECT_EQ(next("Hopper"), "this is PyTorch's name for 9.0: write the number");
  EXPECT_EQ(next("blackwell"), "this is PyTorch's name for 10.0 and 12.0: write the number");
  EXPECT_EQ(next("gfx1100"), "in the dotted dialect one looks like \"9.0\"");
}

TEST(Capability, ForeignTextIsShownSafelyAndInShort) {
  EXPECT_EQ(error_of(std::string("9.0\0\x1b[31m", 9), Dialect::dotted).substr(0, 46),
            "\"9.0\\x00\\x1b[31m\" is not a compute capability\n");
  EXPECT_LT(error_of(std::string(100000, '9'), Dialect::dotted).size(), 200u);
}

TEST(Capability, IsOrderedByMajorMinorSuffix) {
  EXPECT_LT((Capability{9, 0}), (Capability{10, 0}));
  EXPECT_LT((Capability{10, 0}), (Capability{10, 0, 'a'}));
  EXPECT_LT((Capability{10, 0, 'a'}), (Capability{10, 0, 'f'}));
  EXPECT_LT((Capability{10, 0, 'f'}), (Capability{10, 3}));
}

}  // namespace
}  // namespace lathe
