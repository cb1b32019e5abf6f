// SPDX-License-Identifier: MIT
// A tar archive that arrives piece by piece, entry by entry, with the blocks of its headers as they lie
// there: whoever writes it again passes on what does not change byte for byte. Knows the old form, ustar,
// GNU's long names and sparse files, and PAX. What two readers could take for different things is an Error.
// Unpacks nothing to the disk.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace lathe {

struct TarEntry {
  std::string path = {};         // as it is spelled there
  std::string link = {};         // of a hard or symbolic link: what it leads to
  char type = '0';               // as in its header; 'g': settings for all that follows, without a path
  bool sparse = false;           // its content lies there without its holes, in a form that is not read
  std::uint32_t mode = 0;        // permissions
  std::uint64_t size = 0;        // of the content that follows the headers
  std::uint64_t content_at = 0;  // offset in the archive

  bool is_file() const { return type == '0' || type == '\0' || type == '7' || type == 'S'; }
  bool is_hard_link() const { return type == '1'; }
  bool is_folder() const { return type == '5'; }
};

class TarReader {
 public:
  class Sink {
   public:
    virtual ~Sink() = default;
    virtual void entry(const TarEntry& entry, std::string_view headers) = 0;
    virtual void content(ByteSpan piece) = 0;  // of the entry that was told last
    virtual void end_of_entry(std::string_view padding) = 0;
    virtual void trailer(ByteSpan piece) = 0;  // what follows the last entry: blocks of zeros
  };

  // `sink` outlives the reader.
  explicit TarReader(Sink& sink) : sink_(sink) {}

  void feed(ByteSpan piece);  // Error when it is damaged, or means two things
  void finish();              // Error when it is cut short

 private:
  enum class State { header, extension, sparse_map, content, padding, trailer };

  // What the extensions before a header say of its entry.
  struct Said {
    std::optional<std::string> long_name = {}, long_link = {};  // GNU's
    std::optional<std::string> path = {}, link = {};            // PAX
    std::optional<std::uint64_t> size = {};
    bool pax = false, sparse = false;
  };

  std::uint64_t wanted() const;  // bytes, until something is complete
  void take();
  void take_block(std::string_view block);
  void begin_extension(char type, std::uint64_t size);
  void begin_entry(std::string_view block, std::uint64_t size);
  void take_extension();
  void take_records(std::string_view text);
  void take_sparse_map(std::string_view block);
  void begin(TarEntry entry);
  void end_if_complete();
  [[noreturn]] void fail(std::string what) const;

  Sink& sink_;
  State state_ = State::header;
  std::string gathered_;     // a block or an extension, as far as it has arrived
  std::string headers_;      // of the next entry
  std::uint64_t at_ = 0;     // bytes that came so far
  std::uint64_t left_ = 0;   // of the extension, the content
  std::size_t padding_ = 0;  // after it
  char extension_ = 0;       // its type
  TarEntry entry_;
  Said said_;
};

inline constexpr std::size_t tar_block = 512;

// Text in a header's block, up to its first NUL; lives as long as the header.
std::string_view tar_field(std::string_view header, std::size_t at, std::size_t size);
// "prefix/name" in the newer form (ustar), where the name alone is too short for it.
std::string tar_name(std::string_view header);

// Headers (as TarReader::Sink gets them) that say another size, and are the same in all else.
std::string tar_headers_with_size(std::string_view headers, std::uint64_t size);

// The header of a regular file that everybody may read, at the epoch; `path` is at most 100 bytes.
std::string tar_file_header(std::string_view path, std::uint64_t size);

// Zeros that fill the last block of a content.
constexpr std::size_t tar_padding(std::uint64_t size) {
  return static_cast<std::size_t>((tar_block - size % tar_block) % tar_block);
}

}  // namespace lathe
