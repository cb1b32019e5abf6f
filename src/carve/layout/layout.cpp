// SPDX-License-Identifier: MIT
#include "carve/layout/layout.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <functional>
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "carve/layout/grown.h"
#include "carve/layout/new_tables.h"
#include "carve/layout/offsets.h"
#include "carve/layout/spans.h"
#include "device/contents.h"
#include "device/vendor.h"
#include "formats/elf_headers.h"

namespace lathe {
namespace {

class Layouter {
 public:
  Layouter(const Elf& elf, const DeviceContents& fatbins, const CarvePlan& plan)
      : elf_(elf),
        fatbins_(fatbins),
        plan_(plan),
        programs_(program_headers(elf)),
        sections_(section_headers(elf)) {
    out_.old_size = elf.bytes().size();
  }

  FileLayout lay_out(const LayoutOptions& options) {
    refuse_what_cannot_be_carved();
    static const PackedImages none;
    const PackedImages& packed = options.packed ? *options.packed : none;
    spans_ = find_spans(elf_, fatbins_, plan_, packed);
    for (const EmptiedPayload& payload : options.emptied)
      skipped_.push_back({.offset = payload.offset, .size = payload.size});
    for (Span& span : zero_spans(elf_, options.emptied)) spans_.push_back(std::move(span));
    std::ranges::sort(spans_, {}, [](const Span& span) { return span.range.offset; });
    table_moved_ = cut_spans(elf_, programs_, sections_, spans_);
    if (options.strip_symbols) stripped_ = sections_to_strip(elf_, sections_);
    cut();
    append_grown();
    write_program_headers();
    write_section_headers();
    write_containers(packed);
    if (stripped_.empty()) move_symbols();
    copy_what_stays();
    return std::move(out_);
  }

 private:
  void refuse_what_cannot_be_carved() const {
    if (elf_.type() == ElfType::relocatable) {
      throw Error({.what = "an object file: its device code is not linked yet",
                   .where = {.file = elf_.name()},
                   .next = "carve the library that is linked from it"});
    }
    if (elf_.program_headers_at() % 8 != 0 || elf_.segments().empty()) {
      throw Error(
          {.what = "there are no program headers that could be rewritten", .where = {.file = elf_.name()}});
    }
  }

  void cut() {
    for (const Span& span : spans_) {
      if (span.cut != 0) offsets_.cut(span.cut_range());
      skipped_.push_back(span.range);
    }
    for (const FileRange& range : stripped_ranges()) {
      skipped_.push_back(range);
      const std::uint64_t grain = grain_behind(range.end());
      const std::uint64_t size = range.size / grain * grain;
      if (size != 0) offsets_.cut({.offset = range.end() - size, .size = size});
    }
    out_.new_size = offsets_.moved(out_.old_size);
  }

  void append_grown() {
    grown_ = place_grown(elf_, programs_, sections_, spans_, out_.new_size);
    if (grown_.segment) out_.new_size = grown_.segment->offset + grown_.segment->file_size;
  }

  // The bytes of the dropped sections, those of neighbours joined; without such as others share.
  std::vector<FileRange> stripped_ranges() const {
    constexpr std::uint64_t most_padding = 16;
    std::vector<FileRange> ranges;
    for (const std::size_t index : stripped_) {
      const FileRange range{.offset = sections_[index].offset, .size = sections_[index].file_size()};
      if (range.size != 0 && !shared(range, index)) ranges.push_back(range);
    }
    std::ranges::sort(ranges, {}, &FileRange::offset);
    std::vector<FileRange> joined;
    for (const FileRange& range : ranges) {
      if (!joined.empty() && range.offset - joined.back().end() < most_padding) {
        joined.back().size = range.end() - joined.back().offset;
      } else {
        joined.push_back(range);
      }
    }
    return joined;
  }

