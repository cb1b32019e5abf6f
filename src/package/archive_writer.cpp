// SPDX-License-Identifier: MIT
// Tar archives and conda packages written again: entries that do not change keep their headers and bytes; a
// conda package says what it holds now, under a name that says it too.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/finding.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "formats/tar.h"
#include "formats/zip.h"
#include "formats/zip_read.h"
#include "formats/zip_writer.h"
#include "os/file.h"
#include "os/mapped_file.h"
#include "os/new_file.h"
#include "os/unfinished.h"
#include "package/archive_package.h"
#include "package/archives/conda.h"
#include "package/image_writer.h"
#include "package/images/layer.h"
#include "package/images/repack.h"
#include "package/images/view.h"
#include "package/writer.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

using How = EntryChange::How;

class ArchiveWriter final : public PackageWriter {
 public:
  ArchiveWriter(const ArchivePackage& archive, PackageWriteOptions how)
      : PackageWriter(archive, std::move(how)), archive_(archive), source_(archive.name()) {
    expect_same_file();
    for (const Finding& finding : archive.findings()) {
      if (finding.severity == Severity::note) continue;
      throw Error(
          {.what = fmt::format("{}: {}", finding.where.text(), finding.what),
           .next = fmt::format("such an archive is not {}: unpack it, and pack it again", options().done)});
    }
    changes_.resize(archive.layers().size());
    if (archive_.is_conda()) {
      find_name();
    } else {
      place_ = options().to.lexically_normal();
      expect_free(place_);
    }
  }

  std::optional<PackageLabel> label() const override {
    if (!archive_.is_conda()) return std::nullopt;
    return PackageLabel{.version = name_.build};
  }
  bool name_was_given() const override {
    return archive_.is_conda() && options().to.native().ends_with(ending()) &&
           !fs::is_directory(options().to);
  }
  // The label's version is the build string and, behind a sign, the GPUs.
  void relabel(const PackageLabel& label) override {
    std::string mark =
        label.version.size() > name_.build.size() ? label.version.substr(name_.build.size() + 1) : "";
    std::ranges::replace(mark, '.', '_');
    new_name_ = name_;
    if (!mark.empty()) new_name_.build = conda_build_with(name_.build, mark);
    const std::string file = new_name_.stem() + std::string(ending());
    if (name_was_given() && options().to.filename() != file) {
      throw Error({.what = "a conda package's file name follows from its metadata",
                   .where = {.file = options().to.string()},
                   .next = fmt::format("give a folder, or the name {}", file)});
    }
    place_ = name_was_given() ? options().to : options().to / file;
    expect_free(place_);
  }

  void begin() override {
    if (place_.has_parent_path()) create_folders(place_.parent_path());
    remove_leftovers(place_);
  }

  fs::path old_file(std::size_t member) override {
    if (fs::path file = archive_.own_file(member); !file.empty()) return file;
    const fs::path path = archive_.spool() / fmt::format("old-{}", member);
    {
      const std::lock_guard lock(changing_);
      if (!unpacked_.insert(member).second) return path;
    }
    extract(archive_, member, path);
    return path;
  }
  fs::path new_file(std::size_t member) override { return archive_.spool() / fmt::format("new-{}", member); }
  using PackageWriter::replace;
  void replace(std::size_t member, std::string_view content) override {
    const std::lock_guard lock(changing_);
    texts_[member] = content;
    set_replaced(member);
  }

  std::string description(std::string_view file) const override {
    const auto found = archive_.view().files().find(path_of_description(file));
    return found == archive_.view().files().end() ? "" : archive_.text(found->second);
  }
  void describe(std::string_view file, std::string_view content) override {
    described_[path_of_description(file)] = content;
    if (archive_.is_conda()) take_record(parse_json(content, "record"));
  }

  WrittenPackage finish() override {
    gather_changes();
    if (!changes_anything()) return copy_to(place_);
    NewFile file(place_);
    if (archive_.form() == ArchivePackage::Form::conda_zip) write_conda(file);
    else
      size_ =
          write_layer(0, added(), [&](std::uint64_t at, std::string_view bytes) { file.patch(at, bytes); });
    file.take_attributes(source_, NewFile::Keep::mode);
    check(file);
    archive_.expect_whole();
    source_.expect_unchanged(options().done);
    file.put_in_place(false);
    return {.path = place_, .old_size = source_.size(), .new_size = size_};
  }

