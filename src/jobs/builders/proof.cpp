// SPDX-License-Identifier: MIT
#include "jobs/builders/proof.h"

#include <charconv>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/embedded.h"
#include "base/text.h"
#include "host/cpu.h"

namespace lathe {

namespace builder_data {
std::span<const EmbeddedFile> cpu_proof();  // empty where it could not be made
}

namespace {

std::vector<std::uint32_t> hex_words(std::string_view line) {
  std::vector<std::uint32_t> numbers;
  for (const std::string_view word : words(line)) {
    std::uint32_t value = 0;
    if (std::from_chars(word.data(), word.data() + word.size(), value, 16).ptr == word.data() + word.size())
      numbers.push_back(value);
  }
  return numbers;
}

}  // namespace

std::string_view proof_program() {
  const auto files = builder_data::cpu_proof();
  return files.empty() ? std::string_view() : std::string_view(files.front().text);
}

bool read_proof(HostCpu& cpu, std::string_view text) {
  constexpr std::string_view saved = "xcr0 ";
  std::map<std::pair<std::uint32_t, std::uint32_t>, CpuidAnswer> leaves;
  std::optional<X86State> state;
  for (const std::string_view line : split(text, '\n')) {
    const bool is_state = line.starts_with(saved);
    const auto numbers = hex_words(is_state ? line.substr(saved.size()) : line);
    if (is_state && numbers.size() == 3)
      state = {.xcr0 = std::uint64_t{numbers[0]} << 32 | numbers[1], .amx_granted = numbers[2] == 1};
    if (!is_state && numbers.size() == 6)
      leaves[{numbers[0], numbers[1]}] = {numbers[2], numbers[3], numbers[4], numbers[5]};
  }
  if (!state || leaves.empty()) return false;
  read_x86(
      cpu,
      [&](std::uint32_t leaf, std::uint32_t subleaf) {
        return leaves[{leaf, subleaf}];
      },
      *state);
  return true;
}

}  // namespace lathe
