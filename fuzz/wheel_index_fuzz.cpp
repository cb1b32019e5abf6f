// SPDX-License-Identifier: MIT
// What strangers send to `serve`, or an upstream index answers: requests, ranges, pages. Any bytes are read
// or refused. What is read leads nowhere else: a path has no "..", a page no address but http and https and
// no file name that a folder would take for more; and it is the same when it is written and read again.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/error.h"
#include "http/address.h"
#include "http/request.h"
#include "simple/project_page.h"

namespace {

void expect(bool true_of_all) {
  if (!true_of_all) std::abort();
}

void check_request(std::string_view text) {
  const lathe::HttpHead head = lathe::read_http_head(text);
  if (!head.request) return expect(head.status >= 400 && !head.why.empty());
  const std::string& path = head.request->path;
  expect(path.starts_with('/') && path.find("/../") == std::string::npos && !path.ends_with("/..") &&
         path.find("//") == std::string::npos && path.find('\0') == std::string::npos &&
         path.find('\\') == std::string::npos && head.request->headers.size() <= lathe::most_http_headers);
}

void check_range(const std::string& text) {
  for (const std::uint64_t size :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1000}, ~std::uint64_t{0}}) {
    const lathe::HttpRange range = lathe::read_http_range(text, size);
    if (range.bytes) expect(range.bytes->first < range.bytes->second && range.bytes->second <= size);
  }
}

void check_page(const std::string& text) {
  const std::string address = "https://index.example.org/simple/torch/";
  const lathe::ProjectPage page = lathe::read_project_page(text, "torch", address);
  for (const lathe::PageFile& file : page.files) {
    expect(lathe::is_web_address(file.url) && lathe::is_distribution_file(file.name));
    expect(file.sha256.empty() || lathe::is_sha256(file.sha256));
    expect(file.name.find('/') == std::string::npos && file.requires_python.find('\n') == std::string::npos);
  }
  const std::string html = lathe::page_html(page), json = lathe::page_json(page);
  expect(lathe::page_json(lathe::read_project_page(json, "torch", address)) == json);
  expect(lathe::read_project_page(html, "torch", address).files.size() == page.files.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  check_request(text);
  check_range(text);
  check_range("bytes=" + text);
  if (const auto address = lathe::resolve_address("https://me:word@x.org/a/b", text))
    expect(lathe::is_web_address(*address));
  expect(lathe::url_decoded(lathe::url_part(text)) == text);
  try {
    check_page(text);
  } catch (const lathe::Error&) {
  }
  return 0;
}
