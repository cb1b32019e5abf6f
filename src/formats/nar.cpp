// SPDX-License-Identifier: MIT
// Source: Nix Reference Manual, "Nix Archive (NAR) Format". A string is its length in 8 bytes, its bytes, and
// zeros up to a multiple of 8. With strings in quotes:
//   "nix-archive-1" node
//   node   = "(" "type" ("regular" ["executable" ""] "contents" BYTES
//                        | "symlink" "target" TARGET | "directory" entry*) ")"
//   entry  = "entry" "(" "name" NAME "node" node ")"       names ascend, byte by byte
#include "formats/nar.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"

namespace lathe {
namespace {

constexpr std::string_view nar_magic = "nix-archive-1";
constexpr std::size_t length_size = 8;
constexpr std::uint64_t largest_string = 4096;  // PATH_MAX: no link leads further, and no name is as long
constexpr std::uint64_t largest_path = 4096;
constexpr std::uint64_t largest_content = std::uint64_t{1} << 50;

constexpr std::size_t nar_padding(std::uint64_t size) { return static_cast<std::size_t>((8 - size % 8) % 8); }

std::uint64_t length_in(std::string_view bytes) {
  return ByteReader(as_byte_span(bytes), "Nix archive").read_at<std::uint64_t>(0);
}

std::string nar_string(std::string_view text) {
  std::string out = encode_number(text.size(), length_size);
  return out.append(text).append(nar_padding(text.size()), '\0');
}

std::string nar_strings(std::initializer_list<std::string_view> texts) {
  std::string out;
  for (const std::string_view text : texts) out += nar_string(text);
  return out;
}

}  // namespace

bool looks_like_nar(ByteSpan start) { return as_text(start).starts_with(nar_string(nar_magic)); }

void NarReader::fail(std::string_view what) const {
  throw Error({.what = fmt::format("{}, before byte {} of the Nix archive", what, at_),
               .next = "the archive is damaged: fetch it again, or dump it again with nix-store --dump"});
}

std::uint64_t NarReader::wanted() const {
  if (next_ == Next::padding) return nar_padding(entry_.size);
  if (next_ == Next::size || gathered_.size() < length_size) return length_size;
  const std::uint64_t length = length_in(gathered_);
  return length_size + length + nar_padding(length);
}

void NarReader::feed(ByteSpan piece) {
  while (!piece.empty()) {
    if (next_ == Next::nothing) fail("bytes after its end");
    const std::uint64_t missing = next_ == Next::content ? left_ : wanted() - gathered_.size();
    const ByteSpan part =
        piece.first(static_cast<std::size_t>(std::min<std::uint64_t>(missing, piece.size())));
    piece = piece.subspan(part.size());
    at_ += part.size();
    if (next_ == Next::content) {
      left_ -= part.size();
      sink_.content(part);
      if (left_ == 0) next_ = entry_.size % 8 == 0 ? Next::end_of_node : Next::padding;
      continue;
    }
    gathered_ += as_text(part);
    take();
  }
}

void NarReader::finish() {
  if (next_ != Next::nothing) fail("it ends inside of an entry");
}

// When as much has arrived as was wanted.
void NarReader::take() {
  if (gathered_.size() < wanted()) return;
  if (next_ == Next::size) return take_size();
  if (next_ == Next::padding) {
    if (gathered_.find_first_not_of('\0') != std::string::npos) fail("no zeros where a content is filled up");
    headers_ += std::exchange(gathered_, {});
    next_ = Next::end_of_node;
    return;
  }
  if (length_in(gathered_) > largest_string) fail("a string that is too long for a name");
  if (gathered_.size() < wanted()) return;
  const std::string bytes = std::exchange(gathered_, {});
  const std::size_t length = static_cast<std::size_t>(length_in(bytes));
  const std::string_view text = std::string_view(bytes).substr(length_size);
  if (text.find_first_not_of('\0', length) != std::string_view::npos)
    fail("no zeros where a string is filled up");
  headers_ += bytes;
  take_string(text.substr(0, length));
}

void NarReader::take_string(std::string_view text) {
  switch (next_) {
    case Next::magic: return expect(text, nar_magic, Next::node);
    case Next::node: return expect(text, "(", Next::type_tag);
    case Next::type_tag: return expect(text, "type", Next::type);
    case Next::type: return take_type(text);
    case Next::file_tag: return take_file_tag(text);
    case Next::executable: entry_.mode = 0555; return expect(text, "", Next::file_tag);
    case Next::target_tag: return expect(text, "target", Next::target);
    case Next::target:
      if (text.empty() || text.find('\0') != std::string_view::npos) fail("a link that leads nowhere");
      entry_.link = text;
      next_ = Next::end_of_node;
      return;
    case Next::end_of_node: return take_end_of_node(text);
    case Next::folder_tag: return take_folder_tag(text);
    case Next::entry: return expect(text, "(", Next::name_tag);
    case Next::name_tag: return expect(text, "name", Next::name);
    case Next::name: return take_name(text);
    case Next::node_tag: return expect(text, "node", Next::node);
    case Next::end_of_entry: expect(text, ")", Next::folder_tag); return end_entry();
    case Next::size:
    case Next::content:
    case Next::padding:
    case Next::nothing: break;
  }
}

void NarReader::expect(std::string_view text, std::string_view wanted, Next next) {
  if (text != wanted) fail(fmt::format("{} where \"{}\" has to be", printable(text), wanted));
  next_ = next;
}

void NarReader::take_type(std::string_view text) {
  entry_ = {.path = path_, .mode = 0444};
  if (text == "regular") {
    next_ = Next::file_tag;
  } else if (text == "symlink") {
    entry_.type = '2';
    next_ = Next::target_tag;
  } else if (text == "directory") {
    begin('5', 0);
    end_entry();
    folders_.push_back({.path_size = path_.size()});
    next_ = Next::folder_tag;
  } else {
    fail(fmt::format("an entry of the type {}", printable(text)));
  }
}

void NarReader::take_file_tag(std::string_view text) {
  const bool may_be_executable = entry_.mode == 0444;
  if (may_be_executable && text == "executable") next_ = Next::executable;
  else expect(text, "contents", Next::size);
}

void NarReader::take_size() {
  const std::uint64_t size = length_in(gathered_);
  if (size > largest_content) fail("a size that no file has");
  headers_ += std::exchange(gathered_, {});
  begin('0', size);
  left_ = size;
  next_ = size == 0 ? Next::end_of_node : Next::content;
}

void NarReader::take_folder_tag(std::string_view text) {
  if (text == "entry") {
    next_ = Next::entry;
    return;
  }
  if (text != ")") fail(fmt::format("{} where an entry of a folder has to be", printable(text)));
  folders_.pop_back();
  entry_ = {.type = nar_folder_end};
  leave();
}

void NarReader::take_name(std::string_view text) {
  Folder& folder = folders_.back();
  const bool is_name = !text.empty() && text != "." && text != ".." &&
                       text.find_first_of(std::string_view("/\0", 2)) == std::string_view::npos;
  if (!is_name) fail(fmt::format("{} is no name of a file", printable(text)));
  if (!folder.last_name.empty() && text <= folder.last_name)
    fail(fmt::format("{} comes after {}", printable(text), printable(folder.last_name)));
  folder.last_name = text;
  path_.resize(folder.path_size);
  if (!path_.empty()) path_ += '/';
  path_ += text;
  if (path_.size() > largest_path) fail("a path that no system opens");
  next_ = Next::node_tag;
}

void NarReader::take_end_of_node(std::string_view text) {
  if (text != ")") fail(fmt::format("{} where an entry has to end", printable(text)));
  leave();
}

// A node is closed: what holds it is closed next.
void NarReader::leave() {
  if (!folders_.empty()) {
    next_ = Next::end_of_entry;
    return;
  }
  end_entry();
  next_ = Next::nothing;
}

void NarReader::begin(char type, std::uint64_t size) {
  entry_.type = type;
  entry_.size = size;
  entry_.content_at = at_;
  sink_.entry(entry_, std::exchange(headers_, {}));
}

// Of a file its end alone is left to be told, of a link or of a folder's end all.
void NarReader::end_entry() {
  if (entry_.type == '0' || entry_.type == '5') return sink_.end_of_entry(std::exchange(headers_, {}));
  begin(entry_.type, 0);
  sink_.end_of_entry("");
}

std::string nar_headers_with_size(std::string_view headers, std::uint64_t size) {
  return std::string(headers.substr(0, headers.size() - length_size)) + encode_number(size, length_size);
}

// The strings that close it are as long as two lengths each.
std::string nar_end_with_size(std::string_view old_end, std::uint64_t size) {
  const std::string_view closing = old_end.substr(old_end.size() % (2 * length_size));
  return std::string(nar_padding(size), '\0').append(closing);
}

std::string nar_file(std::string_view name, std::string_view content) {
  return nar_strings(
      {"entry", "(", "name", name, "node", "(", "type", "regular", "contents", content, ")", ")"});
}

}  // namespace lathe
