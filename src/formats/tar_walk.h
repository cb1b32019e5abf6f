// SPDX-License-Identifier: MIT
// Goes through a tar archive that arrives piece by piece and shows the first bytes of each file in it. GNU's
// long names are known; other extensions (pax) are passed by, so a long name may be a shortened one. Unpacks
// nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"

namespace lathe {

class TarWalk {
 public:
  // Called for each regular file with up to look_size first bytes; says whether to go on.
  using Look = std::function<bool(std::string_view name, ByteSpan start)>;

  explicit TarWalk(Look look) : look_(std::move(look)) {}

  bool feed(ByteSpan piece);  // false: no more is wanted

  // After the last piece: every file was shown.
  bool complete() const { return state_ == State::ended || (state_ == State::header && block_.empty()); }

 private:
  enum class State { header, start, rest, ended, stopped };

  bool step(ByteSpan& piece);
  void read_header();
  void show();

  Look look_;
  State state_ = State::header;
  std::string block_;  // the header or the first bytes of a file, as far as they have arrived
  std::string name_, long_name_;
  char type_ = '0';
  std::uint64_t left_ = 0;  // bytes of the file that have not arrived, padding included
  std::size_t wanted_ = 0;  // of the file, in block_
};

}  // namespace lathe
