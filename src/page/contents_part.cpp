// SPDX-License-Identifier: MIT
#include "page/contents_part.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <numeric>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "inspect/byte_shares.h"
#include "inspect/carve_record.h"
#include "inspect/not_read.h"
#include "page/drawing.h"
#include "page/findings_list.h"
#include "page/frame.h"
#include "report/inspection.h"
#include "report/inspection_folders.h"

namespace lathe {
namespace {

constexpr std::size_t most_bars = 20;
constexpr Box per_cent = {0, 0, 100, 100};
constexpr double map_shape = 0.36;  // height by width, where the page is wide

std::string count_text(std::size_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

// One row of what a path holds: a package, a file, a folder of files, all of it.
struct Part {
  std::string name = {};
  std::uint64_t size = 0;
  std::vector<Share> shares = {};
};

Part part_of(std::string name, const FileInspection& file) {
  return {.name = std::move(name), .size = file.size, .shares = shares_of(file.shares, file.gpu)};
}

// The files of one package as one.
std::vector<Part> parts_by_package(const PathContents& contents) {
  std::map<std::string, FileInspection> sums;
  for (std::size_t i = 0; i < contents.inspection.files.size(); ++i) {
    const FileInspection& file = contents.inspection.files[i];
    FileInspection& sum = sums[contents.packages[i]];
    add_inspection(sum, file);
    sum.size += file.size;
  }
  std::vector<Part> parts;
  for (const auto& [name, sum] : sums) parts.push_back(part_of(name.empty() ? "of no package" : name, sum));
  return parts;
}

std::vector<Part> parts_by_file(const Inspection& inspection) {
  const std::size_t common = common_folder(inspection.files).size();
  const bool many = inspection.files.size() > most_single_files;
  const Inspection folders = many ? by_folder(inspection, common) : Inspection{};
  std::vector<Part> parts;
  for (const FileInspection& file : many ? folders.files : inspection.files)
    parts.push_back(part_of(file.path.substr(std::min(common, file.path.size())), file));
  return parts;
}

// Files that are no code, and such as may hold code and are not read.
std::vector<Part> parts_around(const Inspection& inspection) {
  std::vector<Part> parts;
  const auto add = [&](const std::string& name, std::uint64_t bytes, const std::string& label) {
    if (bytes > 0)
      parts.push_back({.name = name, .size = bytes, .shares = {{bytes, colour_of(ByteUse::rest), label}}});
  };
  std::uint64_t not_read = 0;
  for (const NotRead& file : inspection.not_read) not_read += file.size;
  add(count_text(inspection.other_files, "file") + " without code", inspection.other_bytes, "no code");
  add(count_text(inspection.not_read.size(), "file") + " not read", not_read, "not read");
  return parts;
}

// The largest first; what lies around them, without code, at the end.
std::vector<Part> parts_of(const PathContents& contents) {
  const Inspection& inspection = contents.inspection;
  std::vector<Part> parts =
      contents.packages.empty() ? parts_by_file(inspection) : parts_by_package(contents);
  std::ranges::stable_sort(parts, std::greater<>(), &Part::size);
  if (parts.size() > most_bars) {
    Part rest{.name = fmt::format("{} others", parts.size() - most_bars)};
    for (std::size_t i = most_bars; i < parts.size(); ++i) rest.size += parts[i].size;
    rest.shares = {{rest.size, colour_of(ByteUse::rest), "others"}};
    parts.resize(most_bars);
    parts.push_back(std::move(rest));
  }
  for (Part& part : parts_around(inspection)) parts.push_back(std::move(part));
  return parts;
}

std::string share_words(const Part& part) {
  std::vector<std::string> words;
  for (const Share& share : part.shares)
    words.push_back(fmt::format("{} {}", share.label, size_text(share.bytes)));
  return fmt::format("{}: {}", part.name, fmt::join(words, ", "));
}

// What a share is, in it, `below` pixels from its top, where there is room for it: `width` is the per cent of
// the page that it has. Where the page is narrow only the wide ones have it.
void write_label(Html& html, const Share& share, const Box& box, double width, int below) {
  constexpr double least = 5.5, roomy = 28;
  if (width < least || share.label == "all") return;
  html.open("svg", {{"x", fmt::format("{:.2f}%", box.x)},
                    {"y", fmt::format("{:.2f}%", box.y)},
                    {"width", fmt::format("{:.2f}%", box.width)},
                    {"height", fmt::format("{:.2f}%", box.height)},
                    {"class", width < roomy ? "small" : ""}});
  html.element("text",
               {{"x", "6"}, {"y", std::to_string(below)}, {"fill", std::string(letters_on(share.colour))}},
               share.label);
  html.close().line();
}

void write_bar(Html& html, const Part& part, std::uint64_t largest) {
  html.open("dt")
      .element("span", part.name)
      .element("span", {{"class", "number"}}, size_text(part.size))
      .close();
  html.open("dd")
      .open("svg", {{"class", "drawing"}, {"role", "img"}, {"aria-label", share_words(part)}})
      .line();
  const std::vector<Box> boxes = bar_boxes(part.shares, largest, per_cent);
  for (std::size_t i = 0; i < part.shares.size(); ++i) {
    draw_box(html, boxes[i], "%", part.shares[i].colour,
             fmt::format("{}: {}", part.shares[i].label, size_text(part.shares[i].bytes)));
    write_label(html, part.shares[i], boxes[i], boxes[i].width, 15);
  }
  html.close().close().line();
}

void write_bars(Html& html, const std::vector<Part>& parts) {
  std::uint64_t largest = 0;
  for (const Part& part : parts) largest = std::max(largest, part.size);
  html.open("dl", {{"class", "bars"}}).line();
  for (const Part& part : parts) write_bar(html, part, largest);
  html.close().line();
}

// A part's box, its shares inside it, its name where there is room for it.
void write_map_part(Html& html, const Part& part, const Box& box) {
  html.open("svg", {{"x", fmt::format("{:.2f}%", box.x)},
                    {"y", fmt::format("{:.2f}%", box.y)},
                    {"width", fmt::format("{:.2f}%", box.width)},
                    {"height", fmt::format("{:.2f}%", box.height)}});
  std::vector<Share> shares = part.shares;
  std::ranges::stable_sort(shares, std::greater<>(), &Share::bytes);
  std::vector<std::uint64_t> sizes;
  for (const Share& share : shares) sizes.push_back(share.bytes);
  const double height = box.height * map_shape;
  const std::vector<Box> boxes = map_boxes(sizes, {0, 0, box.width, height});
  for (std::size_t i = 0; i < shares.size(); ++i) {
    const Box own = {boxes[i].x / box.width * 100, boxes[i].y / height * 100,
                     boxes[i].width / box.width * 100, boxes[i].height / height * 100};
    draw_box(html, own, "%", shares[i].colour,
             fmt::format("{}: {} {}", part.name, shares[i].label, size_text(shares[i].bytes)));
    if (box.height * own.height > 1000)
      write_label(html, shares[i], own, box.width * own.width / 100, own.y == 0 ? 34 : 17);
  }
  if (box.width > 9 && box.height > 8 && !shares.empty()) {
    html.element("text",
                 {{"x", "6"},
                  {"y", "17"},
                  {"class", box.width > 30 ? "name" : "name small"},
                  {"fill", std::string(letters_on(shares[0].colour))}},
                 part.name);
  }
  html.open("rect", {{"class", "edge"}, {"width", "100%"}, {"height", "100%"}}).close();
  html.close().line();
}

void write_map(Html& html, std::vector<Part> parts, const std::string& title) {
  std::ranges::stable_sort(parts, std::greater<>(), &Part::size);
  std::vector<std::uint64_t> sizes;
  for (const Part& part : parts) sizes.push_back(part.size);
  const std::vector<Box> boxes = map_boxes(sizes, {0, 0, 100, 100 * map_shape});
  html.open("svg", {{"class", "drawing map"},
                    {"role", "img"},
                    {"aria-label", fmt::format("Map of {}; the bars below say the same", title)}});
  html.line();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (boxes[i].width <= 0) continue;
    write_map_part(html, parts[i],
                   {boxes[i].x, boxes[i].y / map_shape, boxes[i].width, boxes[i].height / map_shape});
  }
  html.close().line();
}

void write_keys(Html& html, const ByteShares& shares) {
  html.open("ul", {{"class", "keys"}, {"aria-label", "Bytes by use"}});
  for (std::size_t i = 0; i < shares.bytes.size(); ++i) {
    const auto use = static_cast<ByteUse>(i);
    if (shares.bytes[i] == 0) continue;
    html.open("li").open("svg", {{"class", "key"}, {"aria-hidden", "true"}});
    draw_box(html, per_cent, "%", colour_of(use), std::string(to_string(use)));
    html.close().text(fmt::format("{} {}", to_string(use), size_text(shares.bytes[i]))).close().line();
  }
  html.close().line();
}

ByteShares all_shares(const Inspection& inspection) {
  ByteShares all;
  for (const FileInspection& file : inspection.files) all += file.shares;
  return all;
}

void write_gpus(Html& html, const Inspection& inspection) {
  std::vector<Part> parts;
  for (const GpuCode& code : inspection.gpu()) {
    parts.push_back({.name = code.name(),
                     .size = code.bytes,
                     .shares = {{code.bytes, colour_of(code), count_text(code.images, "image")}}});
  }
  html.element("h4", "Device code by GPU").line();
  if (parts.empty()) html.element("p", "There is none.").line();
  else write_bars(html, parts);
}

// What an earlier carve says of itself: before and after.
void write_carved(Html& html, const CarveRecord& record) {
  Part before{.name = "before the carve"}, after{.name = "after the carve"};
  for (const CarveRecord::File& file : record.files) {
    before.size += file.size_before;
    after.size += file.size_after;
  }
  before.shares = {{before.size, colour_of(ByteUse::rest), "all"}};
  after.shares = {{after.size, colour_of(ByteUse::rest), "all"}};
  html.element("h4", fmt::format("Carved for {}, as its record says", fmt::join(record.gpus, ", "))).line();
  write_bars(html, {before, after});
}

void write_one(Html& html, const PathContents& contents) {
  const Inspection& inspection = contents.inspection;
  html.element("h3", contents.path).line();
  html.element("p", fmt::format("{}: {} with code, {} without.", size_text(inspection.bytes()),
                                count_text(inspection.files.size(), "file"), inspection.other_files))
      .line();
  write_findings(html, inspection.findings);
  write_keys(html, all_shares(inspection));
  for (const CarveRecord& record : inspection.carved) write_carved(html, record);
  write_gpus(html, inspection);
  html.element("h4", contents.packages.empty() ? "By file" : "By package").line();
  const std::vector<Part> parts = parts_of(contents);
  write_map(html, parts, contents.path);
  write_bars(html, parts);
}

// The sum of a path: its code by use and GPU, and the rest.
Part whole_of(const PathContents& contents) {
  const Inspection& inspection = contents.inspection;
  Part whole{.name = contents.path,
             .size = inspection.bytes(),
             .shares = shares_of(all_shares(inspection), inspection.gpu())};
  for (const Part& part : parts_around(inspection)) whole.shares.push_back(part.shares.front());
  return whole;
}

std::uint64_t bytes_named(const Part& part, std::string_view label) {
  const auto share = std::ranges::find(part.shares, label, &Share::label);
  return share == part.shares.end() ? 0 : share->bytes;
}

std::string change_text(std::uint64_t before, std::uint64_t after) {
  if (before == after) return "the same";
  if (before == 0) return "new";
  const double change = 100.0 * (static_cast<double>(after) / static_cast<double>(before) - 1);
  return fmt::format("{:+.0f} %", change);
}

void write_comparison_row(Html& html, const std::string& label, const std::vector<std::uint64_t>& bytes,
                          const std::vector<Part>& wholes) {
  html.open("tr").element("th", {{"scope", "row"}}, label);
  for (std::size_t i = 0; i < bytes.size(); ++i)
    html.element("td", {{"data-label", wholes[i].name}, {"class", "number"}},
                 bytes[i] > 0 ? size_text(bytes[i]) : "-");
  html.element("td", {{"data-label", "Change"}, {"class", "number"}},
               change_text(bytes.front(), bytes.back()));
  html.close().line();
}

void write_comparison(Html& html, const std::vector<PathContents>& all) {
  std::vector<Part> wholes;
  std::vector<std::string> labels;
  for (const PathContents& contents : all) {
    wholes.push_back(whole_of(contents));
    for (const Share& share : wholes.back().shares) {
      if (std::ranges::find(labels, share.label) == labels.end()) labels.push_back(share.label);
    }
  }
  html.element("h3", "Side by side").line();
  write_bars(html, wholes);
  std::vector<std::string> heads = {"Bytes"};
  for (const Part& whole : wholes) heads.push_back(whole.name);
  heads.emplace_back("Change");
  begin_table(html, "rows numbers", "First to last", heads);
  std::vector<std::uint64_t> sizes;
  for (const Part& whole : wholes) sizes.push_back(whole.size);
  write_comparison_row(html, "all", sizes, wholes);
  for (const std::string& label : labels) {
    std::vector<std::uint64_t> bytes;
    for (const Part& whole : wholes) bytes.push_back(bytes_named(whole, label));
    write_comparison_row(html, label, bytes, wholes);
  }
  end_table(html);
}

}  // namespace

void write_contents_part(Html& html, const std::vector<PathContents>& all) {
  html.open("section", {{"id", "contents"}}).line().element("h2", "Contents").line();
  if (all.size() > 1) write_comparison(html, all);
  for (const PathContents& contents : all) write_one(html, contents);
  html.close().line();
}

}  // namespace lathe