  bool shared(const FileRange& range, std::size_t owner) const {
    for (std::size_t i = 0; i < sections_.size(); ++i) {
      if (i != owner && range.touches({.offset = sections_[i].offset, .size = sections_[i].file_size()}))
        return true;
    }
    const FileRange table{.offset = elf_.section_headers_at(),
                          .size = sections_.size() * SectionHeader::bytes};
    return range.touches(table) || std::ranges::any_of(programs_, [&](const ProgramHeader& header) {
             return range.touches({.offset = header.offset, .size = header.file_size});
           });
  }

  // What comes behind must move by a multiple of this.
  std::uint64_t grain_behind(std::uint64_t offset) const {
    std::uint64_t grain = 64;
    for (const ProgramHeader& header : programs_) {
      if (header.type == elf::pt_load && header.offset + header.file_size > offset) return page_size_of(elf_);
    }
    for (const SectionHeader& section : sections_) {
      if (section.offset >= offset && std::has_single_bit(section.align))
        grain = std::max(grain, section.align);
    }
    return grain;
  }

  void patch(std::uint64_t at, std::string bytes) {
    out_.patches.push_back({.at = at, .bytes = std::move(bytes)});
  }

  void write_program_headers() {
    const auto written = carved_program_headers(programs_, sections_, spans_, offsets_, grown_.segment);
    const std::uint64_t old_at = elf_.program_headers_at(),
                        old_size = programs_.size() * ProgramHeader::bytes;
    std::string bytes = encode(written);
    std::uint64_t at = old_at;
    for (const Span& span : spans_) {
      if (span.hosts_table()) at = span.table_at;
    }
    if (!table_moved_) bytes.resize(std::max<std::uint64_t>(bytes.size(), old_size));
    const bool in_span = std::ranges::any_of(
        spans_, [&](const Span& span) { return old_at >= span.range.offset && old_at < span.range.end(); });
    if (table_moved_ && !in_span) patch(offsets_.moved(old_at), std::string(old_size, '\0'));
    patch(offsets_.moved(at), std::move(bytes));
    patch(elf::file_field::segments_at, encode_number(offsets_.moved(at), 8));
    patch(elf::file_field::segment_count, encode_number(written.size(), 2));
  }

  void write_section_headers() {
    if (sections_.empty()) return;
    std::vector<SectionHeader> written = carved_section_headers(sections_, spans_, offsets_);
    std::uint32_t names_index = section_names_index(elf_);
    std::ranges::copy(grown_.sections, std::back_inserter(written));
    if (!stripped_.empty()) drop_sections(stripped_, written, names_index);
    if (written.size() >= elf::shn_reserved)
      throw Error({.what = "too many sections", .where = {.file = elf_.name()}});
    const FileRange old_table{.offset = elf_.section_headers_at(),
                              .size = sections_.size() * SectionHeader::bytes};
    std::uint64_t at = offsets_.moved(old_table.offset);
    if (written.size() > sections_.size()) {
      at = align_up(out_.new_size, 8);
      out_.new_size = at + written.size() * SectionHeader::bytes;
    }
    skipped_.push_back(old_table);
    patch(at, encode(written));
    patch(elf::file_field::sections_at, encode_number(at, 8));
    patch(elf::file_field::section_count, encode_number(written.size(), 2));
    patch(elf::file_field::names_index, encode_number(names_index, 2));
  }

  void write_containers(const PackedImages& packed) {
    for (const Span& span : spans_) {
      for (const MovedContainer& moved : span.moved)
        write_container(moved, span.grown ? moved.offset : offsets_.moved(moved.offset), packed);
    }
  }

