// SPDX-License-Identifier: MIT
#include "audit/import/nix_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <utility>

#include "base/text.h"
#include "matrix/values/nix_text.h"

namespace lathe {
namespace {

bool in_mark(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_'.:+~/@-").find(c) != std::string_view::npos;
}

// "openmpi.dev" of "<openmpi.dev>" at `at`; "" when no mark of the recorder stands there.
std::string_view mark_at(std::string_view text, std::size_t at) {
  if (text[at] != '<') return "";
  std::size_t end = at + 1;
  while (end < text.size() && in_mark(text[end])) ++end;
  return end < text.size() && text[end] == '>' ? text.substr(at + 1, end - at - 1) : "";
}

// "openmpi.dev" -> "pkgs.openmpi.dev", "pkgs.x" as it is, "lib.x" -> "pkgs.lib.x"; nullopt: no package of
// nixpkgs.
std::optional<std::string> package_path(std::string_view label) {
  const std::string path = label.starts_with("pkgs.") ? std::string(label) : fmt::format("pkgs.{}", label);
  return is_package_path(path) ? std::optional(path) : std::nullopt;
}

// `text` with each mark as ${pkgs.PATH} and all else through `escape`; nullopt when a mark is not a package.
std::optional<std::string> with_marks(std::string_view text,
                                      const std::function<std::string(std::string_view)>& escape) {
  std::string result;
  std::size_t done = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const std::string_view mark = mark_at(text, at);
    if (mark.empty()) continue;
    const auto path = package_path(mark);
    if (!path) return std::nullopt;
    result += escape(text.substr(done, at - done)) + "${" + *path + "}";
    at += mark.size() + 1;
    done = at + 1;
  }
  return result + escape(text.substr(done));
}

std::string escape_quoted(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '"' || c == '\\' || c == '$') result += '\\';
    if (c == '\n') result += "\\n";
    else if (c == '\t') result += "\\t";
    else if (c == '\r') result += "\\r";
    else result += c;
  }
  return result;
}

std::string key_of(const std::string& name) {
  return is_nix_name(name) && name.find('\'') == std::string::npos ? name : "\"" + escape_quoted(name) + "\"";
}

void write(const Json& value, JsonWriter& json) {
  if (const auto* flag = value.get<bool>()) json.value(*flag);
  else if (const auto* number = value.get<std::int64_t>()) json.value(*number);
  else if (const auto* real = value.get<double>()) json.value(*real);
  else if (const std::string* text = value.text()) json.value(std::string_view(*text));
  else if (const Json::Array* items = value.array()) {
    json.begin_array();
    for (const Json& item : *items) write(item, json);
    json.end_array();
  } else if (const Json::Object* members = value.object()) {
    json.begin_object();
    for (const auto& [name, item] : *members) {
      json.key(name);
      write(item, json);
    }
    json.end_object();
  } else {
    json.null();
  }
}

}  // namespace

std::optional<std::string> NixValues::quoted(std::string_view text) const {
  const auto inside = with_marks(text, escape_quoted);
  return inside ? std::optional("\"" + *inside + "\"") : std::nullopt;
}

std::optional<std::string> NixValues::with_packages(std::string_view text) const {
  return with_marks(text, [](std::string_view part) { return std::string(part); });
}

// Each line two columns in, which Nix takes away again: what the lines have more stays. Where that is not
// so, "text".
std::optional<std::string> NixValues::indented(std::string_view text) const {
  const bool plain =
      text.find_first_of("'\t\r") == std::string_view::npos && text.ends_with('\n') && !text.starts_with(' ');
  if (!plain) return quoted(text);
  const auto inside =
      with_marks(text, [](std::string_view part) { return replace_all(std::string(part), "${", "''${"); });
  if (!inside) return std::nullopt;
  std::string result = "''\n";
  for (const std::string_view line : split(std::string_view(*inside).substr(0, inside->size() - 1), '\n')) {
    if (!line.empty()) result.append("  ").append(line);
    result += '\n';
  }
  return result + "''";
}

