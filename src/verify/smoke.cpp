// SPDX-License-Identifier: MIT
#include "verify/smoke.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <span>
#include <system_error>
#include <utility>

#include "base/embedded.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "hardware/capability.h"
#include "hardware/catalog.h"
#include "hardware/compat.h"
#include "hardware/nixpkgs.h"
#include "os/small_file.h"
#include "package/kinds.h"
#include "package/package.h"

namespace lathe::smoke_script {
std::span<const EmbeddedFile> files();
}

namespace lathe {
namespace {

namespace fs = std::filesystem;

bool runs(const fs::path& program) {
  std::error_code failed;
  return fs::exists(program, failed) && !fs::is_directory(program, failed);
}

// The Python that a Nix package propagates: nix-support/propagated-build-inputs holds store paths, blanks
// between them.
std::string propagated_python(const fs::path& path) {
  const std::string inputs = small_file(path / "nix-support/propagated-build-inputs").value_or("");
  for (const std::string_view input : split(inputs, ' ')) {
    const fs::path program = fs::path(trim(input)) / "bin/python3";
    if (input.find("-python3-") != std::string_view::npos && runs(program)) return program.string();
  }
  return "";
}

// "/env/lib/python3.12/site-packages/torch" -> "/env"
fs::path prefix_of(const fs::path& package) {
  return package.parent_path().parent_path().parent_path().parent_path();
}

void take_fact(SmokeReport& report, const Json& record, const std::string& name) {
  const Json* value = record.find("value");
  const auto text = [&] { return value && value->text() ? printable(*value->text()) : std::string(); };
  if (name == "version") report.version = text();
  if (name == "python") report.python = text();
  if (name == "cuda_version") report.cuda = text();
  if (name == "cpu_capability") report.cpu_capability = text();
  if (name == "cuda_available") report.cuda_available = value && value->get<bool>() && *value->get<bool>();
  if (name == "done") report.done = true;
  const auto texts = [&](std::vector<std::string>& into) {
    if (!value || !value->array()) return;
    for (const Json& item : *value->array()) {
      if (item.text()) into.push_back(printable(*item.text()));
    }
  };
  if (name == "arch_list") texts(report.arch_list);
  if (name == "parts") texts(report.parts);
  if (name == "profiler") texts(report.profiler);
  if (name == "devices" && value && value->array()) {
    for (const Json& item : *value->array()) {
      const auto spelled = parse_capability(item.text_of("capability"));
      report.devices.push_back({.name = printable(item.text_of("name")),
                                .capability = spelled ? std::optional(spelled->capability) : std::nullopt});
    }
  }
}

void take_check(SmokeReport& report, const Json& record, const std::string& name) {
  using Outcome = SmokeCheck::Outcome;
  const Json* ok = record.find("ok");
  const bool passed = ok && ok->get<bool>() && *ok->get<bool>();
  const bool skipped = record.find("skipped") != nullptr;
  Outcome outcome = passed ? Outcome::passed : Outcome::failed;
  if (skipped) outcome = Outcome::skipped;
  report.checks.push_back({.name = printable(name),
                           .outcome = outcome,
                           .detail = printable(record.text_of(skipped ? "skipped" : "detail"))});
  report.unfinished.clear();
}

std::string last_lines(const std::string& text) {
  constexpr std::size_t most = 2000;
  const std::string_view end = std::string_view(text).substr(text.size() - std::min(text.size(), most));
  return std::string(trim(end));
}

class SmokeJudge {
 public:
  SmokeJudge(const VariantName& variant, const SmokeReport& report) : variant_(variant), report_(report) {}

  Findings run() {
    judge_checks();
    if (report_.checks.empty() || report_.version.empty()) return std::move(out_);
    judge_versions();
    judge_blas();
    if (variant_.cuda) judge_gpu();
    else if (!report_.cuda.empty())
      error("cuda", fmt::format("is built with CUDA {}, its name says cpu", report_.cuda),
            "build it without CUDA, or name it so");
    return std::move(out_);
  }

 private:
  void error(std::string rule, std::string what, std::string fix) {
    out_.add({.rule = std::move(rule),
              .severity = Severity::error,
              .what = std::move(what),
              .fix = std::move(fix)});
  }

