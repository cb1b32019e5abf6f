// SPDX-License-Identifier: MIT
// Sources: POSIX pax ("ustar Interchange Format", "pax Extended Header"), GNU tar's manual ("Basic Tar
// Format", "GNU Extensions to the Archive Format").
#include "formats/tar.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <numeric>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "formats/known_formats.h"

namespace lathe {
namespace {

// Names, attributes: Linux knows none longer than 64 KiB, and Go's reader takes no extension above this.
constexpr std::uint64_t largest_extension = 1 << 20;
constexpr std::uint64_t largest_size = std::uint64_t{1} << 50;
constexpr std::size_t size_at = 124, size_length = 12, checksum_at = 148, checksum_length = 8, type_at = 156;
constexpr std::size_t sparse_goes_on_at = 482, map_goes_on_at = 504;  // GNU's old sparse files

[[noreturn]] void fail_at(std::string what, std::uint64_t at) {
  throw Error({.what = fmt::format("{}, before byte {} of the tar archive", what, at),
               .next = "the archive is damaged: fetch it again"});
}

// Octal digits; where the first bit is set, bytes from the highest to the lowest. nullopt: neither, or more
// than any file has.
std::optional<std::uint64_t> number_at(std::string_view header, std::size_t at, std::size_t length) {
  std::uint64_t number = 0;
  if ((static_cast<unsigned char>(header[at]) & 0x80) != 0) {
    const std::string_view bytes = header.substr(at, length);
    if (bytes[0] != '\x80' || bytes.substr(1, length - 9).find_first_not_of('\0') != std::string_view::npos)
      return std::nullopt;
    for (const char byte : bytes.substr(length - 8)) number = number << 8 | static_cast<unsigned char>(byte);
  } else {
    const std::string_view digits = trim(tar_field(header, at, length));
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number, 8);
    if (!digits.empty() && (error != std::errc() || end != digits.data() + digits.size()))
      return std::nullopt;
  }
  return number > largest_size ? std::nullopt : std::optional(number);
}

bool is_extension(char type) { return type == 'x' || type == 'g' || type == 'L' || type == 'K'; }

bool has_content(char type) { return type < '1' || type > '6'; }

std::string_view without_nul(std::string_view text) { return text.substr(0, text.find('\0')); }

struct PaxRecord {
  std::string_view key, value;
  std::string_view whole;
};

// "28 SCHILY.xattr.user.a=value\n": its own length, a blank, a name, a value. nullopt: not like that.
std::optional<PaxRecord> next_pax_record(std::string_view& text) {
  std::uint64_t length = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length, 10);
  const auto digits = static_cast<std::size_t>(end - text.data());
  if (error != std::errc() || digits == 0 || length > text.size() || length < digits + 3) return std::nullopt;
  const std::string_view whole = text.substr(0, length);
  const std::size_t equals = whole.find('=');
  if (whole[digits] != ' ' || whole.back() != '\n' || equals == std::string_view::npos ||
      equals <= digits + 1)
    return std::nullopt;
  text.remove_prefix(length);
  return PaxRecord{.key = whole.substr(digits + 1, equals - digits - 1),
                   .value = whole.substr(equals + 1, whole.size() - equals - 2),
                   .whole = whole};
}

std::optional<std::uint64_t> decimal(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, 10);
  const bool good = error == std::errc() && end == text.data() + text.size() && number <= largest_size;
  return good ? std::optional(number) : std::nullopt;
}

void set_size(std::string& header, std::uint64_t size) {
  constexpr std::uint64_t most_octal = (std::uint64_t{1} << 33) - 1;
  std::string text(size_length, '\0');
  if (size <= most_octal) {
    text = fmt::format("{:011o}", size) + header[size_at + size_length - 1];
    if (text.back() != ' ') text.back() = '\0';
  } else {
    text[0] = '\x80';
    for (std::size_t i = 0; i < 8; ++i) text[size_length - 1 - i] = static_cast<char>(size >> 8 * i & 0xff);
  }
  header.replace(size_at, size_length, text);
  header.replace(checksum_at, checksum_length, std::string(checksum_length, ' '));
  const unsigned sum = std::accumulate(header.begin(), header.end(), 0u, [](unsigned all, char byte) {
    return all + static_cast<unsigned char>(byte);
  });
  header.replace(checksum_at, checksum_length, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
}

// The record counts its own digits too.
std::string pax_record(std::string_view key, std::string_view value) {
  const std::size_t rest = key.size() + value.size() + 3;
  std::size_t length = rest + 1;
  while (rest + std::to_string(length).size() != length) ++length;
  return fmt::format("{} {}={}\n", length, key, value);
}

std::string pax_with_size(std::string_view text, std::uint64_t size) {
  std::string changed;
  while (const auto record = next_pax_record(text))
    changed += record->key == "size" ? pax_record("size", std::to_string(size)) : std::string(record->whole);
  return changed + std::string(text);
}

}  // namespace

