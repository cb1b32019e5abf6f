// SPDX-License-Identifier: MIT
// From what the recorder writes of a value back to Nix that makes that value: texts, lists, sets, packages
// of nixpkgs ("<openmpi.dev>"), fetched files, paths of the folder. Functions and packages of the recipe's
// own have no way back.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/json.h"

namespace lathe {

// Lets `folder` be the one that paths are written against: "./x.patch".
class NixValues {
 public:
  explicit NixValues(std::string folder) : folder_(std::move(folder)) {}

  // From here on `value` is what the package set has at `path`: an overlay put it there.
  void is_at(const Json& value, const std::string& path);

  // An expression that can stand in a list; nullopt when there is none.
  std::optional<std::string> expression(const Json& value) const;
  std::optional<std::string> quoted(std::string_view text) const;    // "text"
  std::optional<std::string> indented(std::string_view text) const;  // ''text'', lines on their own
  // What overrideAttrs is given to change the package `label`: "old: { ... }". What nixpkgs has there
  // ("<magma.cmakeFlags>") is `old`'s.
  std::optional<std::string> change(std::string_view label, const Json& attributes) const;
  // "<mkl>/lib" -> "${pkgs.mkl}/lib", nothing else changed
  std::optional<std::string> with_packages(std::string_view text) const;

 private:
  std::optional<std::string> list(const Json::Array& items) const;
  std::optional<std::string> set(const Json& value) const;
  std::optional<std::string> bindings(const Json& value) const;
  std::optional<std::string> package(const Json& value) const;
  std::optional<std::string> changed_list(const std::string& mark, const std::string& old,
                                          const Json::Array& items) const;
  std::optional<std::string> changed_set(const std::string& mark, const std::string& old,
                                         const Json::Object& members) const;
  std::optional<std::string> changed_value(const std::string& mark, const std::string& old,
                                           const Json& value) const;
  std::optional<std::string> path(const std::string& path) const;

  std::string folder_;
  std::map<std::string, std::string> places_;  // by json_text
};

// The value as compact JSON, paths in `folder` relative to it: two values are one when their texts are.
std::string json_text(const Json& value, const std::string& folder = "");

}  // namespace lathe