  WrittenPackage pass_on() override {
    if (options().dry_run) return {};
    return copy_to(place_.parent_path() / (name_.stem() + std::string(ending())));
  }

 private:
  using Put = std::function<void(std::uint64_t at, std::string_view bytes)>;

  void expect_same_file() const {
    struct stat status {};
    const bool same = ::fstat(source_.descriptor(), &status) == 0 && archive_.file() == identity_of(status) &&
                      source_.size() == archive_.bytes().size();
    if (same) return;
    throw Error({.what = fmt::format("the file changed while it was {}", options().done),
                 .where = {.file = archive_.name()},
                 .next = "run the same command again when nothing else writes it",
                 .kind = ErrorKind::fault});
  }

  void expect_free(const fs::path& place) const {
    if (options().dry_run || !fs::exists(fs::symlink_status(place))) return;
    throw Error({.what = "this is there already",
                 .where = {.file = place.string()},
                 .next = "name a place where nothing is, or remove it"});
  }

  WrittenPackage copy_to(const fs::path& place) const {
    std::error_code ignored;
    if (!fs::equivalent(place, source_.path(), ignored)) {
      expect_free(place);
      copy_whole(source_.path(), place);
    }
    return {.path = place, .old_size = source_.size(), .new_size = source_.size()};
  }

  std::string_view ending() const {
    return archive_.form() == ArchivePackage::Form::conda_zip ? ".conda" : ".tar.bz2";
  }

  std::string path_of_description(std::string_view file) const {
    return archive_.is_conda() ? "info/" + std::string(file) : std::string(file);
  }

  void find_name() {
    const auto index = archive_.info("index.json");
    if (!index) {
      throw Error({.what = "there is no info/index.json in it",
                   .where = {.file = archive_.name()},
                   .next = "conda would refuse it too"});
    }
    try {
      name_ = new_name_ = conda_name(archive_.text(*index));
    } catch (const Error& error) {
      Error::Parts parts = error.parts();
      parts.what = fmt::format("{}: {}", parts.where.file, parts.what);
      parts.where = {.file = archive_.name()};
      throw Error(std::move(parts));
    }
  }

  // The record of a carve.
  void take_record(const Json& record) {
    tool_ = record.text_of("tool");
    const Json* gpus = record.find("gpus");
    std::optional<std::pair<unsigned, unsigned>> least;
    for (const Json& gpu : gpus && gpus->array() ? *gpus->array() : Json::Array()) {
      if (!gpu.text()) continue;
      gpus_ += (gpus_.empty() ? "" : ",") + *gpu.text();
      unsigned major = 0, minor = 0;
      if (std::sscanf(gpu.text()->c_str(), "%u.%u", &major, &minor) != 2) continue;
      if (!least || std::pair(major, minor) < *least) least = {major, minor};
    }
    if (least) least_capability_ = fmt::format("{}.{}", least->first, least->second);
  }

  void gather_changes() {
    for (std::size_t i = 0; i < package().members().size(); ++i) {
      if (fate(i) == Fate::replaced) change(i);
      if (fate(i) != Fate::removed) continue;
      const EntryOfLayer at = archive_.own_entry_of(i);
      changes_[at.layer][at.entry] = {.how = How::removed};
    }
    keep_targets_of_links();
    std::vector<LayerChanges> records(changes_.size());
    mend_records(archive_.view(), archive_.layers(), changes_, records);
    for (std::size_t i = 0; i < changes_.size(); ++i) changes_[i].merge(records[i]);
    if (archive_.is_conda() && changes_anything()) mend_info();
  }

  void change(std::size_t member) {
    const EntryOfLayer at = archive_.entry_of(member);
    EntryChange now{.how = How::file, .file = new_file(member)};
    if (const auto text = texts_.find(member); text != texts_.end())
      now = {.how = How::text, .text = text->second};
    changes_[at.layer][at.entry] = std::move(now);
  }

  // A file that goes, but not all of its names: the others are links to it.
  void keep_targets_of_links() {
    for (const auto& [link, file] : archive_.view().links()) {
      if (!is_removed(link) && is_removed(file)) changes_[file.layer].erase(file.entry);
    }
  }
  bool is_removed(EntryOfLayer at) const {
    const auto found = changes_[at.layer].find(at.entry);
    return found != changes_[at.layer].end() && found->second.how == How::removed;
  }