  void judge_checks() {
    for (const SmokeCheck& check : report_.checks) {
      if (check.outcome == SmokeCheck::Outcome::failed)
        error("check", fmt::format("{}: {}", check.name, check.detail), fix_of(check));
      const bool matters = variant_.cuda.has_value() || !check.name.starts_with("gpu");
      if (check.outcome == SmokeCheck::Outcome::skipped && matters && !is_optional(check.name)) {
        out_.add({.rule = "not-checked",
                  .severity = Severity::warning,
                  .what = fmt::format("{} could not be checked: {}", check.name, check.detail),
                  .fix = "run it again on a machine with the GPU"});
      }
    }
    if (report_.done) return;
    if (!report_.checks.empty() && report_.checks.back().name == "import" && report_.unfinished.empty() &&
        report_.checks.back().outcome == SmokeCheck::Outcome::failed) {
      return;  // said already
    }
    const std::string during =
        report_.unfinished.empty() ? "before the first check" : fmt::format("during {}", report_.unfinished);
    const bool illegal = report_.ending.find("Illegal instruction") != std::string::npos;
    error("crash",
          fmt::format("Python ended {}: {}", during,
                      report_.ending.empty() ? "no reason known" : report_.ending),
          illegal ? "the build needs instructions that this CPU does not have: torchlathe select names one "
                    "that starts"
                  : "see what it printed above");
  }

  // A build may come without these, whatever its name.
  static bool is_optional(std::string_view check) { return check == "nccl" || check == "gpu compile"; }

  static std::string fix_of(const SmokeCheck& check) {
    if (check.detail.find("no kernel image") != std::string::npos) {
      return "the build has no code for this GPU: torchlathe inspect shows for which, torchlathe select "
             "names one that has";
    }
    if (check.name == "import") return "a library is missing or of another release: the text names it";
    return "";
  }

  void judge_versions() {
    if (!report_.python.empty() && report_.python != variant_.python) {
      error("python", fmt::format("is for Python {}, its name says {}", report_.python, variant_.python), "");
    }
    const std::string digits =
        digits_of(std::string_view(report_.version).substr(0, report_.version.find('+')));
    if (!variant_.release.empty() && digits != variant_.release) {
      error("version", fmt::format("is PyTorch {}, its name says {}", report_.version, variant_.release), "");
    }
  }

  // What its name says of the library of linear algebra, where torch can be asked.
  void judge_blas() {
    if (report_.parts.empty()) return;
    for (const BlasLibrary& library : nixpkgs_tables().blas) {
      const auto& words = variant_.words;
      const bool promised = std::ranges::find(words, library.name) != words.end();
      if (promised && std::ranges::find(report_.parts, library.part) == report_.parts.end())
        error("blas", fmt::format("is built without {}, its name says {}", library.title, library.name), "");
    }
  }

  void judge_gpu() {
    if (report_.cuda.empty()) {
      return error("cuda", "is built without CUDA, its name promises a GPU build",
                   "enable it with override { cudaSupport = true; }: overrideAttrs alone cannot");
    }
    const auto cuda = Version::parse(report_.cuda);
    const bool same = cuda && cuda->parts.size() >= 2 &&
                      variant_.cuda->parts == std::vector<int>{cuda->parts[0], cuda->parts[1]};
    if (!same)
      error("cuda",
            fmt::format("is built with CUDA {}, its name says {}", report_.cuda, variant_.cuda->text()), "");
    judge_arch_list();
    judge_devices();
    judge_profiler();
  }

  // Without CUPTI the build goes on and says so in one line of thousands; without a device PyTorch does not
  // say that it has it.
  void judge_profiler() {
    if (report_.devices.empty() || report_.profiler.empty()) return;
    if (std::ranges::find(report_.profiler, "CUDA") != report_.profiler.end()) return;
    out_.add({.rule = "profiler",
              .severity = Severity::warning,
              .what = "torch.profiler cannot watch the GPU: the build did not find CUPTI",
              .fix = "keep nixpkgs' patches of torch: torchlathe catalog patches"});
  }

  std::vector<DeviceCode> built_for() const {
    std::vector<DeviceCode> code;
    for (const std::string& arch : report_.arch_list) {
      const auto spelled = parse_capability(arch);
      if (spelled)
        code.push_back(
            {spelled->capability, spelled->dialect == Dialect::compute ? CodeKind::ptx : CodeKind::cubin});
    }
    return code;
  }

  // A string from build time: it proves nothing, but a contradiction to the name is one.
  void judge_arch_list() {
    const auto code = built_for();
    for (const Capability gpu : variant_.gpus) {
      const bool named = std::ranges::any_of(code, [&](const DeviceCode& each) {
        return each.capability == gpu && each.kind == CodeKind::cubin;
      });
      if (!named)
        error("arch-list",
              fmt::format("its architecture list is \"{}\", its name says {}",
                          fmt::join(report_.arch_list, " "), spell(gpu, Dialect::sm)),
              "");
    }
  }

  void judge_devices() {
    if (!report_.cuda_available || report_.devices.empty()) {
      out_.add({.rule = "not-checked",
                .severity = Severity::warning,
                .what = "PyTorch sees no GPU: nothing ran on one",
                .fix = "torchlathe detect tells whether the machine has one, and what is in its way"});
      return;
    }
    std::vector<DeviceCode> promised;
    for (const Capability gpu : variant_.gpus) promised.push_back({gpu, CodeKind::cubin});
    for (const SmokeDevice& device : report_.devices) judge_device(device, promised);
  }

