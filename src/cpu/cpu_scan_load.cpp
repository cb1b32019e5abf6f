// SPDX-License-Identifier: MIT
#include "cpu/cpu_scan_load.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/bytes.h"
#include "cpu/isa/isa.h"
#include "cpu/isa/isa_arm64.h"
#include "cpu/isa/isa_x86.h"

namespace lathe::cpu {
namespace {

// Of one piece of straight-line code, and of all: the constructors of torch 2.11's libtorch_cpu.so have 0.1
// million.
constexpr std::size_t longest_piece = 4096, most_instructions = 2 << 20;

struct Step {
  enum class Flow : std::uint8_t { next, call, jump, branch, stop };
  Flow flow = Flow::stop;
  std::size_t length = 0;
  std::uint8_t needs = 0;
  std::uint64_t target = 0;
};

std::uint64_t relative(const std::uint8_t* end, std::size_t size, std::uint64_t next) {
  if (size == 1) return next + static_cast<std::uint64_t>(std::int64_t{static_cast<std::int8_t>(end[-1])});
  std::int32_t distance;
  std::memcpy(&distance, end - 4, 4);
  return next + static_cast<std::uint64_t>(std::int64_t{distance});
}

bool is_prefix(std::uint8_t byte) {
  constexpr std::array<std::uint8_t, 11> others = {0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x2e,
                                                   0x3e, 0x26, 0x36, 0x64, 0x65};
  return (byte >= 0x40 && byte < 0x50) || std::ranges::find(others, byte) != others.end();
}

// Returns, traps, HLT, UD2, XBEGIN, jumps through pointers.
bool stops(std::uint8_t opcode, std::uint8_t second) {
  if (opcode == 0xff) return (second >> 3 & 7) == 4 || (second >> 3 & 7) == 5;
  if (opcode == 0x0f) return second == 0x0b;
  if (opcode == 0xc7) return second == 0xf8;
  return opcode == 0xc2 || opcode == 0xc3 || (opcode >= 0xca && opcode <= 0xcf) || opcode == 0xf4;
}

Step step_x86(ByteSpan bytes, std::uint64_t address) {
  const X86Instruction instruction = decode_x86(bytes);
  if (!instruction) return {};
  const auto* const begin = reinterpret_cast<const std::uint8_t*>(bytes.data());
  const auto* const end = begin + instruction.length;
  Step step{.flow = Step::Flow::next, .length = instruction.length, .needs = instruction.needs, .target = 0};
  const auto to = [&](Step::Flow flow, std::size_t size) {
    step.flow = flow;
    step.target = relative(end, size, address + instruction.length);
  };
  const auto* at = begin;
  while (at + 1 < end && is_prefix(*at)) ++at;
  const std::uint8_t opcode = *at, second = at + 1 < end ? at[1] : 0;
  if ((opcode >= 0x70 && opcode < 0x80) || (opcode >= 0xe0 && opcode < 0xe4)) {
    to(Step::Flow::branch, 1);
  } else if (opcode == 0x0f && second >= 0x80 && second < 0x90) {
    to(Step::Flow::branch, 4);
  } else if (opcode == 0xe8 || opcode == 0xe9) {
    to(opcode == 0xe8 ? Step::Flow::call : Step::Flow::jump, 4);
  } else if (opcode == 0xeb) {
    to(Step::Flow::jump, 1);
  } else if (stops(opcode, second)) {
    step.flow = Step::Flow::stop;
  }
  return step;
}

std::uint64_t arm64_target(std::uint64_t address, std::uint32_t word, int shift, int bits) {
  const std::uint64_t field = word >> shift & ((std::uint32_t{1} << bits) - 1),
                      sign = std::uint64_t{1} << (bits - 1);
  return address + (((field ^ sign) - sign) << 2);
}

Step step_arm64(ByteSpan bytes, std::uint64_t address) {
  if (bytes.size() < 4) return {};
  std::uint32_t word;
  std::memcpy(&word, bytes.data(), 4);
  Step step{.flow = Step::Flow::next, .length = 4, .needs = classify_arm64(word), .target = 0};
  const auto to = [&](Step::Flow flow, int shift, int bits) {
    step.flow = flow;
    step.target = arm64_target(address, word, shift, bits);
  };
  if ((word & 0x7c000000) == 0x14000000) {  // BL, B
    to(word >> 31 ? Step::Flow::call : Step::Flow::jump, 0, 26);
  } else if ((word & 0xff000000) == 0x54000000 || (word & 0x7e000000) == 0x34000000) {  // B.cond, CBZ
    to(Step::Flow::branch, 5, 19);
  } else if ((word & 0x7e000000) == 0x36000000) {  // TBZ
    to(Step::Flow::branch, 5, 14);
  } else if ((word & 0xfe000000) == 0xd6000000) {  // BLR; BR, RET
    step.flow = (word >> 21 & 7) == 1 ? Step::Flow::next : Step::Flow::stop;
  } else if ((word & 0xff000000) == 0xd4000000 || word >> 16 == 0) {  // SVC, BRK; UDF
    step.flow = Step::Flow::stop;
  }
  return step;
}

}  // namespace

LoadRun::LoadRun(const CpuCode& code, const Functions& functions) : code_(code), functions_(functions) {
  for (const auto* roots : {&code.constructors, &code.resolvers, &code.entries}) {
    for (const std::uint64_t address : *roots) start(address);
  }
  for (const CodeSymbol& symbol : code.functions) {
    if (symbol.exported && symbol.name.starts_with("PyInit_")) start(symbol.address);
  }
  for (std::size_t i = 0; i < queue_.size() && instructions_ < most_instructions; ++i) walk(queue_[i]);
}

void LoadRun::start(std::uint64_t address) {
  if (started_.insert(address).second) queue_.push_back(address);
}

void LoadRun::walk(std::uint64_t address) {
  static const ExtensionSet counting = deciding_extensions();
  const bool x86 = code_.machine == Machine::x86_64;
  std::unordered_set<std::uint64_t> passed;
  std::uint32_t before = none;
  for (std::size_t i = 0; i < longest_piece; ++i, ++instructions_) {
    const std::uint32_t function = functions_.at(address);
    if (function == none || functions_[function].gap) return;
    // What follows a function's last call, which does not return then, is another function.
    if (before != none && before != function) return;
    if (!passed.insert(address).second) return;
    const CodeSection& section = code_.sections[functions_[function].section];
    const ByteSpan bytes = section.bytes.subspan(address - section.address);
    const Step step = x86 ? step_x86(bytes, address) : step_arm64(bytes, address);
    if (step.needs) needs_[function] |= (x86 ? x86_needs(step.needs) : arm64_needs(step.needs)) & counting;
    // The branch back of a loop skips nothing.
    const bool skips = step.flow == Step::Flow::branch && !passed.contains(step.target);
    if (step.flow == Step::Flow::stop || skips) return;
    if (step.flow == Step::Flow::call) start(step.target);
    const bool jumps = step.flow == Step::Flow::jump;
    address = jumps ? step.target : address + step.length;
    before = jumps ? none : function;
  }
}

ExtensionSet LoadRun::of(std::uint32_t function) const {
  const auto found = needs_.find(function);
  return found == needs_.end() ? ExtensionSet{} : found->second;
}

}  // namespace lathe::cpu