  bool changes_anything() const {
    return !described_.empty() || new_name_.build != name_.build ||
           std::ranges::any_of(changes_, [](const LayerChanges& one) { return !one.empty(); });
  }

  // paths.json lists hard links by themselves, with the hash of their content.
  void mend_info() {
    std::map<std::string, CondaFile> changed;
    std::set<std::string> gone;
    for (std::size_t i = 0; i < package().members().size(); ++i) {
      const std::string path = package().members()[i].path();
      const EntryOfLayer at = archive_.entry_of(i);
      const auto found = changes_[at.layer].find(at.entry);
      if (is_removed(archive_.own_entry_of(i))) gone.insert(path);
      else if (found != changes_[at.layer].end()) changed[path] = hashed(found->second);
    }
    mend("index.json",
         [&](const std::string& text) { return conda_index_with(text, new_name_.build, least_capability_); });
    mend("paths.json", [&](const std::string& text) { return conda_paths_with(text, changed, gone); });
    mend("files", [&](const std::string& text) { return conda_files_without(text, gone); });
    mend("about.json",
         [&](const std::string& text) { return conda_about_with(text, tool_, gpus_, name_.build); });
  }

  template <typename Mend>
  void mend(std::string_view file, const Mend& mended) {
    const auto at = archive_.info(file);
    if (!at) return;
    const std::string old = archive_.text(*at);
    std::string now = mended(old);
    if (now != old) changes_[at->layer][at->entry] = {.how = How::text, .text = std::move(now)};
  }

  static CondaFile hashed(const EntryChange& change) {
    if (change.how == How::text)
      return {.hash = sha256(as_byte_span(change.text)), .size = change.text.size()};
    const MappedFile file = MappedFile::open(change.file);
    return {.hash = sha256(file.bytes()), .size = file.bytes().size()};
  }

  // Descriptions that the old one has are replaced where they lie, others come at the end.
  std::map<std::string, std::string> added() {
    std::map<std::string, std::string> out;
    for (const auto& [path, content] : described_) {
      const auto found = archive_.view().files().find(path);
      if (found == archive_.view().files().end()) out[path] = content;
      else changes_[found->second.layer][found->second.entry] = {.how = How::text, .text = content};
    }
    return out;
  }

  std::uint64_t write_layer(std::size_t layer, std::map<std::string, std::string> more, const Put& put) {
    RepackOptions how{.threads = options().threads, .one_frame = true, .added = std::move(more)};
    if (options().on_packed)
      how.on_packed = [this](std::uint64_t bytes) { options().on_packed(packed_ += bytes); };
    std::uint64_t at = 0;
    repack_layer(*archive_.layers()[layer], changes_[layer], how, [&](std::string_view bytes) {
      put(at, bytes);
      at += bytes.size();
    });
    added_ += how.added.size();
    return at;
  }

  // metadata.json first, as the old one has it; the archives are packed beside the result.
  void write_conda(NewFile& file) {
    ZipWriter zip(file, options().threads);
    const std::map<std::string, std::string> more = added();
    for (std::size_t i = 0; i < archive_.zip().members.size(); ++i) {
      const ZipMember& member = archive_.zip().members[i];
      const std::size_t layer = layer_of(i);
      if (layer == 2 || (changes_[layer].empty() && (layer == 1 || more.empty()))) {
        take_over_zip_member(zip, member, layer);
        continue;
      }
      NewFile packed(archive_.spool() / fmt::format("conda-{}", layer));
      write_layer(layer, layer == 0 ? more : std::map<std::string, std::string>(),
                  [&](std::uint64_t at, std::string_view bytes) { packed.patch(at, bytes); });
      zip.add_stored(member, part_name(layer), MappedFile::open(packed.path()).bytes());
    }
    size_ = zip.finish();
  }

  // Of a member of the .conda; 2: it is none.
  std::size_t layer_of(std::size_t zip_member) const {
    if (zip_member == archive_.zip_member_of(0)) return 0;
    return zip_member == archive_.zip_member_of(1) ? 1 : 2;
  }

  std::string part_name(std::size_t layer) const {
    return (layer == 0 ? "info-" : "pkg-") + new_name_.stem() + ".tar.zst";
  }

  void take_over_zip_member(ZipWriter& zip, const ZipMember& member, std::size_t layer) const {
    const auto at = member.packed.empty()
                        ? 0
                        : static_cast<std::uint64_t>(member.packed.data() - archive_.bytes().data());
    zip.take_over(member, layer == 2 ? member.name : part_name(layer), source_, at);
  }

