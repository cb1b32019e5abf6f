// SPDX-License-Identifier: MIT
#include "recipe/arch_patch.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "os/file.h"
#include "os/unfinished.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 4> places = {
    arch_parser_path, "share/cmake/Caffe2/Modules_CUDA_fix/upstream/FindCUDA/select_compute_arch.cmake",
    "torch/share/cmake/Caffe2/Modules_CUDA_fix/upstream/FindCUDA/select_compute_arch.cmake",
    "select_compute_arch.cmake"};

// "a?" as it stands in the file: behind what matches digits. Then the expression takes f too.
std::string with_suffixes(std::string expression) {
  if (expression.find("[af]?") != std::string::npos) return expression;
  if (expression.find("a?") != std::string::npos) return replace_all(std::move(expression), "a?", "[af]?");
  return "";
}

// "^([0-9]\\.[0-9](\\([0-9]\\.[0-9]\\))?)$" of old releases: one digit before the dot, no suffix at all.
std::string widened_number(std::string expression) {
  constexpr std::string_view digit_dot = "[0-9]\\\\.", after_dot = "\\\\.[0-9]";
  for (std::size_t at = expression.find(digit_dot); at != std::string::npos;
       at = expression.find(digit_dot, at + digit_dot.size() + 1)) {
    expression.insert(at + 5, "+");
  }
  if (const std::string widened = with_suffixes(expression); !widened.empty()) return widened;
  const std::size_t at = expression.find(after_dot);
  return at == std::string::npos ? expression : expression.insert(at + after_dot.size(), "[af]?");
}

std::string widened_digits(std::string expression) {
  const std::string widened = with_suffixes(expression);
  return widened.empty() ? expression + "[af]?" : widened;
}

// The line with what stands between its first two quotes changed.
template <typename Change>
std::string with_quoted(std::string_view line, Change change) {
  const std::size_t open = line.find('"'), close = line.find('"', open + 1);
  if (open == std::string_view::npos || close == std::string_view::npos) return std::string(line);
  return fmt::format("{}{}{}", line.substr(0, open + 1),
                     change(std::string(line.substr(open + 1, close - open - 1))), line.substr(close));
}

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

std::string widened_line(std::string_view line) {
  if (has(line, "MATCHES \"^(") && has(line, "\\\\.") && has(line, "[0-9]") &&
      !has(line, "CMAKE_CUDA_COMPILER"))
    return with_quoted(line, widened_number);
  if (has(line, "REGEX MATCHALL \"[0-9") && has(line, "cuda_arch_")) return with_quoted(line, widened_digits);
  return std::string(line);
}

ArchAnswer ask_one(const std::string& cmake, const std::string& folder, const std::string& token,
                   const RunProcess& run) {
  const ProcessResult result = run({.arguments = {cmake, "-DTOKEN=" + token, "-P", "ask.cmake"},
                                    .folder = folder,
                                    .time_limit = std::chrono::seconds(60)});
  ArchAnswer answer{.token = token, .taken = false, .flags = {}, .refusal = {}};
  constexpr std::string_view mark = "-- flags: ";
  for (const std::string_view line : split(result.out, '\n')) {
    if (line.starts_with(mark)) answer.flags = trim(line.substr(mark.size()));
  }
  answer.taken = result.ok() && !answer.flags.empty();
  for (const std::string_view line : split(result.err, '\n')) {
    if (answer.refusal.empty() && has(line, "nknown")) answer.refusal = trim(line);
  }
  return answer;
}

void append_hunk(std::string& out, const std::vector<std::string_view>& before,
                 const std::vector<std::string_view>& after, std::size_t first, std::size_t last) {
  out += fmt::format("@@ -{0},{1} +{0},{1} @@\n", first + 1, last - first);
  for (std::size_t i = first; i < last; ++i) {
    if (before[i] == after[i]) {
      out += fmt::format(" {}\n", before[i]);
    } else {
      out += fmt::format("-{}\n+{}\n", before[i], after[i]);
    }
  }
}

}  // namespace

fs::path find_arch_parser(const fs::path& place) {
  std::error_code error;
  if (fs::is_regular_file(place, error)) return place;
  for (const std::string_view inside : places) {
    if (fs::is_regular_file(place / inside, error)) return place / inside;
  }
  throw Error({.what = fs::exists(place, error) ? "there is no select_compute_arch.cmake in it"
                                                : "there is no such folder or file",
               .where = {.file = place.string()},
               .next = fmt::format("a PyTorch source tree has it at {}", arch_parser_path)});
}

std::optional<std::string> widen_arch_parser(std::string_view text) {
  std::string out;
  bool known = false;
  for (const std::string_view line : split(text, '\n')) {
    const bool number = has(line, "arch") || has(line, "token");
    const std::string widened = number ? widened_line(line) : std::string(line);
    known |= widened != line || has(line, "[af]?");
    out += widened + "\n";
  }
  out.pop_back();
  return known ? std::optional(out) : std::nullopt;
}

std::string unified_patch(std::string_view path, std::string_view before_text, std::string_view after_text) {
  constexpr std::size_t context = 3;
  auto before = split(before_text, '\n'), after = split(after_text, '\n');
  if (!before.empty() && before.back().empty()) before.pop_back(), after.pop_back();
  std::string out;
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (before[i] == after[i]) continue;
    const std::size_t first = i < context ? 0 : i - context;
    std::size_t last = i + 1;  // behind the last changed line
    for (std::size_t next = i + 1; next < before.size() && next < last + 2 * context; ++next) {
      if (before[next] != after[next]) last = next + 1;
    }
    const std::size_t end = std::min(last + context, before.size());
    if (out.empty()) out = fmt::format("--- a/{0}\n+++ b/{0}\n", path);
    append_hunk(out, before, after, first, end);
    i = end - 1;
  }
  return out;
}

std::vector<ArchAnswer> ask_arch_parser(std::string_view text, const std::vector<std::string>& tokens,
                                        const RunProcess& run) {
  const auto cmake = find_program("cmake");
  if (!cmake)
    throw Error({.what = "CMake is needed to ask PyTorch's own parser, and is not installed",
                 .where = {},
                 .next = "on Debian: apt install cmake",
                 .kind = ErrorKind::fault});
  const Unfinished folder(fs::temp_directory_path() / "arch-parser", Unfinished::Kind::folder);
  write_file_atomically(folder.path() + "/select_compute_arch.cmake", text);
  write_file_atomically(folder.path() + "/ask.cmake",
                        "include(${CMAKE_CURRENT_LIST_DIR}/select_compute_arch.cmake)\n"
                        "cuda_select_nvcc_arch_flags(flags \"${TOKEN}\")\n"
                        "message(STATUS \"flags: ${flags}\")\n");
  std::vector<ArchAnswer> answers;
  for (const std::string& token : tokens) answers.push_back(ask_one(*cmake, folder.path(), token, run));
  return answers;
}

}  // namespace lathe
