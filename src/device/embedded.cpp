// SPDX-License-Identifier: MIT
// First every mark, on all cores; then the places one after another, so that what lies inside an image
// counts once.
#include "device/embedded.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"
#include "base/finding.h"
#include "base/parallel.h"
#include "base/text.h"
#include "device/cubin.h"
#include "device/cuda.h"
#include "device/cuda_format.h"
#include "device/cuda_target.h"
#include "device/embedded_marks.h"
#include "device/fatbin_reader.h"
#include "device/target.h"
#include "formats/elf.h"
#include "formats/elf_headers.h"
#include "formats/object_file.h"
#include "os/mapped_file.h"

namespace lathe {
namespace {

// Against hostile files. cuFFT 12 has 23,983 containers; no library seen has a raw cubin with more than 700
// sections.
constexpr std::size_t most_marks = 4'000'000;
constexpr std::size_t most_images = 200'000;
// read in all, of what turns out to be a cubin and of what does not
constexpr std::size_t most_cubin_sections = 2'000'000;
constexpr std::size_t most_refused_cubins = 1'000;

struct Range {
  std::uint64_t begin = 0, end = 0;
  std::string name = {};  // of the section that begins first

  std::uint64_t size() const { return end - begin; }
};

// The part of it that the file has.
void add_range(std::vector<Range>& ranges, const ObjectSection& section, std::uint64_t file_size) {
  if (section.offset >= file_size || section.size == 0) return;
  const std::uint64_t size = std::min(section.size, file_size - section.offset);
  ranges.push_back(
      {.begin = section.offset, .end = section.offset + size, .name = std::string(section.name)});
}

// Without what lies in one of `holes`, which are ascending and disjoint.
void cut_out(const std::vector<Range>& holes, Range range, std::vector<Range>& out) {
  auto hole = std::ranges::upper_bound(holes, range.begin, {}, &Range::end);
  for (; hole != holes.end() && hole->begin < range.end; ++hole) {
    if (hole->begin > range.begin)
      out.push_back({.begin = range.begin, .end = hole->begin, .name = range.name});
    range.begin = std::min(hole->end, range.end);
  }
  if (range.begin < range.end) out.push_back(std::move(range));
}

std::vector<Range> loaded_ranges(const ObjectFile& object) {
  std::vector<Range> ranges;
  const auto add = [&](const ObjectSection& section) {
    if (section.loaded) add_range(ranges, section, object.bytes().size());
  };
  if (object.has_sections()) object.for_each_section(add);
  else object.for_each_loaded_part(add);
  return ranges;
}

// Where no data lies: known fat binaries, and the file's own headers and tables. Ascending, disjoint.
std::vector<Range> holes_of(const ObjectFile& object, const DeviceContents& contents) {
  std::vector<Range> holes;
  const auto add = [&](std::uint64_t at, std::uint64_t size) {
    holes.push_back({.begin = at, .end = at + size});
  };
  for (const DeviceRegion& region : contents.regions) add(region.offset, region.size);
  for (const ObjectRange& own : object.own_ranges()) add(own.offset, own.size);
  std::ranges::sort(holes, {}, &Range::begin);
  std::vector<Range> joined;
  for (const Range& hole : holes) {
    if (!joined.empty() && hole.begin <= joined.back().end)
      joined.back().end = std::max(joined.back().end, hole.end);
    else if (hole.begin < hole.end) joined.push_back(hole);
  }
  return joined;
}

// What is loaded and not known to be something else: ascending, disjoint.
std::vector<Range> ranges_to_search(const ObjectFile& object, const DeviceContents& contents) {
  std::vector<Range> ranges = loaded_ranges(object), out;
  const std::vector<Range> holes = holes_of(object, contents);
  std::ranges::stable_sort(ranges, {}, &Range::begin);
  std::uint64_t done = 0;
  for (Range& range : ranges) {
    range.begin = std::max(range.begin, done);
    if (range.begin >= range.end) continue;
    done = range.end;
    cut_out(holes, std::move(range), out);
  }
  return out;
}

// A part of a range, small enough that the cores share the work evenly.
struct Piece {
  std::uint64_t begin = 0, end = 0;
};

class MarkSearch {
 public:
  MarkSearch(ByteSpan file, const MappedFile* disk, unsigned threads)
      : file_(file), disk_(disk), threads_(threads) {}

  std::vector<MarkedPlace> search(const std::vector<Range>& ranges) const {
    constexpr std::uint64_t piece_size = 2 << 20;
    std::vector<Piece> pieces;
    for (const Range& range : ranges) {
      for (std::uint64_t at = range.begin; at < range.end; at += piece_size) {
        pieces.push_back({.begin = at, .end = std::min(range.end, at + piece_size)});
      }
    }
    std::vector<std::vector<MarkedPlace>> found(pieces.size());
    const unsigned threads = pieces.size() < 2 ? 1 : threads_;
    parallel_for_all(
        pieces.size(), [&](std::size_t i) { search_piece(pieces[i], found[i]); }, threads);
    std::vector<MarkedPlace> all;
    for (const auto& marks : found) {
      const std::size_t room = most_marks - all.size();
      all.insert(all.end(), marks.begin(),
                 marks.begin() + static_cast<std::ptrdiff_t>(std::min(room, marks.size())));
    }
    return all;
  }

