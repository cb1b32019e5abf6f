// SPDX-License-Identifier: MIT
#include "host/host_json.h"
#include "host/named_host.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "host/detect.h"

namespace lathe {
namespace {

std::string error_of(const std::string& text) {
  try {
    read_host(text, "m.json");
  } catch (const Error& error) {
    return error.text();
  }
  return "accepted";
}

TEST(HostJson, ThisMachineComesBackAsItWas) {
  const std::string first = host_json(detect_host());
  EXPECT_EQ(host_json(read_host(first, "m.json")), first);
}

TEST(HostJson, AMachineMadeUpFromNamesComesBackWithItsDriver) {
  const HostInfo host = made_up_host({.gpus = {"RTX 5090"}, .cpu = "avx2"});
  ASSERT_TRUE(host.driver.assumed);
  EXPECT_TRUE(read_host(host_json(host), "m.json").driver.assumed);
  EXPECT_EQ(host_json(read_host(host_json(host), "m.json")), host_json(host));
}

TEST(HostJson, WhatIsMissingIsNotKnownAndIsSaid) {
  const HostInfo host = read_host(R"({"cpu": {"machine": "x86_64", "features": ["avx"]}})", "m.json");
  EXPECT_TRUE(host.gpus.empty());
  ASSERT_EQ(host.notes.size(), 1u);
  EXPECT_EQ(host.notes[0].what, "the recording does not say which GPUs there are: none is assumed");
  const HostInfo gpu =
      read_host(R"({"cpu": {"machine": "x86_64", "features": []}, "gpus": [{"name": "x"}]})", "m.json");
  EXPECT_EQ(gpu.notes.size(), 2u);
  EXPECT_FALSE(gpu.driver.version.has_value());
}

TEST(HostJson, TheDriverTellsItsCuda) {
  const HostInfo host = read_host(
      R"({"cpu": {"machine": "aarch64", "features": []}, "gpus": [], "driver": {"version": "575.57.08"}})",
      "m.json");
  EXPECT_EQ(host.driver.cuda->text(), "12.9");
}

TEST(HostJson, AFileMayHaveSeveralMachines) {
  const std::string one = R"({"cpu":{"machine":"x86_64","features":["avx2"]},"comment":"a"})";
  const auto hosts = read_hosts("[" + one + "," + one + "]", "fleet.json");
  ASSERT_EQ(hosts.size(), 2u);
  EXPECT_EQ(hosts[1].comment, "a");
  EXPECT_EQ(read_hosts(one, "fleet.json").size(), 1u);
  EXPECT_TRUE(read_hosts("[]", "fleet.json").empty());
  EXPECT_THROW(read_hosts("[" + one + ",7]", "fleet.json"), Error);
}

TEST(HostJson, MistakesAreNamed) {
  EXPECT_EQ(
      error_of("[]"),
      "m.json: not a recorded machine: the whole is not a record\n  fix: docs/formats/host.md describes the "
      "format");
  EXPECT_EQ(error_of("{}"),
            "m.json: not a recorded machine: cpu is missing\n  fix: a machine needs at least cpu.machine and "
            "cpu.features");
  const std::string cpu = R"({"cpu": {"machine": "x86_64", "features": []}, )";
  EXPECT_EQ(error_of(cpu + R"("gpus": [{}, {"capability": "sm_90"}]})"),
            "m.json: not a recorded machine: gpus[1].capability \"sm_90\" is not a device's compute "
            "capability\n  fix: written as in \"9.0\"");
  EXPECT_EQ(
      error_of(cpu + R"("gpus": [{"pci_id": "1002:744c"}]})"),
      "m.json: not a recorded machine: gpus[0].pci_id is not a PCI number of NVIDIA's\n  fix: written as in "
      "\"10de:2b85\"");
  EXPECT_NE(
      error_of(cpu + R"("driver": {"version": "new"}})").find("driver.version \"new\" is not a version"),
      std::string::npos);
  EXPECT_NE(error_of(cpu + R"("gpus": 7})").find("gpus is not a list"), std::string::npos);
  EXPECT_NE(error_of(cpu + R"("system": {"memory": -1}})").find("system.memory is not a number from 0"),
            std::string::npos);
  EXPECT_NE(error_of(R"({"cpu": {"machine": "riscv64", "features": []}})").find("cpu.machine is neither"),
            std::string::npos);
  EXPECT_NE(error_of(R"({"cpu": {"machine": "x86_64"}})").find("cpu.features is missing"), std::string::npos);
  EXPECT_NE(error_of("{").find("m.json:1"), std::string::npos);
}

}  // namespace
}  // namespace lathe
