// SPDX-License-Identifier: MIT
// A Nix archive (NAR) that arrives piece by piece, entry by entry. It tells TarReader's sink what it finds,
// so who reads one kind of archive reads the other: paths are relative to the archive's root, "" of the root
// itself; files, folders and symbolic links have tar's types. What Nix never writes is an Error. Unpacks
// nothing to the disk.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "formats/tar.h"

namespace lathe {

// A type that tar does not have: of an entry without a path that tells a folder's end. Its headers are the
// bytes that close the folder.
inline constexpr char nar_folder_end = 'e';

class NarReader {
 public:
  // `sink` outlives the reader. Its trailer() is not called: nothing follows the last entry.
  explicit NarReader(TarReader::Sink& sink) : sink_(sink) {}

  void feed(ByteSpan piece);  // Error when it is damaged, or not as Nix writes it
  void finish();              // Error when it is cut short

 private:
  // What the next string is. A file's content is the one that is not gathered.
  enum class Next {
    magic,
    node,
    type_tag,
    type,
    file_tag,
    executable,
    size,
    content,
    padding,
    target_tag,
    target,
    end_of_node,
    folder_tag,
    entry,
    name_tag,
    name,
    node_tag,
    end_of_entry,
    nothing,
  };
  struct Folder {
    std::size_t path_size = 0;  // of its own path
    std::string last_name = {};
  };

  std::uint64_t wanted() const;  // bytes, until what is gathered is complete
  void take();
  void take_string(std::string_view text);
  void take_file_tag(std::string_view text);
  void take_type(std::string_view text);
  void take_folder_tag(std::string_view text);
  void take_name(std::string_view text);
  void take_size();
  void take_end_of_node(std::string_view text);
  void expect(std::string_view text, std::string_view wanted, Next next);
  void begin(char type, std::uint64_t size);
  void end_entry();
  void leave();
  [[noreturn]] void fail(std::string_view what) const;

  TarReader::Sink& sink_;
  Next next_ = Next::magic;
  std::string gathered_;    // of the string that is arriving: its length, its bytes, zeros
  std::string headers_;     // of the entry, as far as they have arrived
  std::uint64_t at_ = 0;    // bytes that came so far
  std::uint64_t left_ = 0;  // of the content
  TarEntry entry_;
  std::string path_;  // of the entry
  std::vector<Folder> folders_;
};

// By its first bytes.
bool looks_like_nar(ByteSpan start);

// Of a file in a folder. Its headers (as the sink gets them) with another size; what follows a content of
// `size` bytes, where `old_end` is what followed the old one.
std::string nar_headers_with_size(std::string_view headers, std::uint64_t size);
std::string nar_end_with_size(std::string_view old_end, std::uint64_t size);
// A file in a folder, whole, that nobody executes.
std::string nar_file(std::string_view name, std::string_view content);

}  // namespace lathe
