// SPDX-License-Identifier: MIT
#include "nix/shell_word.h"

#include <algorithm>

#include "base/text.h"

namespace lathe {
namespace {

constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@%+=,";

}  // namespace

std::string single_quoted(std::string_view text) {
  return "'" + replace_all(std::string(text), "'", "'\\''") + "'";
}

std::string shell_word(std::string_view text) {
  const bool safe = !text.empty() && text.find_first_not_of(plain) == std::string_view::npos;
  return safe ? std::string(text) : single_quoted(text);
}

}  // namespace lathe
