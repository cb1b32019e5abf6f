// SPDX-License-Identifier: MIT
#include "formats/zip.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "base/text.h"

namespace lathe {
namespace {

constexpr std::uint32_t end_mark = 0x06054b50;
constexpr std::uint32_t end64_mark = 0x06064b50;
constexpr std::uint32_t locator64_mark = 0x07064b50;
constexpr std::uint32_t directory_mark = 0x02014b50;
constexpr std::uint32_t member_mark = 0x04034b50;
constexpr std::uint64_t end_size = 22;
constexpr std::uint64_t locator_size = 20;
constexpr std::uint64_t directory_entry_size = 46;
constexpr std::uint64_t member_header_size = 30;

constexpr std::uint64_t most_members = 2'000'000;
constexpr std::uint64_t most_from_one_byte = 1032;  // of deflate
constexpr std::uint64_t largest_member = std::uint64_t{64} << 30;
constexpr std::size_t most_findings_a_rule = 10;

struct Directory {
  std::uint64_t offset = 0, size = 0, count = 0;
};

class ZipReader {
 public:
  ZipReader(ByteSpan file, const std::string& name) : file_(file), name_(name), reader_(file, name) {}

  Zip read() {
    const Directory directory = find_directory();
    read_members(directory);
    find_content();
    judge_names();
    return std::move(zip_);
  }

 private:
  void add(const char* rule, Severity severity, const std::string& member, std::string what) {
    if (++counts_[rule] > most_findings_a_rule) return;
    zip_.findings.add({.rule = rule,
                       .severity = severity,
                       .where = {.file = name_ + "/" + printable(member)},
                       .what = std::move(what),
                       .fix = "do not unpack or install this file unless you know who made it"});
  }

  // The end record stands last, before a comment of at most 64 KiB, which may hold its mark as well.
  std::uint64_t find_end() const {
    const std::uint64_t earliest = file_.size() > end_size + 0xffff ? file_.size() - end_size - 0xffff : 0;
    for (std::uint64_t at = file_.size() - end_size + 1; at-- > earliest;) {
      if (reader_.read_at<std::uint32_t>(at) == end_mark && could_be_end(at)) return at;
    }
    throw Error({.what = "the zip file has no directory: it is cut short, or no zip file",
                 .where = {.file = name_},
                 .next = "fetch it again"});
  }

  // Its comment ends in the file; the directory, unless another record tells of it, ends before it.
  bool could_be_end(std::uint64_t at) const {
    if (reader_.read_at<std::uint16_t>(at + 20) > file_.size() - at - end_size) return false;
    const std::uint32_t size = reader_.read_at<std::uint32_t>(at + 12),
                        offset = reader_.read_at<std::uint32_t>(at + 16);
    return size == 0xffffffff || offset == 0xffffffff || std::uint64_t{size} + offset <= at;
  }

  // end: mark(4) disk(2) disk(2) members here(2) members(2) directory size(4) offset(4) comment length(2)
  Directory find_directory() {
    if (file_.size() < end_size) throw_truncated(0, end_size, file_.size(), name_);
    const std::uint64_t end = find_end();
    Directory directory{.offset = reader_.read_at<std::uint32_t>(end + 16),
                        .size = reader_.read_at<std::uint32_t>(end + 12),
                        .count = reader_.read_at<std::uint16_t>(end + 10)};
    const bool is_64 =
        directory.offset == 0xffffffff || directory.size == 0xffffffff || directory.count == 0xffff;
    if (is_64 && end >= locator_size &&
        reader_.read_at<std::uint32_t>(end - locator_size) == locator64_mark) {
      directory = directory_64(reader_.read_at<std::uint64_t>(end - locator_size + 8));
    }
    return directory;
  }

  Directory directory_64(std::uint64_t at) {
    if (reader_.read_at<std::uint32_t>(at) != end64_mark) {
      throw Error({.what = "the zip file's 64-bit end record is missing",
                   .where = {.file = name_},
                   .next = "fetch it again"});
    }
    return {.offset = reader_.read_at<std::uint64_t>(at + 48),
            .size = reader_.read_at<std::uint64_t>(at + 40),
            .count = reader_.read_at<std::uint64_t>(at + 32)};
  }

