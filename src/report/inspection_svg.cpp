// SPDX-License-Identifier: MIT
// The picture: two groups of bars. Above, the files by size, each bar split by what its bytes are for and
// its device code by GPU; below, the GPUs. No script, no font of its own, readable in black and white by its
// labels.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "device/target.h"
#include "inspect/byte_shares.h"
#include "inspect/inspect.h"
#include "report/inspection.h"

namespace lathe {
namespace {

constexpr double page_width = 1160, left = 300, bar_width = 700, row = 34, bar_height = 22, margin = 28;
constexpr std::size_t most_files = 20;
// files below one in so many of the largest are summed up in one bar
constexpr std::uint64_t least_share = 500;

constexpr std::array<std::string_view, static_cast<std::size_t>(ByteUse::count)> colours = {
    "#5b9a3c", "#b9d8a5", "#8fc06f", "#3f6fb5", "#93b4dd", "#d9b44a",
    "#d98a4a", "#9a86c2", "#c78fb2", "#b06a6a", "#c9c9c9"};
// Device code of one GPU beside the next: two shades in turn.
constexpr std::array<std::string_view, 2> gpu_shades = {"#5b9a3c", "#79b65a"};

std::string escape(std::string text) {
  text = replace_all(printable(text), "&", "&amp;");
  text = replace_all(text, "<", "&lt;");
  text = replace_all(text, ">", "&gt;");
  return replace_all(text, "\"", "&quot;");
}

// White on dark colours, dark on light ones.
std::string_view letters_on(std::string_view colour) {
  const auto part = [&](std::size_t at) { return std::stoi(std::string(colour.substr(at, 2)), nullptr, 16); };
  return 299 * part(1) + 587 * part(3) + 114 * part(5) > 160'000 ? "#333" : "#fff";
}

// About as wide as `pixels` in a 13-pixel sans-serif; the middle is left out of longer names.
std::string fit(const std::string& name, double pixels) {
  const auto letters = static_cast<std::size_t>(pixels / 7.0);
  if (name.size() <= letters) return name;
  const std::size_t half = (letters - 1) / 2;
  return name.substr(0, half) + "…" + name.substr(name.size() - half);
}

struct Piece {
  std::uint64_t bytes = 0;
  std::string_view colour;
  std::string label;
};

std::vector<Piece> pieces_of(const ByteShares& shares, const std::vector<GpuCode>& gpu) {
  std::vector<Piece> pieces;
  std::uint64_t in_images = 0;
  for (std::size_t i = 0; i < gpu.size(); ++i) {
    pieces.push_back(
        {.bytes = gpu[i].bytes, .colour = gpu_shades[i % gpu_shades.size()], .label = gpu[i].name()});
    in_images += gpu[i].bytes;
  }
  for (std::size_t i = 0; i < shares.bytes.size(); ++i) {
    const auto use = static_cast<ByteUse>(i);
    std::uint64_t bytes = shares.bytes[i];
    // what is not an image: headers, unknown kinds
    if (use == ByteUse::gpu_code) bytes -= std::min(bytes, in_images);
    if (bytes > 0)
      pieces.push_back({.bytes = bytes, .colour = colours[i], .label = std::string(to_string(use))});
  }
  return pieces;
}

class Svg {
 public:
  void text(double x, double y, const std::string& words, std::string_view style = "") {
    body_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" {}>{}</text>\n", x, y, style, escape(words));
  }
  void box(double x, double y, double width, double height, std::string_view colour,
           const std::string& title) {
    body_ += fmt::format(
        "<rect x=\"{:.2f}\" y=\"{:.1f}\" width=\"{:.2f}\" height=\"{:.1f}\" "
        "fill=\"{}\"><title>{}</title></rect>\n",
        x, y, width, height, colour, escape(title));
  }
  std::string finish(double height) const {
    return fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" viewBox=\"0 0 "
        "{0:.0f} {1:.0f}\" "
        "font-family=\"system-ui, 'DejaVu Sans', sans-serif\" font-size=\"13\" fill=\"#222\">\n"
        "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n{2}</svg>\n",
        page_width, height, body_);
  }

 private:
  std::string body_;
};

class Picture {
 public:
  Picture(const Inspection& inspection, const std::string& title) : inspection_(inspection), title_(title) {}