std::optional<std::string> NixValues::path(const std::string& path) const {
  if (folder_.empty() || !path.starts_with(folder_ + "/")) return std::nullopt;
  const std::string relative = path.substr(folder_.size() + 1);
  const bool plain = std::ranges::all_of(
      relative, [](char c) { return in_mark(c) && c != '\'' && c != ':' && c != '~' && c != '@'; });
  return plain ? "./" + relative : "(./. + \"/" + escape_quoted(relative) + "\")";
}

std::optional<std::string> NixValues::list(const Json::Array& items) const {
  std::string text = "[";
  for (const Json& item : items) {
    const auto inside = expression(item);
    if (!inside) return std::nullopt;
    text += " " + *inside;
  }
  return text + " ]";
}

std::optional<std::string> NixValues::bindings(const Json& value) const {
  const Json::Object* members = value.object();
  if (!members) return std::nullopt;
  std::string text = "{";
  for (const auto& [name, item] : *members) {
    const auto inside = expression(item);
    if (!inside) return std::nullopt;
    text += fmt::format(" {} = {};", key_of(name), *inside);
  }
  return text + " }";
}

// `old` where the mark stands among the items, once.
std::optional<std::string> NixValues::changed_list(const std::string& mark, const std::string& old,
                                                   const Json::Array& items) const {
  const auto is_old = [&](const Json& item) { return item.text() && *item.text() == mark; };
  const auto place = std::ranges::find_if(items, is_old);
  const auto before = list({items.begin(), place});
  if (place == items.end() || !before) return before;
  const auto after = list({place + 1, items.end()});
  if (!after || std::any_of(place + 1, items.end(), is_old)) return std::nullopt;
  std::string text = fmt::format("({} or [ ])", old);
  if (place != items.begin()) text = *before + " ++ " + text;
  return place + 1 == items.end() ? text : text + " ++ " + *after;
}

std::optional<std::string> NixValues::changed_set(const std::string& mark, const std::string& old,
                                                  const Json::Object& members) const {
  const auto key_of_member = [&](const std::string& name) {
    return mark.substr(0, mark.size() - 1) + "." + name + ">";
  };
  const bool adds = std::ranges::any_of(members, [&](const auto& member) { return member.first == mark; });
  std::string text = adds ? fmt::format("({} or {{ }}) // {{", old) : "{";
  for (const auto& [name, item] : members) {
    const std::string own = key_of_member(name);
    if (name == mark || (adds && item.text() && *item.text() == own)) continue;
    const auto inside = changed_value(own, fmt::format("{}.{}", old, key_of(name)), item);
    if (!inside) return std::nullopt;
    text += fmt::format(" {} = {};", key_of(name), *inside);
  }
  return text + " }";
}

std::optional<std::string> NixValues::changed_value(const std::string& mark, const std::string& old,
                                                    const Json& value) const {
  if (const Json::Array* items = value.array()) return changed_list(mark, old, *items);
  const bool plain = value.object() && std::ranges::none_of(*value.object(), [](const auto& member) {
                       return member.first == "package" || member.first == "set" || member.first == "unknown";
                     });
  if (plain && (value.find(mark) || mark.ends_with(".env>"))) return changed_set(mark, old, *value.object());
  const auto text = expression(value);
  if (!text || !value.text()) return text;
  const std::string path = "pkgs." + mark.substr(1, mark.size() - 2),
                    earlier = fmt::format("{} or \"\"", old);
  if (*text == path) return fmt::format("({})", earlier);
  return replace_all(*text, "${" + path + "}", "${" + earlier + "}");
}

