// SPDX-License-Identifier: MIT
#include "page/report.h"

#include <string_view>
#include <utility>
#include <vector>

#include "page/frame.h"
#include "page/html.h"

namespace lathe {
namespace {

// The sections that this report has: id and heading.
std::vector<std::pair<std::string, std::string>> sections_of(const PageContent& report) {
  std::vector<std::pair<std::string, std::string>> sections;
  if (report.matrix) sections.emplace_back("matrix", "Matrix");
  return sections;
}

void write_head(Html& html, const PageContent& report) {
  html.open("header").line().element("h1", report.title).line();
  if (!report.description.empty()) html.element("p", report.description).line();
  const auto sections = sections_of(report);
  if (sections.size() > 1) {
    html.open("nav", {{"aria-label", "Parts"}}).open("ul");
    for (const auto& [id, heading] : sections)
      html.open("li").element("a", {{"href", "#" + id}}, heading).close();
    html.close().close().line();
  }
  html.close().line();
}

}  // namespace

std::string report_page(const PageContent& report) {
  Html html;
  write_head(html, report);
  html.open("main").line();
  if (report.matrix) {
    write_filter(html, "Variants", "RTX 4090 avx512",
                 {{"gpu", "GPU"},
                  {"cpu", "CPU"},
                  {"cuda", "CUDA"},
                  {"python", "Python"},
                  {"pytorch", "PyTorch"},
                  {"package", "Package"},
                  {"status", "Status"}});
    write_matrix_part(html, *report.matrix);
  }
  return page_html(report.title, html.close().line().take());
}

}  // namespace lathe