  void read_members(const Directory& directory) {
    ByteReader entries(reader_.at(directory.offset, directory.size), "zip directory");
    while (entries.left() >= directory_entry_size && zip_.members.size() < most_members) {
      if (entries.read_at<std::uint32_t>(entries.position()) != directory_mark) break;
      zip_.members.push_back(read_member(entries));
    }
    if (zip_.members.size() != directory.count) {
      add("wheel-damaged", Severity::error, "",
          fmt::format("its directory claims {} members and lists {}", directory.count, zip_.members.size()));
    }
  }

  // mark(4) made by(2) needs(2) flags(2) method(2) time(4) crc(4) packed(4) size(4) name length(2) extra
  // length(2) comment length(2) disk(2) internal(2) external(4) local header at(4) | name | extra | comment
  ZipMember read_member(ByteReader& entries) {
    entries.skip(5);
    ZipMember member;
    member.made_on_unix = entries.u8() == 3;
    entries.skip(2);
    const std::uint16_t flags = entries.u16();
    member.encrypted = (flags & 1) != 0;
    member.utf8 = (flags & 0x800) != 0;
    member.method = entries.u16();
    member.time = entries.u32();
    member.crc = entries.u32();
    member.packed_size = entries.u32();
    member.size = entries.u32();
    const std::uint16_t name_length = entries.u16();
    const std::uint16_t extra_length = entries.u16();
    const std::uint16_t comment_length = entries.u16();
    entries.skip(4);
    member.attributes = entries.u32();
    member.header_at = entries.u32();
    member.name = as_text(entries.take(name_length));
    read_extra(entries.take(extra_length), member);
    entries.skip(comment_length);
    if (member.made_on_unix) member.mode = member.attributes >> 16;
    member.folder = member.name.ends_with('/');
    member.readable = !member.encrypted && !member.folder && (member.method == 0 || member.method == 8);
    if (!member.readable && !member.folder)
      add("not-read", Severity::error, member.name, "the member " + member.why_unreadable());
    return member;
  }

  // Extra fields: id(2) length(2) content; id 1 holds, in this order, those of size, packed size and offset
  // that did not fit their 32 bits.
  static void read_extra(ByteSpan extra, ZipMember& member) {
    ByteReader fields(extra, "zip extra field");
    while (fields.left() >= 4) {
      const std::uint16_t id = fields.u16();
      const std::uint16_t length = fields.u16();
      if (length > fields.left()) return;
      ByteReader field(fields.take(length), "zip64 field");
      if (id != 1) continue;
      for (std::uint64_t* value : {&member.size, &member.packed_size, &member.header_at}) {
        if (*value == 0xffffffff && field.left() >= 8) *value = field.u64();
      }
    }
  }

  // Each member's bytes follow its local header, whose name and extra field may have other lengths than the
  // directory's.
  void find_content() {
    std::vector<ZipMember*> by_place;
    for (ZipMember& member : zip_.members) {
      // an empty folder too can have bytes: packed nothing
      if (member.readable || member.folder) by_place.push_back(&member);
    }
    std::ranges::stable_sort(by_place, {}, &ZipMember::header_at);
    std::uint64_t end = 0;
    for (ZipMember* member : by_place) {
      const bool overlaps = member->header_at < end;
      member->readable = place(*member) && !overlaps && !member->folder;
      if (overlaps)
        add("wheel-bomb", Severity::error, member->name, "the member shares its bytes with another one");
      if (!member->packed.empty()) {
        end = std::max(
            end, static_cast<std::uint64_t>(member->packed.data() - file_.data()) + member->packed.size());
      }
    }
  }

