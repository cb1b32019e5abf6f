// SPDX-License-Identifier: MIT
#include "nix/derivation.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace lathe {
namespace {

constexpr std::string_view plain =
    R"(Derive([("lib","/nix/store/a-x-lib","",""),("out","/nix/store/a-x","r:sha256","00ff")],)"
    R"([("/nix/store/h-magma-2.9.0.drv",["out"]),("/nix/store/h-torch.drv",["dev","out"])],)"
    R"(["/nix/store/s-builder.sh"],)"
    R"("x86_64-linux",)"
    R"("/bin/bash",["-e","/nix/store/s-builder.sh"],[("pname","torch"),)"
    R"(("preConfigure","export A=\"b\"\n\tc\\d\r")]))";

TEST(Derivation, IsReadWithOutputsInputsAndVariables) {
  const Derivation derivation = parse_derivation(plain, "x.drv");
  EXPECT_EQ(derivation.outputs.at("out").hash, "00ff");
  EXPECT_EQ(derivation.outputs.at("lib").path, "/nix/store/a-x-lib");
  EXPECT_EQ(derivation.inputs.at("/nix/store/h-torch.drv"), (std::vector<std::string>{"dev", "out"}));
  EXPECT_EQ(derivation.sources, std::vector<std::string>{"/nix/store/s-builder.sh"});
  EXPECT_EQ(derivation.system, "x86_64-linux");
  EXPECT_EQ(derivation.arguments.size(), 2u);
  EXPECT_EQ(derivation.variable("preConfigure"), "export A=\"b\"\n\tc\\d\r");
  EXPECT_EQ(derivation.variable("none"), "");
}

TEST(Derivation, StructuredAttributesAreVariablesToo) {
  const Derivation derivation = parse_derivation(
      R"x(Derive([],[],[],"s","b",[],[("__json","{\"pname\":\"torch\",\"outputs\":[\"out\",\"dev\"],)x"
      R"x(\"strictDeps\":true,)x"
      R"x(\"env\":{\"USE_CUDA\":\"1\",\"N\":3}}")]))x",
      "x");
  EXPECT_EQ(derivation.variable("pname"), "torch");
  EXPECT_EQ(derivation.variable("outputs"), "out dev");
  EXPECT_EQ(derivation.variable("strictDeps"), "1");
  EXPECT_EQ(derivation.variable("USE_CUDA"), "1");
  EXPECT_EQ(derivation.variable("N"), "3");
}

TEST(Derivation, EveryCutOfOneIsAnError) {
  for (std::size_t size = 0; size < plain.size(); ++size) {
    EXPECT_THROW(parse_derivation(plain.substr(0, size), "x.drv"), Error) << size;
  }
  EXPECT_THROW(parse_derivation(std::string(plain) + "x", "x.drv"), Error);
}

TEST(StoreName, IsWhatFollowsTheHash) {
  EXPECT_EQ(store_name("/nix/store/h-magma-2.9.0.drv"), "magma-2.9.0");
  EXPECT_EQ(store_name("/nix/store/h-python3.13-torch-2.9.1"), "python3.13-torch-2.9.1");
  EXPECT_EQ(store_name("x"), "x");
}

}  // namespace
}  // namespace lathe