  void judge_device(const SmokeDevice& device, const std::vector<DeviceCode>& promised) {
    if (!device.capability) return error("device", fmt::format("{} has no capability", device.name), "");
    const std::string shown = fmt::format("{} ({})", device.name, spell(*device.capability, Dialect::dotted));
    if (const auto picked = pick(promised, *device.capability)) {
      if (promised[*picked].capability.portable() != *device.capability) {
        out_.add({.rule = "device",
                  .severity = Severity::note,
                  .what = fmt::format("{} runs code for {}: right by the driver's rules", shown,
                                      spell(promised[*picked].capability, Dialect::dotted)),
                  .fix = ""});
      }
      return;
    }
    const bool has = pick(built_for(), *device.capability).has_value();
    error("device",
          has ? fmt::format("{} runs it through code that its name does not promise", shown)
              : fmt::format("nothing that its name promises runs on {}", shown),
          "torchlathe select names a variant that does");
  }

  const VariantName& variant_;
  const SmokeReport& report_;
  Findings out_;
};

}  // namespace

RunnableBuild::RunnableBuild(const fs::path& path) : folder_(path) {
  PathLook look(path);
  if (const PackageKind* kind = package_kind(look); kind && (!look.is_folder() || kind->has_platforms)) {
    if (kind->has_platforms) {
      throw Error({.what = "a container image is not run from outside",
                   .where = {.file = path.string()},
                   .next = "start a container of it, and run smoke there"});
    }
    unpacked_ = std::make_unique<TemporaryFolder>();
    folder_ = unpacked_->path();
    extract_all(*kind->open(std::move(look)), folder_);
  }
  auto torch = torch_in(folder_);
  if (!torch) {
    throw Error({.what = "there is no PyTorch here",
                 .where = {.file = path.string()},
                 .next = "name a folder that holds torch/version.py, an environment with "
                         "lib/python3.*/site-packages, or a wheel"});
  }
  torch_ = std::move(*torch);
}

std::string python_for(const fs::path& path, const InstalledTorch& torch) {
  for (const fs::path& place : {path / "bin/python3", prefix_of(torch.folder) / "bin/python3"}) {
    if (runs(place)) return place.string();
  }
  for (const fs::path& place : {path, prefix_of(torch.folder)}) {
    if (std::string found = propagated_python(place); !found.empty()) return found;
  }
  if (!torch.python.empty()) {
    if (const auto found = find_program("python" + torch.python)) return *found;
  }
  if (const auto found = find_program("python3")) return *found;
  throw Error({.what = "there is no Python to run it with",
               .where = {.file = torch.folder.string()},
               .next = "name the build's Python: --python /path/to/python3"});
}

SmokeReport read_smoke(std::string_view out) {
  SmokeReport report;
  for (const std::string_view line : split(out, '\n')) {
    if (!line.starts_with('{')) continue;
    Json record;
    try {
      record = parse_json(line, "smoke.py", {.bytes = std::size_t{1} << 20, .depth = 20});
    } catch (const Error&) {
      continue;
    }
    if (const std::string name = record.text_of("begin"); !name.empty()) report.unfinished = printable(name);
    if (const std::string name = record.text_of("fact"); !name.empty()) take_fact(report, record, name);
    if (const std::string name = record.text_of("check"); !name.empty()) take_check(report, record, name);
  }
  return report;
}

SmokeReport run_smoke(const fs::path& path, const InstalledTorch& torch, const SmokeOptions& options,
                      const RunProcess& run) {
  const std::string python = options.python.empty() ? python_for(path, torch) : options.python;
  const std::string packages = fs::absolute(torch.folder).parent_path().string();
  // -I: no PYTHON* variables, no user's site-packages, not this folder. -B: nothing is written beside the
  // build.
  const ProcessResult result =
      run({.arguments = {python, "-I", "-B", "-", packages},
           .environment = {{"LD_PRELOAD", std::nullopt}, {"TORCH_LOGS", std::nullopt}},
           .folder = "/",
           .input = std::string(smoke_script::files().front().text),
           .time_limit = options.time_limit});
  SmokeReport report = read_smoke(result.out);
  if (!report.done)
    report.ending = result.timed_out ? fmt::format("ran longer than {} s", options.time_limit.count() / 1000)
                                     : result.ending();
  report.err = last_lines(result.err);
  return report;
}

Findings judge_smoke(const VariantName& variant, const SmokeReport& report) {
  return SmokeJudge(variant, report).run();
}

}  // namespace lathe