std::string_view tar_field(std::string_view header, std::size_t at, std::size_t size) {
  const std::string_view text = header.substr(at, size);
  return text.substr(0, text.find('\0'));
}

std::string tar_name(std::string_view header) {
  const std::string name(tar_field(header, 0, 100));
  const std::string_view prefix = tar_field(header, 345, 155);
  const bool newer = header.substr(257, 6) == std::string_view("ustar\0", 6);
  return newer && !prefix.empty() ? std::string(prefix) + "/" + name : name;
}

void TarReader::fail(std::string what) const { fail_at(std::move(what), at_); }

void TarReader::feed(ByteSpan piece) {
  while (!piece.empty()) {
    if (state_ == State::trailer) {
      at_ += piece.size();
      return sink_.trailer(piece);
    }
    const std::uint64_t wanted = this->wanted();
    const ByteSpan part =
        piece.first(static_cast<std::size_t>(std::min<std::uint64_t>(wanted, piece.size())));
    piece = piece.subspan(part.size());
    at_ += part.size();
    if (state_ == State::content) sink_.content(part);
    else gathered_ += as_text(part);
    if (state_ == State::content || state_ == State::extension) left_ -= part.size();
    if (part.size() == wanted) take();
  }
}

std::uint64_t TarReader::wanted() const {
  switch (state_) {
    case State::header:
    case State::sparse_map: return tar_block - gathered_.size();
    case State::padding: return padding_ - gathered_.size();
    default: return left_;
  }
}

void TarReader::take() {
  switch (state_) {
    case State::header: return take_block(std::exchange(gathered_, {}));
    case State::sparse_map: return take_sparse_map(std::exchange(gathered_, {}));
    case State::extension: return take_extension();
    default: return end_if_complete();
  }
}

void TarReader::finish() {
  if (state_ == State::trailer) return;
  if (state_ != State::header || !gathered_.empty()) fail("it ends inside of an entry");
  if (!headers_.empty()) fail("it ends after a header that is for another one");
}

void TarReader::take_block(std::string_view block) {
  if (block.find_first_not_of('\0') == std::string_view::npos) {
    if (!headers_.empty()) fail("it ends after a header that is for another one");
    state_ = State::trailer;
    return sink_.trailer(as_byte_span(block));
  }
  if (!looks_like_tar_header(as_byte_span(block))) fail("this is no header of an entry");
  const auto size = number_at(block, size_at, size_length);
  if (!size) fail("a header says no size that a file can have");
  headers_ += block;
  if (is_extension(block[type_at])) begin_extension(block[type_at], *size);
  else begin_entry(block, *size);
}

void TarReader::begin_extension(char type, std::uint64_t size) {
  if (size > largest_extension) fail(fmt::format("an extended header of {}", size_text(size)));
  if (type == 'g' && headers_.size() > tar_block)
    fail("settings for all stand between the headers of one entry");
  extension_ = type;
  padding_ = tar_padding(size);
  left_ = size + padding_;
  state_ = State::extension;
  if (left_ == 0) take_extension();
}

void TarReader::begin_entry(std::string_view block, std::uint64_t size) {
  const char type = block[type_at];
  entry_ = {.path = tar_name(block), .link = std::string(tar_field(block, 157, 100)), .type = type};
  entry_.mode = static_cast<std::uint32_t>(number_at(block, 100, 8).value_or(0) & 07777);
  entry_.size = has_content(type) ? said_.size.value_or(size) : 0;
  entry_.sparse = type == 'S' || said_.sparse;
  if (said_.long_name && said_.path && *said_.long_name != *said_.path) fail("an entry has two names");
  if (said_.long_link && said_.link && *said_.long_link != *said_.link) fail("a link leads to two places");
  for (const auto& name : {said_.path, said_.long_name}) entry_.path = name.value_or(entry_.path);
  for (const auto& link : {said_.link, said_.long_link}) entry_.link = link.value_or(entry_.link);
  // the form of before 1988 has no type for folders
  if ((type == '\0' || type == '0') && entry_.path.ends_with('/')) entry_.type = '5';
  said_ = {};
  if (type == 'S' && block[sparse_goes_on_at] != 0) state_ = State::sparse_map;
  else begin(std::move(entry_));
}