std::optional<std::string> NixValues::change(std::string_view label, const Json& attributes) const {
  if (!attributes.object()) return std::nullopt;
  std::string text;
  for (const auto& [name, value] : *attributes.object()) {
    const auto inside =
        changed_value(fmt::format("<{}.{}>", label, name), fmt::format("old.{}", key_of(name)), value);
    if (!inside) return std::nullopt;
    text += fmt::format(" {} = {};", key_of(name), *inside);
  }
  return fmt::format("({}: {{{} }})", text.find("old.") == std::string::npos ? "_" : "old", text);
}

void NixValues::is_at(const Json& value, const std::string& path) { places_[json_text(value)] = path; }

// A package of nixpkgs that the recipe has changed.
std::optional<std::string> NixValues::package(const Json& value) const {
  if (const auto place = places_.find(json_text(value)); place != places_.end()) return place->second;
  const std::string label = value.text_of("package");
  auto text = package_path(label);
  const auto call = [&](std::string_view how, std::string_view key) {
    const Json* given = value.find(key);
    if (!given || !given->object()) text = std::nullopt;
    if (!text || given->object()->empty()) return;
    const auto inside = how == "override" ? bindings(*given) : change(label, *given);
    text = inside ? std::optional(fmt::format("({}.{} {})", *text, how, *inside)) : std::nullopt;
  };
  call("override", "override");
  call("overridePythonAttrs", "python_attributes");
  call("overrideAttrs", "attributes");
  if (const std::string output = value.text_of("output"); text && !output.empty()) *text += "." + output;
  return text;
}

std::optional<std::string> NixValues::set(const Json& value) const {
  if (const Json* always = value.find("always"); always && value.object()->size() == 1)
    return fmt::format("(_: {})", expression(*always).value_or("true"));
  if (value.find("function") || value.find("cut") || value.find("source")) return std::nullopt;
  if (const Json* own = value.find("path"); own && own->text() && value.object()->size() == 1)
    return path(*own->text());
  if (const std::string how = value.text_of("fetch"); !how.empty()) {
    const auto arguments = value.find("arguments") ? bindings(*value.find("arguments")) : std::nullopt;
    return is_nix_name(how) && arguments ? std::optional(fmt::format("(pkgs.{} {})", how, *arguments))
                                         : std::nullopt;
  }
  if (value.find("package")) return package(value);
  if (value.find("set")) {
    const auto text = package_path(value.text_of("set"));
    const Json* given = value.find("override");
    if (!text || !given) return text;
    const auto inside = expression(*given);
    return inside ? std::optional(fmt::format("({}.override {})", *text, *inside)) : std::nullopt;
  }
  if (const std::string label = value.text_of("unknown"); !label.empty()) {
    auto text = package_path(label);
    const Json* given = value.find("given");
    if (!text || !given || !given->array()) return text;
    for (const Json& argument : *given->array()) {
      const auto inside = expression(argument);
      if (!inside) return std::nullopt;
      *text += " " + *inside;
    }
    return "(" + *text + ")";
  }
  return bindings(value);
}

std::optional<std::string> NixValues::expression(const Json& value) const {
  if (const auto* flag = value.get<bool>()) return *flag ? "true" : "false";
  if (const auto* number = value.get<std::int64_t>())
    return *number < 0 ? fmt::format("({})", *number) : std::to_string(*number);
  if (const auto* real = value.get<double>())
    return std::isfinite(*real) ? std::optional(fmt::format("({:#})", *real)) : std::nullopt;
  if (const Json::Array* items = value.array()) return list(*items);
  if (value.object()) return set(value);
  if (value.is_null()) return "null";
  const std::string& text = *value.text();
  // A package alone, and not a text with its path: a list of inputs wants the package.
  if (const std::string_view mark = text.empty() ? "" : mark_at(text, 0);
      !mark.empty() && mark.size() + 2 == text.size())
    return package_path(mark);
  return quoted(text);
}

std::string json_text(const Json& value, const std::string& folder) {
  JsonWriter json(JsonWriter::Layout::compact);
  write(value, json);
  std::string text = json.take();
  return folder.empty() ? text : replace_all(std::move(text), folder + "/", "./");
}

}  // namespace lathe
