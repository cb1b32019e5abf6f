// SPDX-License-Identifier: MIT
#include "cli/parts/examples.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace lathe {
namespace {

struct Examples {
  std::string_view command;
  std::array<std::string_view, 2> calls;
};

constexpr Examples examples[] = {
    {"init", {"torchlathe init", "torchlathe init -m cuda-12_8 my.toml"}},
    {"list", {"torchlathe list -m cuda-13_0", "torchlathe list --gpu 'RTX 5090' --isa 'avx512*' -q"}},
    {"show",
     {"torchlathe show -m cuda-13_0 pytorch-python313-cuda13_0-sm90-avx512",
      "torchlathe show pytorch-python313-cpu-avx2 -f nix"}},
    {"catalog", {"torchlathe catalog gpus 5090", "torchlathe catalog cuda -f csv"}},
    {"schema", {"torchlathe schema", "torchlathe schema inspect"}},
    {"generate",
     {"torchlathe generate -o .flox/pkgs", "torchlathe generate -m cuda-13_0 -o recipes --gpu 9.0 -n"}},
    {"audit", {"torchlathe audit .flox/pkgs", "torchlathe audit recipes -m cuda-13_0 -f sarif"}},
    {"plan", {"torchlathe plan .flox/pkgs", "torchlathe plan recipes -m cuda-13_0 --diff"}},
    {"apply", {"torchlathe apply .flox/pkgs -n", "torchlathe apply recipes -m cuda-13_0"}},
    {"import", {"torchlathe import .flox/pkgs -o matrix.toml", "torchlathe import recipes -f json"}},
    {"toolkit", {"torchlathe toolkit -o .flox/pkgs", "torchlathe toolkit --archives downloads cudnn-13_0"}},
    {"arch-patch",
     {"torchlathe arch-patch pytorch --gpu 12.1",
      "torchlathe arch-patch pytorch --gpu 12.0f -o widen.patch"}},
    {"conform",
     {"torchlathe conform -m cuda-13_0 --nixpkgs ~/nixpkgs",
      "torchlathe conform --nixpkgs channel:nixos-unstable --gpu 9.0"}},
    {"docs", {"torchlathe docs README.md", "torchlathe docs README.md --check"}},
    {"build", {"torchlathe build -m cuda-13_0 --gpu 9.0 -n", "torchlathe build --gpu 9.0 --isa avx512 -j 2"}},
    {"history", {"torchlathe history --limit 10", "torchlathe history log pytorch-python313-cpu-avx2"}},
    {"publish",
     {"torchlathe publish --org acme -n", "torchlathe publish --to file:///srv/cache --key secret.key"}},
    {"report",
     {"torchlathe report --history --recipes .flox/pkgs -o page.html",
      "torchlathe report torch.whl slim/torch.whl"}},
    {"diagnose", {"torchlathe diagnose build.log", "nix log RESULT | torchlathe diagnose -"}},
    {"inspect",
     {"torchlathe inspect torch-2.10.0.whl", "torchlathe inspect libtorch_cuda.so --gpu 'RTX 5090'"}},
    {"verify",
     {"torchlathe verify pytorch-python313-cuda13_0-sm90-avx512 result",
      "torchlathe verify pytorch-python313-cpu-avx2 torch.whl --no-cpu"}},
    {"carve",
     {"torchlathe carve torch-2.10.0.whl --gpu 9.0 -o out/",
      "torchlathe carve lib/ --gpu native --in-place -n"}},
    {"shrink",
     {"torchlathe shrink venv --gpu 9.0 --compress zstd -n",
      "torchlathe shrink site-packages --gpu native --strip-symbols"}},
    {"detect", {"torchlathe detect", "torchlathe detect -f json > machine.json"}},
    {"select", {"torchlathe select", "torchlathe select --gpu 'RTX 5090' --cpu 'Zen 5' -q"}},
    {"doctor", {"torchlathe doctor", "torchlathe doctor venv/lib/python3.13/site-packages"}},
    {"smoke",
     {"torchlathe smoke pytorch-python313-cpu-avx2 result",
      "torchlathe smoke pytorch-python313-cuda13_0-sm90-avx512 venv --time-limit 60"}},
    {"explain", {"torchlathe explain gpu-missing", "torchlathe explain 'no kernel image is available'"}},
    {"restore",
     {"torchlathe restore lib/libfoo.so --side foo.side --in-place",
      "torchlathe restore slim/ --side slim.side -o original -n"}},
    {"export",
     {"torchlathe export --wheels wheels --gpu 8.6,9.0 -o site",
      "torchlathe export --wheels wheels --gpu native -o site -f json"}},
    {"serve",
     {"torchlathe serve --wheels wheels --gpu 8.6,9.0",
      "torchlathe serve --wheels wheels --gpu 9.0 --listen 127.0.0.1:0 --warm"}},
    {"help", {"torchlathe help carve", "torchlathe help exit-codes"}},
    {"version", {"torchlathe version", "torchlathe version --format json"}},
    {"completion", {"torchlathe completion bash", "torchlathe completion fish"}},
};

}  // namespace

std::span<const std::string_view> examples_of(std::string_view command) {
  const auto* found = std::ranges::find(examples, command, &Examples::command);
  return found == std::end(examples) ? std::span<const std::string_view>() : found->calls;
}

}  // namespace lathe
