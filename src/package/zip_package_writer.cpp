// SPDX-License-Identifier: MIT
#include "package/zip_package_writer.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <system_error>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"
#include "base/finding.h"
#include "base/hash.h"
#include "base/parallel.h"
#include "base/text.h"
#include "formats/streams/unpack.h"
#include "formats/zip.h"
#include "formats/zip_read.h"
#include "os/file.h"
#include "os/mapped_file.h"
#include "os/unfinished.h"
#include "package/installed_record.h"
#include "package/package.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t smallest_spliced = std::uint64_t{1} << 20;
constexpr std::uint64_t largest_text = std::uint64_t{64} << 20;

std::string hash_of(const NewFile& file) {
  constexpr std::size_t piece = std::size_t{8} << 20;
  const MappedFile map = MappedFile::open(file.path());
  Sha256Stream hash;
  for (std::size_t at = 0; at < map.bytes().size(); at += piece)
    hash.add(map.bytes().subspan(at, std::min(piece, map.bytes().size() - at)));
  map.expect_whole();
  return to_hex(hash.finish());
}

bool same(const ZipMember& old_one, const ZipMember& new_one) {
  return old_one.crc == new_one.crc && old_one.size == new_one.size && old_one.mode == new_one.mode &&
         as_text(old_one.packed) == as_text(new_one.packed);
}