void TarReader::take_sparse_map(std::string_view block) {
  headers_ += block;
  if (headers_.size() > largest_extension) fail("a sparse file of too many pieces");
  if (block[map_goes_on_at] == 0) begin(std::move(entry_));
}

void TarReader::take_extension() {
  const std::string body = std::exchange(gathered_, {});
  headers_ += body;
  const std::string_view text = std::string_view(body).substr(0, body.size() - padding_);
  state_ = State::header;
  if (extension_ == 'L' || extension_ == 'K') {
    auto& name = extension_ == 'L' ? said_.long_name : said_.long_link;
    if (name) fail("an entry has two long names");
    name = std::string(without_nul(text));
    return;
  }
  if (extension_ == 'x' && std::exchange(said_.pax, true)) fail("an entry has two extended headers");
  take_records(text);
  if (extension_ == 'g') begin({.type = 'g'});
}

void TarReader::take_records(std::string_view text) {
  while (!without_nul(text).empty()) {
    const auto record = next_pax_record(text);
    if (!record) fail("an extended header is not made of records");
    const bool decides = record->key == "path" || record->key == "linkpath" || record->key == "size" ||
                         record->key.starts_with("GNU.sparse.");
    if (!decides) continue;
    if (extension_ == 'g') fail(fmt::format("{} is set for all entries at once", record->key));
    if (record->value.find('\0') != std::string_view::npos) fail("a name with a zero byte in it");
    if (record->key == "path") said_.path = record->value;
    if (record->key == "linkpath") said_.link = record->value;
    if (record->key.starts_with("GNU.sparse.")) said_.sparse = true;
    if (record->key != "size") continue;
    said_.size = decimal(record->value);
    if (!said_.size) fail("an extended header says no size that a file can have");
  }
}

void TarReader::begin(TarEntry entry) {
  entry.content_at = at_;
  left_ = entry.size;
  padding_ = tar_padding(entry.size);
  sink_.entry(entry, headers_);
  headers_.clear();
  state_ = State::content;
  if (left_ == 0) end_if_complete();
}

void TarReader::end_if_complete() {
  if (state_ == State::content && padding_ != 0) {
    state_ = State::padding;
    return;
  }
  state_ = State::header;
  sink_.end_of_entry(std::exchange(gathered_, {}));
}

std::string tar_headers_with_size(std::string_view headers, std::uint64_t size) {
  std::string changed;
  while (headers.size() >= tar_block) {
    std::string header(headers.substr(0, tar_block));
    headers.remove_prefix(tar_block);
    const char type = header[type_at];
    if (!is_extension(type)) {
      set_size(header, size);
      return changed + header + std::string(headers);
    }
    const std::uint64_t old_size = number_at(header, size_at, size_length).value_or(0);
    const std::string_view whole = headers.substr(0, old_size + tar_padding(old_size));
    headers.remove_prefix(whole.size());
    const std::string body = type == 'x' ? pax_with_size(whole.substr(0, old_size), size) : std::string();
    if (type != 'x' || body == whole.substr(0, old_size)) {
      changed += header + std::string(whole);
      continue;
    }
    if (body.size() != old_size) set_size(header, body.size());
    changed += header + body + std::string(tar_padding(body.size()), '\0');
  }
  throw Error({.what = "no header of an entry"});
}

std::string tar_file_header(std::string_view path, std::uint64_t size) {
  std::string header(tar_block, '\0');
  header.replace(0, path.size(), path);
  header.replace(100, 7, "0000644");
  header.replace(108, 7, "0000000");
  header.replace(116, 7, "0000000");
  header.replace(136, 11, "00000000000");
  header[type_at] = '0';
  header.replace(257, 8, std::string("ustar\00000", 8));
  header.replace(329, 7, "0000000");
  header.replace(337, 7, "0000000");
  set_size(header, size);
  return header;
}

}  // namespace lathe