  // The new one, read like a stranger's: each entry is there, and what changed is what was meant.
  void check(const NewFile& file) const {
    const MappedFile written = MappedFile::open(file.path());
    std::string wrong;
    if (archive_.form() != ArchivePackage::Form::conda_zip) {
      wrong = check_layer(0, written.bytes());
    } else {
      const Zip zip = read_zip(written.bytes(), file.path());
      for (std::size_t layer = 0; layer < 2; ++layer) {
        const auto part = std::ranges::find(zip.members, part_name(layer), &ZipMember::name);
        if (part == zip.members.end() || part->method != 0) wrong = part_name(layer) + " is missing";
        else if (wrong.empty()) wrong = check_layer(layer, part->packed);
      }
      if (zip.members.size() != archive_.zip().members.size()) wrong = "members are missing";
    }
    written.expect_whole();
    if (wrong.empty()) return;
    source_.expect_unchanged(options().done);
    throw Error({.what = fmt::format("the {} archive did not pass its check and was deleted: {}",
                                     options().done, wrong),
                 .where = {.file = place_.string()},
                 .next = "the old one is as it was; please report this",
                 .kind = ErrorKind::fault});
  }

  struct Walk final : TarReader::Sink {
    void entry(const TarEntry& one, std::string_view) override {
      seen.push_back({one.path, one.size, {}});
      hash.emplace();
    }
    void content(ByteSpan piece) override { hash->add(piece); }
    void end_of_entry(std::string_view) override { seen.back().hash = hash->finish(); }
    void trailer(ByteSpan) override {}
    struct Seen {
      std::string path;
      std::uint64_t size = 0;
      Sha256 hash = {};
    };
    std::vector<Seen> seen;
    std::optional<Sha256Stream> hash;
  };

  std::string check_layer(std::size_t number, ByteSpan stored) const {
    const Layer& layer = *archive_.layers()[number];
    Walk walk;
    EntryReader reader(layer.form(), walk);
    unpack_layer(stored, layer.packing(), [&](ByteSpan piece) {
      reader.feed(piece);
      return true;
    });
    reader.finish();
    std::size_t next = 0, added = 0;
    const auto pass_added = [&] {
      for (; next < walk.seen.size() && number == 0 && is_added(walk.seen[next]); ++next) ++added;
    };
    for (std::size_t i = 0; i < layer.entries().size(); ++i) {
      if (is_removed({number, i})) continue;
      pass_added();
      if (next == walk.seen.size()) return "entries are missing";
      if (!is_right(layer, number, i, walk.seen[next++]))
        return printable(layer.entries()[i].path) + " is another";
    }
    pass_added();
    const bool all = next == walk.seen.size() && (number != 0 || added == added_);
    return all ? "" : "there are not as many entries as were written";
  }

  bool is_added(const Walk::Seen& seen) const {
    const auto described = described_.find(seen.path);
    return described != described_.end() && !archive_.view().files().contains(seen.path) &&
           seen.hash == sha256(as_byte_span(described->second));
  }

  bool is_right(const Layer& layer, std::size_t number, std::size_t i, const Walk::Seen& seen) const {
    const auto changed = changes_[number].find(i);
    if (changed != changes_[number].end()) {
      const CondaFile meant = hashed(changed->second);
      return seen.size == meant.size && seen.hash == meant.hash;
    }
    const auto hash = layer.hash(i);
    return seen.size == layer.entries()[i].size && (!hash || *hash == seen.hash);
  }

  const ArchivePackage& archive_;
  const SourceFile source_;
  fs::path place_;
  CondaName name_, new_name_;
  std::string tool_, gpus_, least_capability_;
  std::mutex changing_;  // the next two
  std::set<std::size_t> unpacked_;
  std::map<std::size_t, std::string> texts_;
  std::map<std::string, std::string> described_;  // by path
  std::vector<LayerChanges> changes_;             // by layer
  std::uint64_t size_ = 0, packed_ = 0;
  std::size_t added_ = 0;  // entries
};

}  // namespace

std::unique_ptr<PackageWriter> write_archive(const ArchivePackage& archive, PackageWriteOptions options) {
  return std::make_unique<ArchiveWriter>(archive, std::move(options));
}

}  // namespace lathe
