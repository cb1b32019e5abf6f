// SPDX-License-Identifier: MIT
#include "side/recipe.h"

#include <array>
#include <cstddef>
#include <utility>

#include "base/error.h"

namespace lathe {
namespace {

constexpr unsigned kinds = 3;

void append_number(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

[[noreturn]] void fail_recipe(std::string what) {
  throw Error({.what = "the side file is damaged: " + std::move(what), .next = "fetch it again"});
}

std::uint64_t read_number(ByteReader& bytes) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 63; shift += 7) {
    const std::uint8_t byte = bytes.u8();
    value |= std::uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return value;
  }
  fail_recipe("a number is too long");
}

std::uint64_t with_sign_below(std::uint64_t distance) {
  const bool negative = distance >> 63;
  return negative ? (~distance << 1 | 1) : distance << 1;
}
std::uint64_t with_sign_above(std::uint64_t number) { return number & 1 ? ~(number >> 1) : number >> 1; }

std::uint64_t end_of(const Step& step) { return step.at + (step.from == Step::From::member ? 1 : step.size); }

// Of what a step takes from: how long that is.
std::uint64_t room(const Step& step, const RecipeLimits& limits) {
  switch (step.from) {
    case Step::From::slim: return limits.slim;
    case Step::From::store: return limits.store;
    case Step::From::member: return limits.members;
  }
  return 0;
}

bool is_inside(const Step& step, const RecipeLimits& limits) {
  const std::uint64_t all = room(step, limits);
  const std::uint64_t taken = step.from == Step::From::member ? 1 : step.size;
  return step.at <= all && taken <= all - step.at;
}

}  // namespace

void append_step(Recipe& recipe, const Step& step) {
  if (step.size == 0 && step.from != Step::From::member) return;
  const bool goes_on = !recipe.empty() && step.from != Step::From::member &&
                       recipe.back().from == step.from && end_of(recipe.back()) == step.at;
  if (goes_on) recipe.back().size += step.size;
  else recipe.push_back(step);
}

std::string encode(const Recipe& recipe) {
  std::string out;
  std::array<std::uint64_t, kinds> expected{};
  for (const Step& step : recipe) {
    std::uint64_t& next = expected[static_cast<std::size_t>(step.from)];
    append_number(out, step.size << 2 | static_cast<std::uint64_t>(step.from));
    append_number(out, with_sign_below(step.at - next));
    next = end_of(step);
  }
  return out;
}

Recipe decode_recipe(ByteSpan bytes, const RecipeLimits& limits) {
  ByteReader reader(bytes, "recipe");
  Recipe recipe;
  std::array<std::uint64_t, kinds> expected{};
  std::uint64_t left = limits.size;
  while (reader.left() > 0) {
    const std::uint64_t head = read_number(reader);
    if ((head & 3) >= kinds) fail_recipe("a step of an unknown kind");
    Step step{.from = static_cast<Step::From>(head & 3), .at = 0, .size = head >> 2};
    std::uint64_t& next = expected[head & 3];
    step.at = next + with_sign_above(read_number(reader));
    if (!is_inside(step, limits)) fail_recipe("a step leads out of what is there");
    if (step.size > left) fail_recipe("the steps make more than the file's size");
    left -= step.size;
    next = end_of(step);
    recipe.push_back(step);
  }
  if (left != 0) fail_recipe("the steps make less than the file's size");
  return recipe;
}

}  // namespace lathe
