// SPDX-License-Identifier: MIT
#include "simple/answers.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/text.h"
#include "simple/project_page.h"
#include "simple/root.h"

namespace lathe {
namespace {

constexpr std::string_view for_ever = "public, max-age=31536000, immutable";

HttpAnswer not_found() { return {.status = 404, .body = "there is no such page or file\n"}; }

HttpAnswer text_answer(std::string body, std::string content_type) {
  HttpAnswer out{.content_type = std::move(content_type), .body = std::move(body)};
  out.etag = to_hex(sha256(as_byte_span(out.body)));
  return out;
}

HttpAnswer page_answer(const HttpRequest& request, const std::string& html, const std::string& json) {
  const bool as_json = prefers_json(request.header("accept"));
  HttpAnswer out =
      text_answer(as_json ? json : html, std::string(as_json ? simple_json : "text/html; charset=utf-8"));
  out.varies = true;
  return out;
}

HttpAnswer file_answer(const std::optional<OfferedFile>& offered, std::string_view name) {
  if (!offered) return not_found();
  HttpAnswer out{
      .body = offered->text, .file = offered->file, .etag = offered->sha256, .note = offered->note};
  if (!offered->redirect.empty()) {
    out.status = 302;
    out.location = offered->redirect;
    out.etag.clear();
  }
  if (name.ends_with(".whl") || name.ends_with(".tar.gz")) out.content_type = "application/octet-stream";
  if (name.ends_with(".json")) out.content_type = "application/json";
  out.cache_control = offered->final ? for_ever : "no-cache";
  return out;
}

HttpAnswer welcome(const PackageIndex& index) {
  std::string text = "wheels carved for fewer GPUs, by torchlathe\n\n";
  for (const Root& root : index.roots()) {
    std::string what =
        root.naming == Naming::local ? "all, the GPU in the version" : "all, as wheel variants";
    if (root.target) what = "for compute capability " + to_string(*root.target);
    text += fmt::format("/{}simple/  {}\n", root.path, what);
  }
  return text_answer(std::move(text), "text/plain; charset=utf-8");
}

// The way to a project's page has a '/' at its end: links on it are relative.
HttpAnswer to_folder(const HttpRequest& request) {
  const std::size_t slash = request.path.rfind('/');
  return {.status = 302, .location = request.path.substr(slash + 1) + "/"};
}

HttpAnswer simple_answer(PackageIndex& index, const Root& root, const std::vector<std::string_view>& parts,
                         const HttpRequest& request) {
  if (parts.empty()) return to_folder(request);
  if (parts.size() == 1 && parts[0].empty()) {
    const auto names = index.projects();
    return page_answer(request, projects_html(names), projects_json(names));
  }
  const std::string project = normal_project_name(parts[0]);
  if (!is_project_name(parts[0]) || parts.size() > 2 || (parts.size() == 2 && !parts[1].empty()))
    return not_found();
  if (parts[0] != project)
    return {.status = 302, .location = (parts.size() == 2 ? "../" : "") + project + "/"};
  if (parts.size() == 1) return to_folder(request);
  const auto page = index.page(root, project);
  return page ? page_answer(request, page_html(*page), page_json(*page)) : not_found();
}

// Whoever goes on with a download says of which content (If-Range), and gets that one's rest.
bool only_looks(const HttpRequest& request) {
  return request.method == "HEAD" || (!request.header("range").empty() && request.header("if-range").empty());
}

HttpAnswer wheel_answer(PackageIndex& index, const Root& root, const std::string& project,
                        const std::string& name, const HttpRequest& request) {
  if (only_looks(request)) {
    if (const auto glanced = index.glance(root, project, name)) return file_answer(glanced, name);
  }
  return file_answer(index.wheel(root, project, name), name);
}

}  // namespace

HttpAnswer answer(PackageIndex& index, const HttpRequest& request) {
  auto parts = split(request.path, '/');
  parts.erase(parts.begin());  // before the first '/'
  if (parts.size() == 1 && parts[0].empty()) return welcome(index);
  if (parts.size() == 3 && parts[0] == "files") {
    const std::string name(parts[2]);
    if (!is_sha256(parts[1]) || !is_distribution_file(name)) return not_found();
    return file_answer(index.content(std::string(parts[1]), name), name);
  }
  for (const Root& root : index.roots()) {
    auto rest = parts;
    if (!root.path.empty()) {
      if (std::string(rest[0]) + "/" != root.path) continue;
      rest.erase(rest.begin());
    }
    if (rest.empty()) return not_found();
    const std::string_view kind = rest[0];
    rest.erase(rest.begin());
    if (kind == "simple") return simple_answer(index, root, rest, request);
    const bool wheel =
        kind == "wheels" && rest.size() == 2 && is_project_name(rest[0]) && is_distribution_file(rest[1]);
    if (wheel) return wheel_answer(index, root, normal_project_name(rest[0]), std::string(rest[1]), request);
  }
  return not_found();
}

}  // namespace lathe
