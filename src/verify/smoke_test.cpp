// SPDX-License-Identifier: MIT
#include "verify/smoke.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"

namespace lathe {
namespace {

// What smoke.py prints for a good run on one device.
std::string records(const std::string& cuda, const std::string& archs, const std::string& device,
                    const std::string& capability, const std::string& more = "") {
  return R"({"begin": "import"}
{"check": "import", "ok": true, "detail": "/x/torch/__init__.py"}
{"fact": "python", "value": "3.13"}
{"fact": "version", "value": "2.10.0"}
{"fact": "cuda_version", "value": ")" +
         cuda + R"("}
{"fact": "cuda_available", "value": true}
{"fact": "arch_list", "value": [)" +
         archs + R"(]}
{"fact": "devices", "value": [{"name": ")" +
         device + R"(", "capability": ")" + capability + R"("}]}
a library that prints
{"begin": "gpu matmul"}
{"check": "gpu matmul", "ok": true, "detail": "off by 2e-07"}
)" + more +
         R"({"fact": "done", "value": true})";
}

Findings judged(const std::string& variant, const std::string& out) {
  return judge_smoke(parse_variant_name(variant), read_smoke(out));
}

std::string rules(const Findings& findings) {
  std::string text;
  for (const Finding& finding : findings) text += (text.empty() ? "" : " ") + finding.rule;
  return text;
}

TEST(Smoke, CodeOfALowerMinorOnAHigherDeviceIsRight) {
  const Findings findings =
      judged("pytorch-python313-cuda13_0-sm86-avx2", records("13.0", "\"sm_86\"", "NVIDIA L40S", "8.9"));
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].severity, Severity::note);
  EXPECT_EQ(findings[0].what, "NVIDIA L40S (8.9) runs code for 8.6: right by the driver's rules");
  EXPECT_EQ(findings.exit_code(true), 0);
}

TEST(Smoke, ADeviceIsWhatItsCapabilitySays) {
  for (const char* name : {"NVIDIA GB10", "NVIDIA DGX Spark", "Graphics Device"}) {
    EXPECT_TRUE(
        judged("pytorch-python313-cuda13_0-sm121-armv9", records("13.0", "\"sm_121\"", name, "12.1")).empty())
        << name;
  }
}

TEST(Smoke, AProfilerThatSeesNoGpuIsAWarning) {
  const auto judged_with = [](const std::string& profiler) {
    return judged("pytorch-python313-cuda13_0-sm86-avx2",
                  records("13.0", "\"sm_86\"", "RTX 3090", "8.6",
                          R"({"fact": "profiler", "value": [)" + profiler + "]}\n"));
  };
  EXPECT_EQ(rules(judged_with("\"CPU\", \"CUDA\"")), "");
  EXPECT_EQ(rules(judged_with("\"CPU\"")), "profiler");
  EXPECT_EQ(rules(judged_with("")), "");  // nobody could say
}

TEST(Smoke, WhatTheNameSaysOfLinearAlgebraMustBeBuiltIn) {
  const auto judged_with = [](const std::string& variant, const std::string& parts) {
    return rules(judged(variant, records("13.0", "\"sm_86\"", "RTX 3090", "8.6",
                                         R"({"fact": "parts", "value": [)" + parts + "]}\n")));
  };
  EXPECT_EQ(judged_with("pytorch-python313-cuda13_0-sm86-avx2-mkl", "\"MKL\""), "");
  EXPECT_EQ(judged_with("pytorch-python313-cuda13_0-sm86-avx2-mkl", "\"OpenBLAS\""), "blas");
  EXPECT_EQ(judged_with("pytorch-python313-cuda13_0-sm86-avx2-mkl", ""), "");  // nobody could say
  EXPECT_EQ(judged_with("pytorch-python313-cuda13_0-sm86-avx2", "\"OpenBLAS\""), "");
}

TEST(Smoke, MismatchesAreErrors) {
  EXPECT_EQ(rules(judged("pytorch-python313-cuda12_8-sm120-avx2",
                         records("13.0", "\"sm_120\"", "RTX 5090", "12.0"))),
            "cuda");
  EXPECT_EQ(
      rules(judged("pytorch-python313-cuda13_0-sm120-avx2", records("13.0", "\"sm_86\"", "RTX 3090", "8.6"))),
      "arch-list device");
  EXPECT_EQ(
      rules(judged("pytorch-python312-cuda13_0-sm86-avx2", records("13.0", "\"sm_86\"", "RTX 3090", "8.6"))),
      "python");
  EXPECT_EQ(rules(judged("pytorch29-python313-cuda13_0-sm86-avx2",
                         records("13.0", "\"sm_86\"", "RTX 3090", "8.6"))),
            "version");
  EXPECT_EQ(rules(judged("pytorch-python313-cpu-avx2", records("13.0", "\"sm_86\"", "RTX 3090", "8.6"))),
            "cuda");
  const Findings more = judged("pytorch-python313-cuda13_0-sm120-avx2",
                               records("13.0", "\"sm_120\", \"sm_86\"", "RTX 3090", "8.6"));
  ASSERT_EQ(more.size(), 1u);
  EXPECT_EQ(more[0].what, "RTX 3090 (8.6) runs it through code that its name does not promise");
}