 private:
  // a mark of four bytes may begin before the end and go on behind it
  static constexpr std::uint64_t overlap = 3;

  void search_piece(const Piece& piece, std::vector<MarkedPlace>& out) const {
    const std::uint64_t end = std::min<std::uint64_t>(piece.end + overlap, file_.size());
    if (disk_ == nullptr)
      return find_code_marks(file_.subspan(piece.begin, end - piece.begin), piece.begin, out);
    // Copied through a small buffer that stays in the core's cache: to map the pages and touch them costs
    // more.
    std::vector<std::byte> buffer(256 << 10);
    for (std::uint64_t at = piece.begin; at < piece.end; at += buffer.size() - overlap) {
      const std::span<std::byte> part =
          std::span(buffer).first(std::min<std::uint64_t>(buffer.size(), end - at));
      disk_->read_at(at, part);
      find_code_marks(part, at, out);
    }
  }

  ByteSpan file_;
  const MappedFile* disk_;
  unsigned threads_;
};

// Of an ELF header whose machine is CUDA.
struct CubinHeader {
  std::uint64_t programs_at = 0, sections_at = 0;
  std::uint16_t programs = 0, sections = 0;
};

std::optional<CubinHeader> cubin_header(ByteSpan bytes) {
  if (bytes.size() < elf::header_size || !Elf::looks_like(bytes)) return std::nullopt;
  namespace field = elf::file_field;
  const ByteReader reader(bytes, "cubin");
  if (reader.read_at<std::uint16_t>(field::machine) != elf::em_cuda) return std::nullopt;
  const CubinHeader header{.programs_at = reader.read_at<std::uint64_t>(field::segments_at),
                           .sections_at = reader.read_at<std::uint64_t>(field::sections_at),
                           .programs = reader.read_at<std::uint16_t>(field::segment_count),
                           .sections = reader.read_at<std::uint16_t>(field::section_count)};
  const bool usual = reader.read_at<std::uint16_t>(field::header_size) == elf::header_size &&
                     reader.read_at<std::uint16_t>(field::section_size) == elf::section_size &&
                     header.sections > 1 &&
                     reader.read_at<std::uint16_t>(field::names_index) < header.sections;
  return usual ? std::optional(header) : std::nullopt;
}

// A PTX text's first lines: ".version 8.7", then nothing but white space and comments before ".target sm_90".
bool begins_as_ptx(std::string_view text) {
  constexpr std::string_view version = ".version", target = ".target";
  if (!text.starts_with(version)) return false;
  text.remove_prefix(version.size());
  const std::size_t number = text.find_first_not_of(" \t");
  if (number == 0 || number == std::string_view::npos) return false;
  text.remove_prefix(number);
  const std::size_t digits = text.find_first_not_of("0123456789.");
  if (digits == 0 || digits == std::string_view::npos || text.find_first_of(" \t\r\n") != digits)
    return false;
  text.remove_prefix(digits);
  while (!text.empty()) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
    if (!text.starts_with("//")) break;
    text.remove_prefix(std::min(text.find('\n'), text.size()));
  }
  return text.starts_with(target);
}

// Up to the first byte that no text holds: most often the zero that ends it.
std::string_view text_at(std::string_view bytes) {
  const auto end = std::ranges::find_if(bytes, [](char c) {
    return (static_cast<unsigned char>(c) < ' ' && c != '\t' && c != '\n' && c != '\r') || c == '\x7f';
  });
  return bytes.substr(0, static_cast<std::size_t>(end - bytes.begin()));
}

class EmbeddedFinder {
 public:
  EmbeddedFinder(const ObjectFile& object, EmbeddedCode& out)
      : object_(object), out_(out), reader_(object.bytes(), object.name(), limits_, nullptr, scratch_) {}

  void look_at(const MarkedPlace& place, const Range& range) {
    if (place.offset < done_ || out_.count() >= most_images) return;
    switch (place.mark) {
      case CodeMark::container: return container(place.offset, range);
      case CodeMark::elf: return cubin(place.offset, range);
      case CodeMark::ptx: return ptx(place.offset, range);
    }
  }

  void finish() {
    if (out_.count() < most_images && sections_left_ > 0) return;
    out_.findings.add(
        {.rule = "fatbin-limit",
         .severity = Severity::warning,
         .where = {.file = object_.name()},
         .what = "more device code lies among the data than in any real file; the rest is not counted",
         .fix = ""});
  }

