// SPDX-License-Identifier: MIT
// An object file of a format that nobody has: sections at offsets that are given, each address a base away
// from its offset, no relocations. What reads sections through the door of formats reads it too.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/finding.h"
#include "formats/object_file.h"

namespace lathe::testing {

class PlainObject final : public ObjectFile {
 public:
  static constexpr std::uint64_t base = 0x140000000;

  explicit PlainObject(std::string file) : file_(std::move(file)) {}

  // Behind what is there, at the next multiple of 16.
  void add(std::string_view name, const std::string& bytes, SectionUse use) {
    file_.resize((file_.size() + 15) / 16 * 16);
    sections_.push_back({.index = {sections_.size()},
                         .name = name,
                         .offset = file_.size(),
                         .size = bytes.size(),
                         .address = base + file_.size(),
                         .use = use,
                         .loaded = true,
                         .writable = use == SectionUse::data});
    file_ += bytes;
  }

  const ObjectSection& section(std::size_t index) const { return sections_.at(index); }

  ByteSpan bytes() const override { return as_byte_span(file_); }
  const std::string& name() const override { return name_; }
  const Findings& findings() const override { return findings_; }
  bool is_linked() const override { return true; }
  std::string kind_words() const override { return "library"; }
  std::string machine_words() const override { return "x86_64"; }
  std::string_view soname() const override { return ""; }
  std::string build_id() const override { return ""; }
  ByteSpan exported_names() const override { return {}; }
  bool has_sections() const override { return true; }
  void for_each_section(const VisitSection& visit) const override {
    for (const ObjectSection& section : sections_) visit(section);
  }
  void for_each_loaded_part(const VisitSection&) const override {}
  std::vector<ObjectRange> own_ranges() const override { return {}; }
  std::optional<std::uint64_t> offset_of(std::uint64_t address) const override {
    return address - base < file_.size() ? std::optional(address - base) : std::nullopt;
  }
  std::optional<std::uint64_t> address_of(std::uint64_t offset) const override { return base + offset; }
  ByteSpan from_address(std::uint64_t address) const override {
    const auto offset = offset_of(address);
    return offset ? bytes().subspan(*offset) : ByteSpan{};
  }
  void for_each_pointer(std::uint64_t, std::uint64_t, const VisitPointer&) const override {}
  void for_each_pointer_in(const ObjectSection&, const VisitPointer&) const override {}

 private:
  std::string file_;
  std::string name_ = "plain";
  std::vector<ObjectSection> sections_;
  Findings findings_;
};

}  // namespace lathe::testing
