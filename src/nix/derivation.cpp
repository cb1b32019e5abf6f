// SPDX-License-Identifier: MIT
#include "nix/derivation.h"

#include <fmt/format.h>

#include <cstdint>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "os/file.h"

namespace lathe {
namespace {

// Derive([outputs],[input derivations],[sources],"system","builder",[arguments],[variables])
class Reader {
 public:
  Reader(std::string_view text, const std::string& file) : text_(text), file_(file) {}

  Derivation read() {
    Derivation result;
    expect("Derive(");
    list([&] {
      auto fields = tuple(4);
      result.outputs[fields[0]] = {.path = fields[1], .hash_algorithm = fields[2], .hash = fields[3]};
    });
    expect(",");
    list([&] {
      expect("(");
      const std::string path = text();
      expect(",");
      result.inputs[path] = texts();
      expect(")");
    });
    expect(",");
    result.sources = texts();
    expect(",");
    result.system = text();
    expect(",");
    result.builder = text();
    expect(",");
    result.arguments = texts();
    expect(",");
    list([&] {
      auto fields = tuple(2);
      result.variables[fields[0]] = fields[1];
    });
    expect(")");
    if (at_ < text_.size() && !trim(text_.substr(at_)).empty()) fail("something follows the derivation");
    return result;
  }

 private:
  [[noreturn]] void fail(std::string_view what) const {
    throw Error({.what = fmt::format("is not a derivation that can be read: {} (byte {})", what, at_),
                 .where = {.file = file_}});
  }

  bool take(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  void expect(std::string_view word) {
    if (!take(word)) fail(fmt::format("{} is missing", word));
  }

  // What stands for a character behind a backslash.
  static char escaped(char letter) {
    switch (letter) {
      case 'n': return '\n';
      case 't': return '\t';
      case 'r': return '\r';
      default: return letter;
    }
  }

  std::string text() {
    expect("\"");
    std::string result;
    while (at_ < text_.size() && text_[at_] != '"') {
      char c = text_[at_++];
      if (c == '\\') {
        if (at_ == text_.size()) fail("it ends inside of a text");
        c = escaped(text_[at_++]);
      }
      result += c;
    }
    expect("\"");
    return result;
  }

  template <typename Item>
  void list(Item&& item) {
    expect("[");
    for (bool first = true; !take("]"); first = false) {
      if (!first) expect(",");
      item();
    }
  }

  std::vector<std::string> texts() {
    std::vector<std::string> all;
    list([&] { all.push_back(text()); });
    return all;
  }

  std::vector<std::string> tuple(std::size_t size) {
    std::vector<std::string> fields;
    expect("(");
    for (std::size_t i = 0; i < size; ++i) {
      if (i > 0) expect(",");
      fields.push_back(text());
    }
    expect(")");
    return fields;
  }

  std::string_view text_;
  const std::string& file_;
  std::size_t at_ = 0;
};

// As a shell of the build would see it.
std::string shell_text(const Json& value) {
  if (const auto* text = value.text()) return *text;
  if (const auto* flag = value.get<bool>()) return *flag ? "1" : "";
  if (const auto* number = value.get<std::int64_t>()) return std::to_string(*number);
  std::string joined;
  if (const auto* array = value.array()) {
    for (const Json& each : *array) joined += (joined.empty() ? "" : " ") + shell_text(each);
  }
  return joined;
}

void add_structured(Derivation& derivation, const std::string& file) {
  const auto found = derivation.variables.find("__json");
  if (found == derivation.variables.end()) return;
  const Json json = parse_json(found->second, file);
  if (!json.object()) return;
  for (const auto& [name, value] : *json.object()) {
    if (name == "env" && value.object()) {
      for (const auto& [inner, text] : *value.object()) derivation.variables[inner] = shell_text(text);
    } else {
      derivation.variables[name] = shell_text(value);
    }
  }
}

}  // namespace

const std::string& Derivation::variable(std::string_view name) const {
  static const std::string none;
  const auto found = variables.find(std::string(name));
  return found == variables.end() ? none : found->second;
}

Derivation parse_derivation(std::string_view text, const std::string& file) {
  Derivation derivation = Reader(text, file).read();
  add_structured(derivation, file);
  return derivation;
}

std::string_view store_name(std::string_view path) {
  path.remove_prefix(path.rfind('/') + 1);
  if (path.ends_with(".drv")) path.remove_suffix(4);
  const std::size_t dash = path.find('-');
  return dash == std::string_view::npos ? path : path.substr(dash + 1);
}

Derivation read_derivation(const std::string& path) { return parse_derivation(read_file(path), path); }

}  // namespace lathe
