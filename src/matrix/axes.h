// SPDX-License-Identifier: MIT
// Words of a matrix file, one at a time: releases, GPUs, instruction sets. Each mistake is an Error at its
// place. Does not know which words stand where: parse.cpp, branch.cpp.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/toml.h"
#include "hardware/capability.h"
#include "hardware/catalog.h"
#include "matrix/spec.h"

namespace lathe {

template <typename T, typename F>
std::vector<Placed<T>> axis(const Toml& block, std::string_view key, F&& read) {
  std::vector<Placed<T>> items;
  const Toml* value = block.find(key);
  if (!value) return items;
  const auto add = [&](const Toml& item) {
    Placed<T> placed{read(item), item.where()};
    const bool repeated =
        std::ranges::any_of(items, [&](const auto& other) { return other.value == placed.value; });
    if (repeated) item.fail(fmt::format("listed twice in {}", key), "take one of them out");
    items.push_back(std::move(placed));
  };
  if (value->is_array()) {
    for (const Toml& item : value->array()) add(item);
  } else {
    add(*value);
  }
  if (items.empty()) value->fail(fmt::format("{} is empty", key), "remove the key, or name at least one");
  return items;
}

std::vector<Capability> read_gpus(const Toml& value);  // one, or a list for a build for several
const Isa* read_isa(const Toml& value);
Version read_cuda(const Toml& value);
std::string read_python(const Toml& value);   // "3.13"
std::string read_pytorch(const Toml& value);  // "2.10.0", "2.11.0a0+git0123456"
void check_pytorch(const std::string& release, const Toml& at);

// "2.10.0", or what the version.txt of a git revision says, with the revision: "2.11.0a0+git0123456".
bool is_release(std::string_view text);

unsigned read_count(const Toml& value, std::int64_t most);

}  // namespace lathe
