// SPDX-License-Identifier: MIT
// NAME-VERSION.tar.gz, with NAME-VERSION/PKG-INFO in it. Source: the packaging specification of source
// archives.
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"
#include "formats/streams/unpack.h"
#include "formats/tar.h"
#include "os/mapped_file.h"
#include "package/wheel_names.h"
#include "simple/project_page.h"
#include "simple/source_wheel.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t longest_info = std::uint64_t{4} << 20;

[[noreturn]] void refuse_archive(const fs::path& path, std::string what) {
  throw Error({.what = std::move(what),
               .where = {.file = path.string()},
               .next = "an installer could not build it: fetch it again, or take it out of the folder"});
}

// Keeps the PKG-INFO of the folder that all lies in; not one that a test brings along.
class InfoSink final : public TarReader::Sink {
 public:
  void entry(const TarEntry& entry, std::string_view) override {
    const std::size_t slash = entry.path.find('/');
    taking_ = entry.is_file() && slash != std::string::npos && entry.path.substr(slash) == "/PKG-INFO" &&
              entry.size <= longest_info && !found_;
  }
  void content(ByteSpan piece) override {
    if (taking_) text_ += as_text(piece);
  }
  void end_of_entry(std::string_view) override {
    found_ = found_ || taking_;
    taking_ = false;
  }
  void trailer(ByteSpan) override {}

  bool found() const { return found_; }
  const std::string& text() const { return text_; }

 private:
  bool taking_ = false, found_ = false;
  std::string text_;
};

std::string package_info(const fs::path& path, ByteSpan bytes) {
  InfoSink sink;
  TarReader reader(sink);
  try {
    unpack_gzip(bytes, [&](ByteSpan piece) {
      reader.feed(piece);
      return !sink.found();
    });
  } catch (const Error& error) {
    refuse_archive(path, error.parts().what);
  }
  if (!sink.found()) refuse_archive(path, "there is no PKG-INFO in it");
  return sink.text();
}

// "zope-interface-5.0": which '-' is the one before the version, only the name tells.
std::pair<std::string, std::string> split_stem(const std::string& stem, const std::string& project) {
  for (std::size_t dash = stem.find('-'); dash != std::string::npos; dash = stem.find('-', dash + 1)) {
    if (normal_project_name(stem.substr(0, dash)) == project)
      return {stem.substr(0, dash), stem.substr(dash + 1)};
  }
  return {};
}

}  // namespace

SourceWheel read_source_archive(const fs::path& path) {
  SourceWheel out{.path = path, .archive = path.filename().string()};
  if (!is_distribution_file(out.archive) || !out.archive.ends_with(archive_ending))
    refuse_archive(path, "its name is not that of a source archive");
  out.stamp = stamp_of(path);
  const MappedFile map = MappedFile::open(path);
  out.size = map.bytes().size();
  const std::string info = package_info(path, map.bytes());
  map.expect_whole();
  const auto name = field_values(info, "Name:");
  out.project = name.empty() || !is_project_name(name[0]) ? "" : normal_project_name(name[0]);
  const std::string stem = out.archive.substr(0, out.archive.size() - archive_ending.size());
  const auto [distribution, version] = split_stem(stem, out.project);
  if (out.project.empty() || version.empty()) refuse_archive(path, "its PKG-INFO is that of another project");
  out.name = {.distribution = distribution, .version = version, .rest = {}};
  const auto requires_python = field_values(info, "Requires-Python:");
  if (!requires_python.empty()) out.requires_python = requires_python[0];
  return out;
}

}  // namespace lathe