TEST(Smoke, AFailedKernelIsAnErrorWithTheWayOut) {
  const Findings findings = judged("pytorch-python313-cuda13_0-sm120-avx2",
                                   records("13.0", "\"sm_120\"", "RTX 5090", "12.0",
                                           "{\"check\": \"gpu fft\", \"ok\": false, \"detail\": \"CUDA "
                                           "error: no kernel image is available\"}\n"));
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].severity, Severity::error);
  EXPECT_NE(findings[0].fix.find("no code for this GPU"), std::string::npos);
}

TEST(Smoke, WithoutAGpuItSaysWhatWasNotDone) {
  const std::string out = R"({"check": "import", "ok": true}
{"fact": "version", "value": "2.10.0"}
{"fact": "python", "value": "3.13"}
{"fact": "cuda_version", "value": "13.0"}
{"fact": "cuda_available", "value": false}
{"fact": "arch_list", "value": ["sm_90"]}
{"fact": "devices", "value": []}
{"check": "gpu matmul", "skipped": "PyTorch sees no GPU"}
{"fact": "done", "value": true})";
  const Findings findings = judged("pytorch-python313-cuda13_0-sm90-avx2", out);
  EXPECT_EQ(rules(findings), "not-checked not-checked");
  EXPECT_EQ(findings[0].what, "gpu matmul could not be checked: PyTorch sees no GPU");
  EXPECT_EQ(findings.exit_code(true), 1);
  EXPECT_EQ(rules(judged("pytorch-python313-cuda13_0-sm90-avx2", "")), "crash");
}

TEST(Smoke, ABuildWithoutCudaBreaksThePromiseOfAGpu) {
  const std::string out =
      "{\"check\": \"import\", \"ok\": true}\n{\"fact\": \"version\", \"value\": \"2.10.0\"}\n"
      "{\"fact\": \"cuda_version\", \"value\": null}\n{\"fact\": \"done\", \"value\": true}";
  const Findings findings = judged("pytorch-python313-cuda13_0-sm90-avx2", out);
  EXPECT_EQ(rules(findings), "cuda");
  EXPECT_NE(findings[0].fix.find("overrideAttrs alone cannot"), std::string::npos);
  EXPECT_TRUE(judged("pytorch-python313-cpu-avx2", out).empty());
}

TEST(Smoke, ACrashNamesTheCheck) {
  ProcessResult ended;
  ended.out = "{\"begin\": \"import\"}\n{\"check\": \"import\", \"ok\": true}\n{\"begin\": \"cpu matmul\"}\n";
  ended.signal = 4;
  Process asked;
  const SmokeReport report =
      run_smoke("/x", {.folder = "/x/lib/python3.13/site-packages/torch"}, {.python = "/bin/python3"},
                [&](const Process& process) { return asked = process, ended; });
  EXPECT_EQ(asked.arguments,
            (std::vector<std::string>{"/bin/python3", "-I", "-B", "-", "/x/lib/python3.13/site-packages"}));
  EXPECT_NE(asked.input.find("import torch"), std::string::npos);
  const Findings findings = judge_smoke(parse_variant_name("pytorch-python313-cpu-avx512"), report);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].what, "Python ended during cpu matmul: signal 4 (Illegal instruction)");
  EXPECT_NE(findings[0].fix.find("this CPU does not have"), std::string::npos);
}

TEST(Smoke, ATimeLimitIsSaid) {
  ProcessResult ended;
  ended.signal = 9;
  ended.timed_out = true;
  const SmokeReport report = run_smoke("/x", {.folder = "/x/torch"},
                                       {.python = "/bin/python3", .time_limit = std::chrono::seconds(7)},
                                       [&](const Process&) { return ended; });
  EXPECT_EQ(report.ending, "ran longer than 7 s");
  EXPECT_EQ(judge_smoke(parse_variant_name("pytorch-python313-cpu-avx2"), report)[0].what,
            "Python ended before the first check: ran longer than 7 s");
}

}  // namespace
}  // namespace lathe
