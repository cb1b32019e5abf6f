// SPDX-License-Identifier: MIT
#include "package/images/files.h"

#include <fmt/format.h>

#include <system_error>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "formats/tar.h"
#include "package/images/paths.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_links = 100'000;

// Where the files of an archive lie in it.
class Directory final : public TarReader::Sink {
 public:
  explicit Directory(std::string archive) : archive_(std::move(archive)) {}

  void entry(const TarEntry& entry, std::string_view) override {
    if (entry.is_file()) {
      if (entry.sparse) fail(entry, "is stored as a sparse file");
      add(entry);
    } else if (entry.type == '1' || entry.type == '2') {
      if (links.size() == most_links) fail(entry, "is one link of too many");
      links.push_back(entry);
    }
  }
  void content(ByteSpan) override {}
  void end_of_entry(std::string_view) override {}
  void trailer(ByteSpan) override {}

  struct Found {
    std::uint64_t at, size;
  };
  std::map<std::string, Found> found;
  std::vector<TarEntry> links;  // of the older docker save: a layer that is there already

 private:
  void add(const TarEntry& entry) {
    const auto path = inside_path(entry.path);
    if (!path) fail(entry, "leads out of it");
    // Two files of one name: two readers would take two images from it.
    if (!found.try_emplace(*path, Found{entry.content_at, entry.size}).second) fail(entry, "is in it twice");
  }
  [[noreturn]] void fail(const TarEntry& entry, std::string_view what) const {
    throw Error({.what = fmt::format("{} {}", printable(entry.path), what),
                 .where = {.file = archive_},
                 .next = "no tool writes images like that: get it from where it was made"});
  }

  const std::string archive_;
};

}  // namespace

ImageFiles::ImageFiles(const fs::path& place) : place_(place) {
  if (fs::is_directory(place)) list_folder();
  else list_archive();
}

std::shared_ptr<const ImageFiles::Opened> ImageFiles::open(const fs::path& path) {
  return std::shared_ptr<const Opened>(new Opened{.map = MappedFile::open(path), .source = SourceFile(path)});
}

// What the layout has, and no more: links in it are not followed.
void ImageFiles::list_folder() {
  const auto add = [&](const fs::path& path, std::string name) {
    std::error_code ignored;
    if (fs::symlink_status(path, ignored).type() == fs::file_type::regular)
      files_[std::move(name)] = {.path = path};
  };
  for (const char* name : {"oci-layout", "index.json"}) add(place_ / name, name);
  std::error_code error;
  fs::directory_iterator walk(place_ / "blobs" / "sha256", error), end;
  for (; !error && walk != end; walk.increment(error))
    add(walk->path(), "blobs/sha256/" + walk->path().filename().string());
  if (error && error != std::errc::no_such_file_or_directory)
    throw system_error("read the folder", place_.string(), error.value());
}

void ImageFiles::list_archive() {
  const auto file = open(place_);
  Directory directory(place_.string());
  TarReader reader(directory);
  try {
    reader.feed(file->map.bytes());
    reader.finish();
  } catch (const Error& error) {
    Error::Parts parts = error.parts();
    if (parts.where.file.empty()) parts.where.file = place_.string();
    throw Error(std::move(parts));
  }
  for (const auto& [path, found] : directory.found)
    files_[path] = {.file = file, .at = found.at, .size = found.size};
  for (const TarEntry& link : directory.links) {
    const auto path = inside_path(link.path);
    if (!path || files_.contains(*path)) continue;
    const std::size_t slash = path->rfind('/');
    const std::string folder = slash == std::string::npos ? "" : path->substr(0, slash + 1);
    const auto to = inside_path(link.is_hard_link() ? link.link : folder + link.link);
    const auto known = to ? directory.found.find(*to) : directory.found.end();
    if (known == directory.found.end()) continue;
    files_[*path] = {.file = file, .at = known->second.at, .size = known->second.size};
  }
}

const ImageFiles::Stored& ImageFiles::find(std::string_view name) const {
  const std::lock_guard lock(opening_);
  const auto found = files_.find(name);
  if (found == files_.end()) {
    throw Error({.what = fmt::format("{} is missing in it", printable(name)),
                 .where = {.file = place_.string()},
                 .next = "the image is not all there: copy it again"});
  }
  Stored& stored = found->second;
  if (!stored.file) {
    stored.file = open(stored.path);
    stored.size = stored.file->map.bytes().size();
  }
  return stored;
}

ByteSpan ImageFiles::bytes(std::string_view name) const {
  const Stored& stored = find(name);
  return stored.file->map.bytes().subspan(stored.at, stored.size);
}

ImageFiles::Place ImageFiles::place_of(std::string_view name) const {
  const Stored& stored = find(name);
  return {.file = &stored.file->source, .at = stored.at, .size = stored.size};
}

void ImageFiles::expect_whole() const {
  for (const auto& [name, stored] : files_) {
    if (stored.file) stored.file->map.expect_whole();
  }
}

void ImageFiles::expect_unchanged(std::string_view done) const {
  for (const auto& [name, stored] : files_) {
    if (stored.file) stored.file->source.expect_unchanged(done);
  }
}

}  // namespace lathe