  void write_container(const MovedContainer& moved, std::uint64_t start, const PackedImages& packed) {
    const DeviceContainer& container = fatbins_.containers[moved.container];
    std::uint64_t to = start;
    const auto copy = [&](std::uint64_t from, std::uint64_t size) {
      if (size != 0) out_.copies.push_back({.from = from, .to = to, .size = size});
      to += size;
    };
    copy(container.offset, container.header_size);
    for (const ImageIndex kept : plan_.containers[moved.container].keep) {
      const DeviceImage& entry = container.images[kept];
      if (const auto size = packed.unpacked_size(moved.container, kept)) {
        out_.late.push_back({.at = to, .size = *size, .make = unpacker(entry)});
        to += *size;
      } else if (const std::string* bytes = packed.find(moved.container, kept)) {
        patch(to, *bytes);
        to += bytes->size();
      } else {
        copy(entry.offset, entry.size());
      }
    }
    const CarvedContainer carved{
        .offset = start,
        .address = moved.address,
        .images_size = to - start - container.header_size,
        .pointer_at = offsets_.moved(fatbins_.wrappers[*container.wrapper].pointer_at)};
    for (BytePatch& change : fatbins_.vendor->patches(carved)) out_.patches.push_back(std::move(change));
  }

  std::function<std::string()> unpacker(const DeviceImage& image) const {
    return [vendor = fatbins_.vendor, file = elf_.bytes(), image] { return vendor->unpacked(file, image); };
  }

  // Names of containers, for those who debug. Nothing that runs reads them.
  void move_symbols() {
    for (std::size_t i = 0; i < sections_.size(); ++i) {
      if (sections_[i].type == elf::sht_symtab && !spans_.empty()) move_symbols_of(sections_[i]);
    }
  }

  void move_symbols_of(const SectionHeader& table) {
    std::map<std::uint64_t, std::uint64_t> moved;
    for (const Span& span : spans_) {
      for (const MovedContainer& one : span.moved)
        moved[fatbins_.containers[one.container].address] = one.address;
    }
    if (moved.empty()) return;
    const std::uint64_t lowest = moved.begin()->first, highest = moved.rbegin()->first;
    const ByteReader reader(ByteReader(elf_.bytes(), "symbols").at(table.offset, table.size));
    for (std::uint64_t at = 0; at + elf::symbol_size <= table.size; at += elf::symbol_size) {
      const auto value = reader.read_at<std::uint64_t>(at + elf::symbol_field::value);
      if (value < lowest || value > highest) continue;
      const auto it = moved.find(value);
      if (it == moved.end() || it->first == it->second ||
          reader.read_at<std::uint16_t>(at + elf::symbol_field::section) == elf::shn_abs)
        continue;
      patch(offsets_.moved(table.offset) + at + elf::symbol_field::value, encode_number(it->second, 8));
    }
  }

  void copy_what_stays() {
    std::ranges::sort(skipped_, {}, &FileRange::offset);
    std::uint64_t at = 0;
    for (const FileRange& skipped : skipped_) {
      copy_run(at, skipped.offset);
      at = std::max(at, skipped.end());
    }
    copy_run(at, out_.old_size);
    std::ranges::sort(out_.copies, {}, &CopyRun::to);
    join_copies();
  }

  void copy_run(std::uint64_t begin, std::uint64_t end) {
    if (begin < end) out_.copies.push_back({.from = begin, .to = offsets_.moved(begin), .size = end - begin});
  }

  void join_copies() {
    std::vector<CopyRun> joined;
    for (const CopyRun& run : out_.copies) {
      if (!joined.empty() && joined.back().from + joined.back().size == run.from &&
          joined.back().to + joined.back().size == run.to) {
        joined.back().size += run.size;
      } else {
        joined.push_back(run);
      }
    }
    out_.copies = std::move(joined);
  }

  const Elf& elf_;
  const DeviceContents& fatbins_;
  const CarvePlan& plan_;
  std::vector<ProgramHeader> programs_;
  const std::vector<SectionHeader> sections_;
  std::vector<Span> spans_;
  std::vector<std::size_t> stripped_;
  std::vector<FileRange> skipped_;  // of the old file: not copied as they are
  OffsetMap offsets_;
  GrownPart grown_;
  FileLayout out_;
  bool table_moved_ = false;  // the program header table had no room to grow where it was
};

}  // namespace

FileLayout lay_out(const Elf& elf, const DeviceContents& fatbins, const CarvePlan& plan,
                   const LayoutOptions& options) {
  return Layouter(elf, fatbins, plan).lay_out(options);
}

}  // namespace lathe