 private:
  // All of it must hold: version, header size, and entries that end where the container does.
  void container(std::uint64_t offset, const Range& range) {
    scratch_.findings = {};
    if (range.end - offset < cuda::container::header_size) return;
    auto found = reader_.read_container(offset, range.end);
    if (!found || !found->understood || found->header_size != cuda::container::header_size ||
        found->images.empty())
      return;
    if (!scratch_.findings.empty()) return;
    found->address = object_.address_of(offset).value_or(0);
    const std::uint64_t emptied = forget_emptied(*found);
    if (found->images.empty()) {
      done_ = found->end();
      return;
    }
    take(offset, found->end(), range);
    out_.places.back().bytes -= emptied;
    out_.containers.push_back(std::move(*found));
  }

  // What a carve left of machine code: its header, and zeros. Returns the bytes of those zeros.
  std::uint64_t forget_emptied(DeviceContainer& container) const {
    std::uint64_t bytes = 0;
    std::erase_if(container.images, [&](const DeviceImage& image) {
      if (image.kind != ImageKind::native || !begins_with_zeros(image)) return false;
      bytes += image.payload_size;
      return true;
    });
    return bytes;
  }

  // Neither a cubin nor a compressed stream does.
  bool begins_with_zeros(const DeviceImage& image) const {
    constexpr std::uint64_t enough = 64;
    const ByteSpan start =
        object_.bytes().subspan(image.payload_offset(), std::min(enough, image.payload_size));
    return std::ranges::all_of(start, [](std::byte b) { return b == std::byte{0}; });
  }

  void cubin(std::uint64_t offset, const Range& range) {
    const ByteSpan rest = object_.bytes().subspan(offset, range.end - offset);
    const auto header = cubin_header(rest);
    if (!header || refused_cubins_ >= most_refused_cubins || sections_left_ < header->sections) return;
    sections_left_ -= header->sections;
    ++refused_cubins_;  // until it is known to be one
    try {
      const Elf elf = Elf::parse(rest, "cubin");
      const std::uint64_t size = size_of(elf, *header);
      if (size > rest.size() || elf.sections().size() != header->sections) return;
      const CubinInfo info = read_cubin(rest.first(size));
      if (!info.capability) return;
      --refused_cubins_;
      take(offset, offset + size, range);
      out_.images.push_back(
          {.offset = offset, .size = size, .code = {.target = cuda_target(*info.capability)}});
    } catch (const Error&) {
      return;  // it only looked like one
    }
  }

  // From its header to the end of what lies farthest.
  static std::uint64_t size_of(const Elf& cubin, const CubinHeader& header) {
    std::uint64_t end = std::max(header.programs_at + elf::segment_size * std::uint64_t{header.programs},
                                 header.sections_at + elf::section_size * std::uint64_t{header.sections});
    for (const ElfSection& section : cubin.sections()) {
      if (section.type == elf::sht_nobits || section.type == elf::sht_null) continue;
      const std::uint64_t section_end = section.offset + section.size;
      if (section_end < section.offset) return ~std::uint64_t{0};
      end = std::max(end, section_end);
    }
    return end;
  }

  void ptx(std::uint64_t offset, const Range& range) {
    const std::string_view rest = as_text(object_.bytes()).substr(offset, range.end - offset);
    if (!begins_as_ptx(rest)) return;
    const std::string_view text = text_at(rest);
    done_ = offset + text.size();  // looked through to its end, whatever it is
    const PtxInfo info = read_ptx(text);
    if (!info.capability || info.holds_nothing) return;
    take(offset, offset + text.size(), range);
    out_.images.push_back({.offset = offset,
                           .size = text.size(),
                           .code = {.target = cuda_target(*info.capability), .kind = ImageKind::portable}});
  }

  void take(std::uint64_t begin, std::uint64_t end, const Range& range) {
    done_ = end;
    if (out_.places.empty() || out_.places.back().section != range.name)
      out_.places.push_back({.section = range.name});
    out_.places.back().bytes += end - begin;
  }

  static constexpr DeviceLimits limits_ = {};
  const ObjectFile& object_;
  EmbeddedCode& out_;
  DeviceContents scratch_;  // what the reader says of bytes that are no container is nobody's business
  FatbinReader reader_;
  std::uint64_t done_ = 0;
  std::size_t sections_left_ = most_cubin_sections;
  std::size_t refused_cubins_ = 0;
};

}  // namespace

std::uint64_t EmbeddedCode::bytes() const {
  return std::accumulate(places.begin(), places.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const EmbeddedPlace& place) { return sum + place.bytes; });
}

EmbeddedCode find_embedded_cuda(const ObjectFile& object, const DeviceContents& contents,
                                const MappedFile* disk, unsigned threads) {
  EmbeddedCode out;
  const std::vector<Range> ranges = ranges_to_search(object, contents);
  EmbeddedFinder finder(object, out);
  auto range = ranges.begin();
  for (const MarkedPlace& place : MarkSearch(object.bytes(), disk, threads).search(ranges)) {
    while (range->end <= place.offset) ++range;
    finder.look_at(place, *range);
  }
  finder.finish();
  return out;
}

}  // namespace lathe
