// SPDX-License-Identifier: MIT
// A page of a Python package index: what a project's files are called, where they lie, and what an installer
// may know before it fetches one. Written as HTML (PEP 503) and JSON (PEP 691); read from an index that
// somebody else keeps, of which nothing is trusted. Pure.
// Source: the simple repository API (PEP 503, 592, 629, 658, 691, 700, 714, 740).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lathe {

struct PageFile {
  std::string name = {};                   // "torch-2.15.0-cp312-cp312-linux_x86_64.whl"
  std::string url = {};                    // as it stands on the page: relative to it, or absolute
  std::string sha256 = {};                 // in hexadecimal; "" while it is not known
  std::optional<std::uint64_t> size = {};  // bytes
  std::string requires_python = {};        // ">=3.10"
  std::optional<std::string> yanked = {};  // with its reason, which may be ""
  bool has_metadata = false;               // URL.metadata is its METADATA
  std::string metadata_sha256 = {};        // of that; "" while it is not known
  std::string provenance = {};             // address of its attestations
  std::string upload_time = {};            // as the index has it
};

struct ProjectPage {
  std::string name = {};  // normalised
  std::vector<PageFile> files = {};
};

// As PEP 503 compares names: "Foo._Bar" is "foo-bar".
std::string normal_project_name(std::string_view name);
// Letters, digits, '.', '-', '_', at most 128, a letter or digit at both ends.
bool is_project_name(std::string_view name);
// Of a wheel or a source archive, as it may stand in an address and in a folder: no '/', no leading '.', at
// most 255 bytes of those that such names have.
bool is_distribution_file(std::string_view name);
bool is_sha256(std::string_view text);  // 64 digits in lower case

inline constexpr std::string_view simple_json = "application/vnd.pypi.simple.v1+json";
inline constexpr std::string_view simple_html = "application/vnd.pypi.simple.v1+html";

std::string page_html(const ProjectPage& page);
std::string page_json(const ProjectPage& page);
std::string projects_html(const std::vector<std::string>& names);
std::string projects_json(const std::vector<std::string>& names);

// Of these two, that which an Accept header asks for; HTML where it leaves it open.
bool prefers_json(std::string_view accept);

// The page of `project` that was fetched from `address`, with absolute addresses. Files with names or
// addresses that are none are left out. Error when it is not such a page, of another major version, or has
// more than 100,000 files.
ProjectPage read_project_page(std::string_view text, std::string_view project, const std::string& address);

}  // namespace lathe
