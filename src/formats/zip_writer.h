// SPDX-License-Identifier: MIT
// Writes a zip file from front to back: members of another one taken over as they lie there, new ones
// compressed on all cores. The same members make the same bytes, whatever the number of cores. Knows nothing
// of wheels.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/hash.h"
#include "formats/streams/splice.h"
#include "formats/zip.h"
#include "os/new_file.h"

namespace lathe {

class ZipWriter {
 public:
  explicit ZipWriter(NewFile& file, unsigned threads = 0) : file_(file), threads_(threads) {}

  // `member` of `source` under another name, its bytes not unpacked.
  void take_over(const ZipMember& member, const std::string& name, const SourceFile& source,
                 std::uint64_t packed_at);

  // New content with the time and attributes of `like`. Returns its hash. Of `old`, a stream that is much the
  // same, whole blocks go over; whoever has one must see to it that the result unpacks (zip_read.h).
  Sha256 add(const ZipMember& like, const std::string& name, ByteSpan content,
             const OldStream* old = nullptr);

  // The same, stored as it is: for content that is packed already.
  void add_stored(const ZipMember& like, const std::string& name, ByteSpan content);

  // The directory. Nothing may be added afterwards. Returns the size of the file.
  std::uint64_t finish();

  std::function<void(std::uint64_t bytes)> progress = {};  // of new content packed so far

 private:
  std::uint64_t begin(ZipMember& entry);
  void put(std::string_view bytes);
  void flush();
  std::uint64_t pack(ByteSpan content, const OldStream* old, ZipMember& entry, Sha256Stream& hash);
  void pack_part(ByteSpan content, std::uint64_t begin, std::uint64_t end, ZipMember& entry,
                 Sha256Stream& hash);
  void take_blocks_of(const OldStream& old, const Splice& splice, ByteSpan content, ZipMember& entry,
                      Sha256Stream& hash);
  void tell(std::uint64_t bytes);

  NewFile& file_;
  unsigned threads_;
  std::uint64_t at_ = 0;  // where the next byte goes
  std::string pending_;   // the last bytes before it, not yet written
  std::uint64_t packed_ = 0;
  std::vector<ZipMember> entries_;
};

}  // namespace lathe
