// SPDX-License-Identifier: MIT
#include "cpu/isa/isa_x86_sweep_reference.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "cpu/isa/isa_event.h"
#include "cpu/isa/isa_x86.h"

namespace lathe {
namespace {

using Kind = CodeEvent::Kind;

// Of one instruction of the baseline; nullopt: nothing to report. `code` begins and ends with it.
std::optional<Kind> flow_of(std::span<const std::uint8_t> code) {
  static const std::set<std::uint8_t> prefixes = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf2, 0xf3};
  if (code.size() == 2 && code[0] == 0x0f && code[1] == 0xa2) return Kind::guard;
  std::size_t at = 0;
  while (at < code.size() && prefixes.contains(code[at])) ++at;
  bool wide = false;
  if (at < code.size() && (code[at] & 0xf0) == 0x40) wide = code[at++] & 8;
  const auto rest = code.subspan(at);
  const auto ends_with_distance_after = [&](std::size_t bytes) { return rest.size() == bytes + 4; };
  if (rest[0] == 0xe8 && ends_with_distance_after(1)) return Kind::call;
  if (rest[0] == 0xe9 && ends_with_distance_after(1)) return Kind::jump;
  if (!ends_with_distance_after(2)) return std::nullopt;
  if (rest[0] == 0x0f && (rest[1] & 0xf0) == 0x80) return Kind::jump;
  if ((rest[1] & 0xc7) != 5) return std::nullopt;
  if (rest[0] == 0xff && (rest[1] >> 3 == 2 || rest[1] >> 3 == 4)) return Kind::slot_call;
  if (wide && rest[0] == 0x8d) return Kind::reference;
  if (wide && rest[0] == 0x8b) return Kind::slot_load;
  return std::nullopt;
}

std::string text_of(const std::vector<CodeEvent>& events, std::size_t number) {
  if (number >= events.size()) return "nothing";
  const CodeEvent& event = events[number];
  return fmt::format("kind {} at {:#x}, target {:#x}, needs {}", static_cast<int>(event.kind), event.at,
                     event.target, event.needs);
}

}  // namespace

std::vector<CodeEvent> sweep_by_decoder(ByteSpan section, std::uint64_t address, std::size_t begin,
                                        std::size_t end, std::span<const std::size_t> restarts) {
  std::vector<CodeEvent> events;
  const auto* const code = reinterpret_cast<const std::uint8_t*>(section.data());
  std::size_t lower = begin;
  auto restart = std::ranges::upper_bound(restarts, begin);
  for (std::size_t at = begin; at < end;) {
    for (; restart != restarts.end() && *restart <= at; ++restart) lower = *restart;
    const std::size_t limit = restart == restarts.end() ? end : std::min(end, *restart);
    const X86Instruction instruction = decode_x86(section.subspan(at));
    const std::size_t next = at + instruction.length;
    CodeEvent event{.at = static_cast<std::uint32_t>(at), .needs = instruction.needs};
    if (!instruction || next > limit) {
      events.push_back({.at = static_cast<std::uint32_t>(at), .kind = Kind::bad});
      ++at;
      continue;
    }
    const bool is_xgetbv =
        instruction.length == 3 && code[at] == 0x0f && code[at + 1] == 0x01 && code[at + 2] == 0xd0;
    auto flow = flow_of(std::span(code + at, instruction.length));
    if (instruction.needs) flow = is_xgetbv ? Kind::guard : Kind::use;
    at = next;
    if (!flow) continue;
    event.kind = *flow;
    if (*flow != Kind::guard && *flow != Kind::use) {
      std::int32_t distance;
      std::memcpy(&distance, code + next - 4, 4);
      event.target = address + next + static_cast<std::uint64_t>(std::int64_t{distance});
      event.at = static_cast<std::uint32_t>(next - 5);  // the byte before the distance
      const std::uint64_t to = event.target - address;
      if (*flow == Kind::jump && to >= lower && to < limit) continue;
    }
    events.push_back(event);
  }
  return events;
}

std::string sweep_difference(ByteSpan section, std::uint64_t address, std::size_t begin, std::size_t end,
                             std::span<const std::size_t> restarts) {
  std::vector<CodeEvent> fast;
  X86Sweep().sweep(section, address, begin, end, restarts, fast);
  const std::vector<CodeEvent> slow = sweep_by_decoder(section, address, begin, end, restarts);
  if (fast == slow) return "";
  const auto first = std::ranges::mismatch(fast, slow).in1 - fast.begin();
  const auto number = static_cast<std::size_t>(first);
  return fmt::format("event {}: {}; the decoder says {}", number, text_of(fast, number),
                     text_of(slow, number));
}

}  // namespace lathe
