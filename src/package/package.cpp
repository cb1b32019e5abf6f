// SPDX-License-Identifier: MIT
#include "package/package.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <span>

#include "base/error.h"
#include "base/text.h"
#include "os/file.h"
#include "os/new_file.h"

namespace lathe {
namespace {

constexpr std::uint64_t most_kept = std::uint64_t{2} << 30;
constexpr std::size_t step = 4096;  // a page: what is left out inside of one saves nothing

// Copies a member that arrives in order into memory, but for what is left out.
class Filler {
 public:
  Filler(std::span<std::byte> memory, LeaveOut* leave_out) : memory_(memory), leave_out_(leave_out) {}

  void feed(ByteSpan bytes) {
    while (!bytes.empty()) {
      const ByteSpan piece = bytes.first(std::min(step, bytes.size()));
      keep(piece, filled_, std::min(filled_ + piece.size(), skip_.first));
      keep(piece, std::max(filled_, skip_.second), filled_ + piece.size());
      filled_ += piece.size();
      if (leave_out_) look_ahead();
      bytes = bytes.subspan(piece.size());
    }
  }

  ByteRanges take_absent() { return std::move(absent_); }

 private:
  // Of a piece that begins at filled_.
  void keep(ByteSpan piece, std::uint64_t begin, std::uint64_t end) {
    if (begin >= end) return;
    kept_ += end - begin;
    if (kept_ > most_kept) {
      throw Error({.what = fmt::format("the member holds more than {} GB{}", most_kept >> 30,
                                       leave_out_ ? fmt::format(" besides {}", leave_out_->what()) : ""),
                   .next = "unpack it and inspect the folder"});
    }
    std::memcpy(memory_.data() + begin, piece.data() + (begin - filled_), end - begin);
  }

  void look_ahead() {
    const ByteRange range = leave_out_->ahead(memory_, filled_);
    if (range.first >= range.second) return;
    absent_.push_back(range);
    skip_ = range;
  }

  std::span<std::byte> memory_;
  LeaveOut* leave_out_;
  std::uint64_t filled_ = 0;
  std::uint64_t kept_ = 0;
  ByteRange skip_ = {0, 0};
  ByteRanges absent_;
};

}  // namespace

FileIdentity identity_of(const struct ::stat& status) {
  return {.device = status.st_dev, .inode = status.st_ino};
}

std::string PackageMember::path() const {
  const std::string_view name(name_, name_size_);
  if (!folder_) return std::string(name);
  std::string path;
  path.reserve(folder_->size() + 1 + name.size());
  return path.append(*folder_).append("/").append(name);
}

const PackageMember::Rare& PackageMember::rare() const {
  static const Rare nothing;
  return rare_ ? *rare_ : nothing;
}

void MemberList::add(New member) {
  const std::size_t slash = member.path.rfind('/');
  const std::string_view name = member.path.substr(slash == std::string_view::npos ? 0 : slash + 1);
  PackageMember added;
  added.size = member.size;
  added.mode = member.mode;
  added.kind = member.kind;
  added.name_ = keep(name);
  added.name_size_ = static_cast<std::uint32_t>(name.size());
  if (slash != std::string_view::npos) added.folder_ = folder(member.path.substr(0, slash));
  if (!member.link.empty() || !member.unreadable.empty() || member.file != FileIdentity{}) {
    added.rare_ = &rare_.emplace_back(PackageMember::Rare{
        .link = std::move(member.link), .unreadable = std::move(member.unreadable), .file = member.file});
  }
  members_.push_back(added);
}

const std::string* MemberList::folder(std::string_view path) {
  if (last_folder_ && *last_folder_ == path) return last_folder_;
  auto known = folders_.find(path);
  if (known == folders_.end()) known = folders_.emplace(path).first;
  return last_folder_ = &*known;
}

const char* MemberList::keep(std::string_view name) {
  constexpr std::size_t block = 16 << 10;
  if (name.size() > left_) {
    left_ = std::max(block, name.size());
    free_ = names_.emplace_back(std::make_unique_for_overwrite<char[]>(left_)).get();
  }
  char* kept = free_;
  std::ranges::copy(name, kept);
  free_ += name.size();
  left_ -= name.size();
  return kept;
}

void throw_about(const Package& package, std::size_t member, const Error& error) {
  Error::Parts parts = error.parts();
  parts.what = fmt::format("{}: {}", printable(package.members()[member].path()), parts.what);
  throw Error(std::move(parts));
}

void extract(const Package& package, std::size_t member, const std::filesystem::path& to) {
  extract(package, member, to, [&](const UnpackSink& sink) { package.read(member, sink); });
}

void extract(const Package& package, std::size_t member, const std::filesystem::path& to,
             const std::function<void(const UnpackSink&)>& read) {
  create_folders(to.parent_path());
  NewFile file(to);
  std::uint64_t at = 0;
  try {
    read([&](ByteSpan bytes) {
      file.patch(at, as_text(bytes));
      at += bytes.size();
      return true;
    });
  } catch (const Error& error) {
    throw_about(package, member, error);
  }
  file.put_in_place(false);
}

void extract_all(const Package& package, const std::filesystem::path& folder) {
  for (std::size_t i = 0; i < package.members().size(); ++i) {
    const PackageMember& member = package.members()[i];
    if (member.kind == PackageMember::Kind::folder) create_folders(folder / member.path());
    if (member.kind == PackageMember::Kind::file) extract(package, i, folder / member.path());
  }
}

std::map<std::size_t, std::size_t> other_names(const Package& package) {
  std::vector<std::pair<std::filesystem::path, std::size_t>> shared;
  for (std::size_t i = 0; i < package.members().size(); ++i) {
    const PackageMember& member = package.members()[i];
    if (member.kind == PackageMember::Kind::file && member.file() != FileIdentity{})
      shared.emplace_back(member.path(), i);
  }
  std::ranges::sort(shared);
  std::map<FileIdentity, std::size_t> first;
  std::map<std::size_t, std::size_t> others;
  for (const auto& [path, i] : shared) {
    const auto [known, is_first] = first.try_emplace(package.members()[i].file(), i);
    if (!is_first) others[i] = known->second;
  }
  return others;
}

std::string Package::shown(std::size_t member) const {
  return name_ + "/" + printable(members()[member].path());
}

MemberContent Package::open(std::size_t member, const Reading& reading) const {
  if (auto content = in_place(member)) {
    if (reading.hash) reading.hash->add(content->bytes());
    return std::move(*content);
  }
  MemberContent content = unpack(member, reading.leave_out, reading.hash);
  if (content.absent().empty() || reading.leave_out->was_right(content.bytes(), content.absent()))
    return content;
  return unpack(member, nullptr, nullptr);
}

MemberContent Package::unpack(std::size_t member, LeaveOut* leave_out, Sha256Stream* hash) const {
  SparseMemory memory(members()[member].size);
  Filler filler(memory.writable(), leave_out);
  read(member, [&](ByteSpan out) {
    filler.feed(out);
    if (hash) hash->add(out);
    return true;
  });
  return {std::move(memory), filler.take_absent()};
}

}  // namespace lathe