  bool place(ZipMember& member) {
    const auto left = [&](std::uint64_t at) { return at <= file_.size() ? file_.size() - at : 0; };
    if (left(member.header_at) < member_header_size ||
        reader_.read_at<std::uint32_t>(member.header_at) != member_mark) {
      add("wheel-damaged", Severity::error, member.name, "the member is not where the directory says");
      return false;
    }
    const std::uint64_t start = member.header_at + member_header_size +
                                reader_.read_at<std::uint16_t>(member.header_at + 26) +
                                reader_.read_at<std::uint16_t>(member.header_at + 28);
    if (start > file_.size() || member.packed_size > left(start)) {
      add("wheel-damaged", Severity::error, member.name, "the member leaves the file");
      return false;
    }
    member.packed = file_.subspan(start, member.packed_size);
    const bool impossible = member.method == 0 ? member.size != member.packed_size
                                               : member.size / most_from_one_byte > member.packed_size + 1;
    if (impossible || member.size > largest_member) {
      add("wheel-bomb", Severity::error, member.name,
          fmt::format("{} bytes are said to unpack to {}", member.packed_size, member.size));
      return false;
    }
    return true;
  }

  void judge_names() {
    std::unordered_set<std::string> files;
    std::vector<std::string> paths;
    for (const ZipMember& member : zip_.members) {
      constexpr std::uint32_t type_mask = 0170000, type_link = 0120000;
      const std::string& path = paths.emplace_back(unpacked_path(member.name));
      if (climbs_out(member.name)) {
        add("wheel-path", Severity::error, member.name,
            "the member's name leads out of the folder it is unpacked in");
      } else if (path != member.name) {
        add("wheel-path", Severity::warning, member.name,
            fmt::format("the member is unpacked as {}, by which RECORD may know it", printable(path)));
      }
      if ((member.mode & type_mask) == type_link) {
        add("wheel-link", Severity::warning, member.name,
            "the member is a symbolic link, which installers handle differently");
      }
      if (!files.insert(path).second) {
        add("wheel-duplicate", Severity::error, member.name,
            "two members have this name: which one counts differs by tool");
      }
    }
    for (std::size_t i = 0; i < paths.size(); ++i) {
      if (lies_in_a_file(paths[i], files)) {
        add("wheel-duplicate", Severity::error, zip_.members[i].name,
            "another member is a file of the name that is a folder here");
      }
    }
  }

  // Without "." and empty parts; of a folder with its slash at the end, as names of folders have it.
  static std::string unpacked_path(const std::string& name) {
    return std::filesystem::path(name).lexically_normal().generic_string();
  }

  static bool lies_in_a_file(const std::string& path, const std::unordered_set<std::string>& files) {
    for (std::size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
      if (files.contains(path.substr(0, slash))) return true;
    }
    return false;
  }

  static bool climbs_out(std::string_view name) {
    if (name.starts_with('/') || name.starts_with('\\') || name.find('\0') != std::string_view::npos)
      return true;
    if (name.size() > 1 && name[1] == ':') return true;
    std::string slashes(name);
    std::ranges::replace(slashes, '\\', '/');
    const auto parts = split(slashes, '/');
    return std::ranges::find(parts, "..") != parts.end();
  }

  ByteSpan file_;
  const std::string& name_;
  ByteReader reader_;
  Zip zip_;
  std::map<std::string_view, std::size_t> counts_;
};

std::string_view method_name(std::uint16_t method) {
  switch (method) {
    case 9: return " (deflate64)";
    case 12: return " (bzip2)";
    case 14: return " (LZMA)";
    case 93: return " (zstd)";
    case 95: return " (xz)";
    default: return "";
  }
}

}  // namespace

std::string ZipMember::why_unreadable() const {
  if (encrypted) return "is encrypted";
  if (method != 0 && method != 8)
    return fmt::format("is compressed by method {}{}", method, method_name(method));
  return "is damaged";
}

bool looks_like_zip(ByteSpan file) {
  if (file.size() < end_size) return false;
  const auto mark = ByteReader(file).read_at<std::uint32_t>(0);
  return mark == member_mark || mark == end_mark;
}

Zip read_zip(ByteSpan file, const std::string& name) { return ZipReader(file, name).read(); }

}  // namespace lathe
