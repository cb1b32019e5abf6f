// SPDX-License-Identifier: MIT
// The picture: two groups of bars. Above, the files by size, each bar split by what its bytes are for and
// its device code by GPU; below, the GPUs. No script, no font of its own, readable in black and white by its
// labels.
#include "page/inspection_picture.h"

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
#include "page/drawing.h"
#include "page/html.h"
#include "report/inspection.h"

namespace lathe {
namespace {

constexpr double page_width = 1160, left = 300, bar_width = 700, row = 34, bar_height = 22, margin = 28;
constexpr std::size_t most_files = 20;
// files below one in so many of the largest are summed up in one bar
constexpr std::uint64_t least_share = 500;

// About as wide as `pixels` in a 13-pixel sans-serif; the middle is left out of longer names.
std::string fit(const std::string& name, double pixels) {
  const auto letters = static_cast<std::size_t>(pixels / 7.0);
  if (name.size() <= letters) return name;
  const std::size_t half = (letters - 1) / 2;
  return name.substr(0, half) + "…" + name.substr(name.size() - half);
}

class Svg {
 public:
  Svg() { html_.line(); }
  void text(double x, double y, const std::string& words, std::string_view size = "",
            std::string_view weight = "", std::string_view anchor = "", std::string_view fill = "") {
    html_
        .element("text",
                 {{"x", fmt::format("{:.1f}", x)},
                  {"y", fmt::format("{:.1f}", y)},
                  {"font-size", std::string(size)},
                  {"font-weight", std::string(weight)},
                  {"text-anchor", std::string(anchor)},
                  {"fill", std::string(fill)}},
                 words)
        .line();
  }
  void box(const Box& box, std::string_view colour, const std::string& title) {
    draw_box(html_, box, "", colour, title);
  }
  std::string finish(double height) {
    Html whole;
    whole.open("svg", {{"xmlns", "http://www.w3.org/2000/svg"},
                       {"width", fmt::format("{:.0f}", page_width)},
                       {"height", fmt::format("{:.0f}", height)},
                       {"viewBox", fmt::format("0 0 {:.0f} {:.0f}", page_width, height)},
                       {"font-family", "system-ui, DejaVu Sans, sans-serif"},
                       {"font-size", "13"},
                       {"fill", "#222"}});
    whole.line().open("rect", {{"width", "100%"}, {"height", "100%"}, {"fill", "#fff"}}).close();
    return whole.raw(html_.take()).close().line().take();
  }

 private:
  Html html_;
};

class Picture {
 public:
  Picture(const Inspection& inspection, const std::string& title) : inspection_(inspection), title_(title) {}

  std::string draw() {
    svg_.text(margin, y_, fit(title_, page_width - 200), "18", "600");
    svg_.text(page_width - margin, y_, size_text(inspection_.bytes()), "18", "", "end");
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
      svg_.box({x, y_ - 10, 12, 12}, colour_of(static_cast<ByteUse>(i)), words);
      svg_.text(x + 17, y_, words, "12");
      x += width;
    }
    y_ += 26;
  }

  void bar(const std::string& name, std::uint64_t size, std::uint64_t largest,
           const std::vector<Share>& shares) {
    svg_.text(left - 10, y_ + bar_height - 6, fit(name, left - margin - 10), "", "", "end");
    const std::vector<Box> boxes = bar_boxes(shares, largest, {left, y_, bar_width, bar_height});
    double end = left;
    for (std::size_t i = 0; i < shares.size(); ++i) {
      piece(shares[i], boxes[i]);
      end = boxes[i].x + boxes[i].width;
    }
    svg_.text(end + 8, y_ + bar_height - 6, size_text(size), "", "", "", "#555");
    y_ += row;
  }

  void piece(const Share& share, Box box) {
    const double middle = box.x + box.width / 2;
    const bool has_room = box.width > 7.2 * static_cast<double>(share.label.size()) + 6;
    if (box.width > 3) box.width -= 0.7;  // a hair between pieces, where there is room
    svg_.box(box, share.colour, fmt::format("{}: {}", share.label, size_text(share.bytes)));
    if (has_room)
      svg_.text(middle, box.y + bar_height - 7, share.label, "11", "600", "middle", letters_on(share.colour));
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
      bar(file->path.substr(folder.size()), file->size, largest, shares_of(file->shares, file->gpu));
    }
    if (others > 0)
      bar(fmt::format("{} other files", other_count), others, largest,
          {{others, colour_of(ByteUse::rest), "other files"}});
  }

  void gpus() {
    const std::vector<GpuCode> all = inspection_.gpu();
    if (all.empty()) return;
    y_ += 22;
    svg_.text(margin, y_, "Device code by GPU", "15", "600");
    y_ += 14;
    const std::uint64_t largest = std::ranges::max(all, {}, &GpuCode::bytes).bytes;
    for (const GpuCode& code : all) {
      bar(code.name(), code.bytes, largest,
          {{code.bytes, colour_of(code), fmt::format("{} images", code.images)}});
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