// To what its checksum, made of the content itself, says.
bool unpacks(const ZipMember& member) {
  try {
    unpack(member, [](ByteSpan) { return true; });
    return true;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

ZipPackageWriter::MadeFolder::MadeFolder(const fs::path& path) {
  for (fs::path each = path.lexically_normal(); !each.empty() && !fs::exists(each);
       each = each.parent_path()) {
    made_.push_back(each);
  }
  if (!made_.empty()) create_folders(made_.front());
}

ZipPackageWriter::MadeFolder::~MadeFolder() {
  std::error_code ignored;
  for (const fs::path& each : made_) {
    if (!fs::remove(each, ignored)) break;  // it holds something
  }
}

ZipPackageWriter::ZipPackageWriter(const ZipPackage& package, std::string_view kind, PackageWriteOptions how)
    : PackageWriter(package, std::move(how)), zip_(package), kind_(kind), source_(package.name()) {
  expect_same_file();
}

// The file that was mapped, not one that took its name since.
void ZipPackageWriter::expect_same_file() const {
  struct stat status {};
  const bool same_file = ::fstat(source_.descriptor(), &status) == 0 && zip_.file() == identity_of(status) &&
                         source_.size() == zip_.map()->bytes().size();
  if (same_file) return;
  throw Error({.what = fmt::format("the file changed while it was {}", options().done),
               .where = {.file = zip_.name()},
               .next = "run the same command again when nothing else writes it",
               .kind = ErrorKind::fault});
}

void ZipPackageWriter::expect_unchanged() const { source_.expect_unchanged(options().done); }

void ZipPackageWriter::fail(std::string what, std::string next) const {
  throw Error({.what = std::move(what), .where = {.file = zip_.name()}, .next = std::move(next)});
}

void ZipPackageWriter::refuse_what_is_damaged() const {
  for (const Finding& finding : package().findings()) {
    if (finding.severity == Severity::note || finding.rule == "wheel-link") continue;
    fail(fmt::format("{}: {}", finding.where.text(), finding.what),
         finding.rule == "not-read"
             ? fmt::format("such a {} is not {}: unpack it, and pack it again with deflate (zip -r)", kind_,
                           options().done)
             : fmt::format("such a {} is not {}: fetch it again", kind_, options().done));
  }
}

RecordedFile ZipPackageWriter::recorded_now(std::size_t member) {
  if (const auto text = texts_.find(member); text != texts_.end())
    return {.hash = sha256(as_byte_span(text->second)), .size = text->second.size()};
  const MappedFile file = MappedFile::open(new_file(member));
  return {.hash = sha256(file.bytes()), .size = file.bytes().size()};
}

fs::path ZipPackageWriter::free_place(const fs::path& place) const {
  if (!options().dry_run && fs::exists(fs::symlink_status(place))) {
    throw Error({.what = "this is there already",
                 .where = {.file = place.string()},
                 .next = "remove it, or choose another folder"});
  }
  return place;
}

WrittenPackage ZipPackageWriter::copy_to(const fs::path& place) const {
  std::error_code ignored;
  if (!fs::equivalent(place, source_.path(), ignored)) copy_whole(source_.path(), free_place(place));
  return {.path = place, .old_size = source_.size(), .new_size = source_.size()};
}

void ZipPackageWriter::begin() {
  made_.emplace(place_.parent_path());
  remove_leftovers(place_);
  scratch_.emplace(place_, Unfinished::Kind::folder);
}

fs::path ZipPackageWriter::old_file(std::size_t member) {
  const fs::path path = new_file(member);
  {
    const std::lock_guard lock(changing_);
    if (!unpacked_.insert(member).second) return path;
  }
  extract_noting(member, path);
  return path;
}

// And where the blocks of a large member begin: those of what stays the same are taken over.
void ZipPackageWriter::extract_noting(std::size_t member, const fs::path& path) {
  std::vector<BlockStart> starts;
  const ZipMember& packed = zip_.zip_member(member);
  extract(zip_, member, path, [&](const UnpackSink& sink) {
    lathe::unpack(packed, sink, packed.size >= smallest_spliced ? &starts : nullptr);
  });
  const std::lock_guard lock(changing_);
  starts_[member] = std::move(starts);
}

void ZipPackageWriter::keeps(std::size_t member, std::vector<CopyRun> runs) {
  const std::lock_guard lock(changing_);
  std::vector<SameRun>& same = same_[member];
  same.clear();
  for (const CopyRun& run : runs) same.push_back({.from = run.from, .to = run.to, .size = run.size});
}

std::optional<OldStream> ZipPackageWriter::old_stream(std::size_t member) const {
  const auto starts = starts_.find(member);
  const auto same = same_.find(member);
  if (starts == starts_.end() || starts->second.empty() || same == same_.end()) return std::nullopt;
  return OldStream{.packed = zip_.zip_member(member).packed, .starts = starts->second, .same = same->second};
}

fs::path ZipPackageWriter::new_file(std::size_t member) {
  return fs::path(scratch_->path()) / package().members()[member].path();
}

void ZipPackageWriter::replace(std::size_t member, std::string_view content) {
  const std::lock_guard lock(changing_);
  texts_[member] = content;
  set_replaced(member);
}

std::string ZipPackageWriter::text(std::size_t member) const {
  if (zip_.members()[member].size > largest_text) {
    throw Error({.what = fmt::format("{} is larger than such a file can be",
                                     printable(zip_.members()[member].path()))});
  }
  std::string text;
  try {
    zip_.read(member, [&](ByteSpan bytes) {
      text += as_text(bytes);
      return true;
    });
  } catch (const Error& error) {
    throw_about(zip_, member, error);
  }
  return text;
}

void ZipPackageWriter::Output::add(const ZipMember& like, const std::string& path, std::string_view content) {
  written[path] = {.hash = zip.add(like, path, as_byte_span(content)), .size = content.size()};
}

WrittenPackage ZipPackageWriter::finish() {
  NewFile file(place_);
  ZipWriter zip(file, options().threads);
  if (options().on_packed) zip.progress = options().on_packed;
  for (std::size_t i = 0; i < zip_.members().size(); ++i) {
    if (fate(i) != Fate::removed && !is_last(i)) write_member(zip, i);
  }
  Output out{.zip = zip, .written = written_};
  write_last(out);
  const std::uint64_t size = zip.finish();
  file.take_attributes(source_, NewFile::Keep::mode);
  // Three that wait for different things: the disk, memory, a core.
  if (options().to_be_kept) file.begin_sync();
  std::string sum;
  parallel_for_all(
      options().to_be_kept ? 2 : 1, [&](std::size_t i) { i == 0 ? check(file) : void(sum = hash_of(file)); },
      options().threads);
  expect_unchanged();
  zip_.expect_whole();
  file.put_in_place(false);
  return {.path = place_, .old_size = source_.size(), .new_size = size, .sha256 = std::move(sum)};
}

void ZipPackageWriter::write_member(ZipWriter& zip, std::size_t i) {
  const ZipMember& member = zip_.zip_member(i);
  const std::string path = new_path(i);
  if (const auto text = texts_.find(i); text != texts_.end()) {
    Output{.zip = zip, .written = written_}.add(member, path, text->second);
  } else if (fate(i) == Fate::replaced) {
    const MappedFile file = MappedFile::open(new_file(i));
    const std::optional<OldStream> old = old_stream(i);
    const Sha256 hash = zip.add(member, path, file.bytes(), old ? &*old : nullptr);
    if (old) spliced_.insert(path);
    file.expect_whole();
    written_[path] = {.hash = hash, .size = file.bytes().size()};
  } else {
    const auto at = member.packed.empty()
                        ? 0
                        : static_cast<std::uint64_t>(member.packed.data() - zip_.map()->bytes().data());
    zip.take_over(member, path, source_, at);
  }
}

// The new archive, read like a stranger's: all members are there and readable, and what was taken over is
// the same.
void ZipPackageWriter::check(const NewFile& file) const {
  const MappedFile written = MappedFile::open(file.path());
  const Zip zip = read_zip(written.bytes(), file.path());
  std::map<std::string_view, const ZipMember*> by_name;
  for (const ZipMember& member : zip.members) by_name[member.name] = &member;
  std::string wrong = zip.findings.count(Severity::error) + zip.findings.count(Severity::warning) >
                              zip_.findings().count(Severity::warning)
                          ? zip.findings[0].what
                          : "";
  for (std::size_t i = 0; i < zip_.members().size(); ++i) {
    if (fate(i) == Fate::removed) continue;
    const std::string path = new_path(i);
    const auto it = by_name.find(path);
    if (it == by_name.end()) wrong = path + " is missing";
    else if (!written_.contains(path) && !is_last(i) && !same(zip_.zip_member(i), *it->second))
      wrong = path + " is another";
    else if (spliced_.contains(path) && !unpacks(*it->second)) wrong = path + " does not unpack";
  }
  written.expect_whole();
  if (wrong.empty()) return;
  expect_unchanged();
  throw Error({.what = fmt::format("the {} {} did not pass its check and was deleted: {}", options().done,
                                   kind_, wrong),
               .where = {.file = place_.string()},
               .next = fmt::format("the old {} is as it was; please report this", kind_),
               .kind = ErrorKind::fault});
}

namespace {

class PlainZipWriter final : public ZipPackageWriter {
 public:
  PlainZipWriter(const ZipPackage& package, PackageWriteOptions how)
      : ZipPackageWriter(package, "zip archive", std::move(how)) {
    refuse_what_is_damaged();
    place_ = free_place(options().to.lexically_normal());
    for (std::size_t i = 0; i < package.members().size(); ++i) members_[package.members()[i].path()] = i;
  }

  std::string description(std::string_view file) const override {
    const auto member = members_.find(file);
    return member == members_.end() ? "" : text(member->second);
  }
  void describe(std::string_view file, std::string_view content) override {
    if (const auto member = members_.find(file); member != members_.end()) replace(member->second, content);
    else added_.emplace_back(file, content);
  }

  WrittenPackage finish() override {
    bool changes = !added_.empty();
    for (std::size_t i = 0; i < package().members().size(); ++i)
      changes = changes || fate(i) == Fate::replaced || fate(i) == Fate::removed;
    if (!changes) return copy_to(place_);
    for (const auto& [path, member] : members_) {
      if (fate(member) != Fate::removed && is_installed_record(path)) mend_record(path, member);
    }
    return ZipPackageWriter::finish();
  }

 private:
  bool is_last(std::size_t) const override { return false; }
  void write_last(Output& out) override {
    // a file that everybody may read, as old as the first member
    ZipMember like{.attributes = std::uint32_t{0100644} << 16, .made_on_unix = true};
    if (!members_.empty()) like.time = zip_package().zip_member(0).time;
    for (const auto& [path, content] : added_) out.add(like, path, content);
  }

  void mend_record(const std::string& path, std::size_t member) {
    const std::string record = text(member);
    const fs::path base = fs::path(path).parent_path().parent_path();
    std::map<std::string, RecordedFile> now;
    std::set<std::string, std::less<>> gone;
    for (const std::string& name : recorded_paths(record)) {
      const auto file = members_.find((base / name).lexically_normal().generic_string());
      if (file == members_.end()) continue;
      if (fate(file->second) == Fate::removed) gone.insert(name);
      if (fate(file->second) == Fate::replaced) now[name] = recorded_now(file->second);
    }
    if (now.empty() && gone.empty()) return;
    const fs::path full = path;
    const std::string own = (full.parent_path().filename() / full.filename()).generic_string();
    replace(member, rewrite_record(record, own, now, [&](std::string_view name) {
              return gone.contains(name) ? std::string() : std::string(name);
            }));
  }

  std::map<std::string, std::size_t, std::less<>> members_;  // by path
  std::vector<std::pair<std::string, std::string>> added_;
};

}  // namespace

std::unique_ptr<PackageWriter> write_zip(const ZipPackage& package, PackageWriteOptions options) {
  return std::make_unique<PlainZipWriter>(package, std::move(options));
}

}  // namespace lathe