  std::string draw() {
    svg_.text(margin, y_, fit(title_, page_width - 200), "font-size=\"18\" font-weight=\"600\"");
    svg_.text(page_width - margin, y_, size_text(inspection_.bytes()),
              "font-size=\"18\" text-anchor=\"end\"");
    y_ += 18;
    legend();
    files();
    gpus();
    return svg_.finish(y_ + margin / 2);
  }

 private:
  void legend() {
    ByteShares all;
    for (const FileInspection& file : inspection_.files) all += file.shares;
    double x = margin;
    y_ += 14;
    for (std::size_t i = 0; i < all.bytes.size(); ++i) {
      if (all.bytes[i] == 0) continue;
      const std::string words =
          fmt::format("{} {}", to_string(static_cast<ByteUse>(i)), size_text(all.bytes[i]));
      const double width = 34 + 7.0 * static_cast<double>(words.size());
      if (x + width > page_width - margin) {
        x = margin;
        y_ += 20;
      }
      svg_.box(x, y_ - 10, 12, 12, colours[i], words);
      svg_.text(x + 17, y_, words, "font-size=\"12\"");
      x += width;
    }
    y_ += 26;
  }

  void bar(const std::string& name, std::uint64_t size, std::uint64_t largest,
           const std::vector<Piece>& pieces) {
    svg_.text(left - 10, y_ + bar_height - 6, fit(name, left - margin - 10), "text-anchor=\"end\"");
    double x = left;
    const double scale = largest == 0 ? 0 : bar_width / static_cast<double>(largest);
    for (const Piece& piece : pieces) {
      const double width = static_cast<double>(piece.bytes) * scale;
      const double gap = width > 3 ? 0.7 : 0;  // a hair between pieces, where there is room
      svg_.box(x, y_, width - gap, bar_height, piece.colour,
               fmt::format("{}: {}", piece.label, size_text(piece.bytes)));
      if (width > 7.2 * static_cast<double>(piece.label.size()) + 6) {
        svg_.text(x + width / 2, y_ + bar_height - 7, piece.label,
                  fmt::format("text-anchor=\"middle\" font-size=\"11\" fill=\"{}\" font-weight=\"600\"",
                              letters_on(piece.colour)));
      }
      x += width;
    }
    svg_.text(x + 8, y_ + bar_height - 6, size_text(size), "fill=\"#555\"");
    y_ += row;
  }

  void files() {
    std::vector<const FileInspection*> order;
    for (const FileInspection& file : inspection_.files) order.push_back(&file);
    std::ranges::stable_sort(order, std::greater<>(), &FileInspection::size);
    const std::string folder = common_folder(inspection_.files);
    std::uint64_t others = inspection_.other_bytes;
    std::size_t other_count = inspection_.other_files;
    std::size_t shown = 0;
    while (shown < std::min(order.size(), most_files) && order[shown]->size >= order[0]->size / least_share)
      ++shown;
    for (std::size_t i = shown; i < order.size(); ++i, ++other_count) others += order[i]->size;
    order.resize(shown);
    const std::uint64_t largest = std::max(others, order.empty() ? 1 : order[0]->size);
    for (const FileInspection* file : order) {
      bar(file->path.substr(folder.size()), file->size, largest, pieces_of(file->shares, file->gpu));
    }
    if (others > 0)
      bar(fmt::format("{} other files", other_count), others, largest, {{others, "#c9c9c9", "other files"}});
  }

  void gpus() {
    const std::vector<GpuCode> all = inspection_.gpu();
    if (all.empty()) return;
    y_ += 22;
    svg_.text(margin, y_, "Device code by GPU", "font-size=\"15\" font-weight=\"600\"");
    y_ += 14;
    const std::uint64_t largest = std::ranges::max(all, {}, &GpuCode::bytes).bytes;
    for (const GpuCode& code : all) {
      bar(code.name(), code.bytes, largest,
          {{code.bytes, code.code.kind == ImageKind::portable ? "#93b4dd" : gpu_shades[0],
            fmt::format("{} images", code.images)}});
    }
  }

  const Inspection& inspection_;
  const std::string& title_;
  Svg svg_;
  double y_ = margin + 8;
};

}  // namespace

std::string inspection_svg(const Inspection& inspection, const std::string& title) {
  return Picture(inspection, title).draw();
}

}  // namespace lathe
