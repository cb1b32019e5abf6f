// SPDX-License-Identifier: MIT
#include "conform/pins_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "base/toml.h"
#include "base/toml_string.h"
#include "hardware/nixpkgs_columns.h"

namespace lathe {
namespace {

constexpr std::string_view seen_note = "evaluated there by torchlathe conform";

std::string line_of(const std::string& column, const std::vector<std::string>& values) {
  if (values.size() == 1 && (values[0] == "true" || values[0] == "false"))
    return fmt::format("{} = {}\n", column, values[0]);
  if (!is_list_column(column) && values.size() == 1)
    return fmt::format("{} = {}\n", column, toml_string(values[0]));
  std::string text;
  for (const std::string& value : values) text += (text.empty() ? "" : ", ") + toml_string(value);
  return fmt::format("{} = [{}]\n", column, text);
}

std::string_view key_of(std::string_view line) {
  const std::size_t equals = line.find('=');
  return equals == std::string_view::npos || trim(line).starts_with('#') ? std::string_view()
                                                                         : trim(line.substr(0, equals));
}

class Pins {
 public:
  Pins(std::string_view text, const std::string& file, const PinUpdate& update)
      : update_(update), file_(file) {
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size() - 1);
      lines_.emplace_back(text.substr(at, end + 1 - at));
      at = end + 1;
    }
    if (!lines_.empty() && !lines_.back().ends_with('\n')) lines_.back() += '\n';
  }

  std::string run() {
    find_row();
    if (first_ == lines_.size()) append();
    else change();
    std::string text;
    for (const std::string& line : lines_) text += line;
    return text;
  }

 private:
  void find_row() {
    for (first_ = 0; first_ < lines_.size(); ++first_) {
      if (trim(lines_[first_]) != "[[pin]]") continue;
      for (last_ = first_ + 1; last_ < lines_.size() && !trim(lines_[last_]).starts_with("["); ++last_) {
        if (key_of(lines_[last_]) == "rev" && lines_[last_].find(update_.rev) != std::string::npos)
          found_ = true;
      }
      if (found_) break;
    }
    // Behind the row's last key stand empty lines, and comments of the next one.
    while (found_ && last_ > first_ + 1 && key_of(lines_[last_ - 1]).empty()) --last_;
  }

  void append() {
    std::string row =
        fmt::format("\n[[pin]]\nrev = {}\nlike = {}\n", toml_string(update_.rev), toml_string(update_.like));
    for (const auto& [column, values] : update_.columns) row += line_of(column, values);
    if (!update_.columns.contains("cuda_sets")) row += "cuda_sets = []\n";
    lines_.push_back(row + fmt::format("source = {}\nconfidence = \"measured\"\n", toml_string(seen_note)));
  }

  void change() {
    for (const auto& [column, values] : update_.columns) {
      const auto begin = lines_.begin() + static_cast<std::ptrdiff_t>(first_),
                 end = lines_.begin() + static_cast<std::ptrdiff_t>(last_);
      const std::string_view name = column;
      const auto line =
          std::find_if(begin, end, [&](const std::string& each) { return key_of(each) == name; });
      if (line == end) {
        const auto source =
            std::find_if(begin, end, [](const std::string& each) { return key_of(each) == "source"; });
        lines_.insert(source, line_of(column, values));
        ++last_;
        continue;
      }
      if (line->find('[') != std::string::npos && line->find(']') == std::string::npos) {
        throw Error({.what = fmt::format("{} of {} goes over several lines", column, update_.rev),
                     .where = {.file = file_},
                     .next = "write it in one line"});
      }
      *line = with_comment(line_of(column, values), *line);
    }
    note_source();
  }

  // What stood behind the value stays.
  static std::string with_comment(std::string line, const std::string& old) {
    bool inside = false;
    for (std::size_t at = 0; at < old.size(); ++at) {
      if (old[at] == '"' && (at == 0 || old[at - 1] != '\\')) inside = !inside;
      if (old[at] != '#' || inside) continue;
      line.pop_back();
      return line + "  " + old.substr(at);
    }
    return line;
  }

  void note_source() {
    for (std::size_t at = first_; at < last_; ++at) {
      const std::size_t end = lines_[at].rfind('"');
      if (key_of(lines_[at]) == "source" && end != std::string::npos &&
          lines_[at].find(seen_note) == std::string::npos) {
        lines_[at].insert(end, fmt::format("; {}: {}", columns_text(), seen_note));
      }
    }
  }

  std::string columns_text() const {
    std::string text;
    for (const auto& [column, values] : update_.columns) text += (text.empty() ? "" : ", ") + column;
    return text;
  }

  const PinUpdate& update_;
  const std::string& file_;
  std::vector<std::string> lines_;
  std::size_t first_ = 0, last_ = 0;
  bool found_ = false;
};

// Every row but the one that was changed is what it was.
void check(std::string_view before, const std::string& after, const std::string& file,
           const std::string& rev) {
  const Toml old = Toml::parse(before, file), made = Toml::parse(after, file);
  const auto revs = [](const Toml& root) {
    std::vector<std::string> all;
    if (const Toml* pins = root.find("pin")) {
      for (const Toml& row : pins->array()) all.push_back(row.at("rev").text());
    }
    return all;
  };
  std::vector<std::string> want = revs(old);
  if (std::ranges::find(want, rev) == want.end()) want.push_back(rev);
  if (revs(made) != want)
    throw Error(
        {.what = "cannot be changed line by line", .where = {.file = file}, .next = "write the row by hand"});
}

}  // namespace

std::string update_pins(std::string_view text, const std::string& file, const PinUpdate& update) {
  if (update.columns.empty()) return std::string(text);
  Toml::parse(text, file);
  std::string made = Pins(text, file, update).run();
  check(text, made, file, update.rev);
  return made;
}

}  // namespace lathe
