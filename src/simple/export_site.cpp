// SPDX-License-Identifier: MIT
#include "simple/export_site.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"
#include "os/descriptor.h"
#include "os/file.h"
#include "os/new_file.h"
#include "simple/carved_wheels.h"
#include "simple/package_index.h"
#include "simple/project_page.h"
#include "simple/source_wheel.h"
#include "simple/wheel_folder.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view site_format = "torchlathe-wheel-site";
constexpr std::string_view manifest_file = "manifest.json";
constexpr std::string_view sums_file = "SHA256SUMS";

// One export at a time: the lock is on the folder itself, and leaves no file.
class SiteLock {
 public:
  explicit SiteLock(const fs::path& site)
      : folder_(::open(site.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    if (!folder_) throw system_error("open", site.string(), errno);
    if (::flock(folder_.get(), LOCK_EX | LOCK_NB) == 0) return;
    throw Error({.what = "another export is writing this site",
                 .where = {.file = site.string()},
                 .next = "wait for it to end",
                 .kind = ErrorKind::fault});
  }

 private:
  Descriptor folder_;
};

struct SiteFile {
  std::string sha256;
  std::uint64_t size = 0;
};

// What the earlier manifest lists; its paths are the only ones that an export removes.
std::set<std::string> listed_before(const fs::path& site) {
  std::set<std::string> paths;
  const fs::path manifest = site / manifest_file;
  if (!fs::exists(manifest)) return paths;
  const Json json = parse_json(read_file(manifest), manifest.string());
  const Json* files = json.find("files");
  if (json.text_of("format") != site_format || files == nullptr || files->array() == nullptr) {
    throw Error({.what = "this manifest is not that of a site of wheels",
                 .where = {.file = manifest.string()},
                 .next = "name a folder that is empty, or that an earlier export made"});
  }
  for (const Json& file : *files->array()) {
    const std::string path = file.text_of("path");
    const bool inside = !path.empty() && !path.starts_with('/') && path.find("..") == std::string::npos;
    if (inside) paths.insert(path);
  }
  return paths;
}

class Exporter {
 public:
  explicit Exporter(const ExportOptions& options)
      : options_(options),
        site_(options.site),
        lock_(made(options.site)),
        before_(listed_before(site_)),
        kept_(checked(site_, before_)),
        folder_(options.wheels, kept_),
        index_(folder_, kept_, options.targets) {}

  Exported run() {
    wheels_ = folder_.wheels([&](std::size_t done, std::size_t all) { tell("reading", done, all); });
    out_.left_out = wheels_->left_out;
    out_.projects = wheels_->projects.size();
    carve_all();
    add_variants();
    for (const Root& root : index_.roots()) write_root(root);
    write_lists();
    remove_old();
    for (const char* part : {"sums", "work", "locks"}) fs::remove_all(site_ / part);
    for (const auto& [path, file] : files_) out_.size += file.size;
    out_.files = files_.size();
    return std::move(out_);
  }

 private:
  static const fs::path& made(const fs::path& site) {
    create_folders(site);
    return site;
  }
  // A folder of something else is not written into. What a killed first export left is one of its own.
  static const fs::path& checked(const fs::path& site, const std::set<std::string>& before) {
    if (!before.empty() || fs::is_empty(site) || fs::is_directory(site / "records")) return site;
    throw Error({.what = "this folder holds something that no export made",
                 .where = {.file = site.string()},
                 .next = "name a folder that is empty, or that does not exist yet"});
  }

  void tell(std::string_view what, std::size_t done, std::size_t all) const {
    if (options_.progress) options_.progress(what, done, all);
  }

  void carve_all() {
    const auto orders = index_.orders(*wheels_);
    std::size_t done = 0;
    for (const auto& [wheel, how] : orders) {
      tell("carving", ++done, orders.size());
      const WheelRecord record = kept_.carve(*wheel, how);
      add_record(*wheel, how, record);
      if (how.naming != Naming::same) continue;
      out_.wheels.push_back({.project = wheel->project,
                             .file = wheel->file_name(),
                             .target = how.target,
                             .carved = record.carved(),
                             .because = record.because,
                             .old_size = wheel->size,
                             .new_size = record.carved() ? record.size : wheel->size});
    }
  }

  void add_record(const SourceWheel& wheel, const CarveOrder& how, const WheelRecord& record) {
    const std::string order = kept_.order_name(wheel, how);
    if (fs::exists(site_ / "records" / (order + ".json"))) add_file("records/" + order + ".json");
    if (!record.carved()) return;
    files_.insert_or_assign(fmt::format("files/{}/{}", record.sha256, record.name),
                            SiteFile{record.sha256, record.size});
    add_metadata(record.sha256, record.name, kept_.file(record));
  }

  void add_metadata(const std::string& sha256, const std::string& name, const fs::path& wheel) {
    write(fmt::format("files/{}/{}.metadata", sha256, name), dist_info_text(wheel, "METADATA"));
  }

  void add_file(const std::string& path) {
    files_.insert_or_assign(path, SiteFile{sha256_of_file(site_ / path), fs::file_size(site_ / path)});
  }

  void add_variants() {
    for (const auto& [project, list] : wheels_->projects) {
      std::set<std::string> versions;
      for (const SourceWheel& wheel : list) versions.insert(wheel.name.version);
      for (const std::string& version : versions) {
        const std::string text = index_.variants_json(*wheels_, project, version);
        if (text.empty()) continue;
        const std::string name = fmt::format("{}-{}-variants.json", list[0].name.distribution, version);
        const std::string sum = to_hex(sha256(as_byte_span(text)));
        write(fmt::format("files/{}/{}", sum, name), text);
        variants_[name] = SiteFile{sum, text.size()};
      }
    }
  }

  // A wheel of the folder that goes as it is.
  void copy_original(const SourceWheel& wheel) {
    const std::string path = fmt::format("files/{}/{}", wheel.sha256, wheel.file_name());
    const fs::path place = site_ / path;
    std::error_code ignored;
    if (!files_.emplace(path, SiteFile{wheel.sha256, wheel.size}).second) return;
    if (wheel.archive.empty()) add_metadata(wheel.sha256, wheel.file_name(), wheel.path);
    if (fs::exists(place, ignored) && fs::file_size(place, ignored) == wheel.size) return;
    create_folders(place.parent_path());
    fs::remove(place, ignored);
    copy_whole(wheel.path, place);
    ++out_.written;
    if (stamp_of(wheel.path) == wheel.stamp) return;
    fs::remove(place, ignored);
    throw Error({.what = "the wheel changed while it was read",
                 .where = {.file = wheel.path.string()},
                 .next = "export again",
                 .kind = ErrorKind::fault});
  }

  // Only where it is not there yet, so that nothing else changes.
  void write(const std::string& path, const std::string& text) {
    const std::string sum = to_hex(sha256(as_byte_span(text)));
    files_.insert_or_assign(path, SiteFile{sum, text.size()});
    const fs::path place = site_ / path;
    if (fs::exists(place) && fs::file_size(place) == text.size() && sha256_of_file(place) == sum) return;
    create_folders(place.parent_path());
    write_file_atomically(place, text);
    ++out_.written;
  }

  void write_root(const Root& root) {
    const std::string folder = root.path + "simple/";
    out_.roots.push_back(folder);
    std::vector<std::string> names;
    for (const auto& [project, list] : wheels_->projects) {
      ProjectPage page = *index_.page(root, project);
      for (PageFile& file : page.files) complete(root, file);
      for (const SourceWheel& wheel : list) {
        if (std::ranges::find(page.files, wheel.sha256, &PageFile::sha256) != page.files.end())
          copy_original(wheel);
      }
      write(folder + project + "/index.html", page_html(page));
      write(folder + project + "/index.json", page_json(page));
      names.push_back(project);
    }
    write(folder + "index.html", projects_html(names));
    write(folder + "index.json", projects_json(names));
  }

  // What a server makes when it is asked for is a file here.
  void complete(const Root& root, PageFile& file) {
    if (!file.sha256.empty()) return;
    const auto variants = variants_.find(file.name);
    if (variants == variants_.end())
      throw Error({.what = "a page names a file that is not there",
                   .where = {.file = file.name},
                   .kind = ErrorKind::fault});
    file = known_file(root, file.name, variants->second.sha256, variants->second.size);
  }

  // Last: who reads the manifest finds all that it lists.
  void write_lists() {
    std::string sums;
    for (const auto& [path, file] : files_) sums += fmt::format("{}  {}\n", file.sha256, path);
    JsonWriter json;
    json.begin_object()
        .member("format", site_format)
        .member("version", 1)
        .member("torchlathe", LATHE_VERSION);
    json.key("roots").begin_array();
    for (const std::string& root : out_.roots) json.value(root);
    json.end_array().key("files").begin_array();
    for (const auto& [path, file] : files_) {
      json.begin_object()
          .member("path", path)
          .member("sha256", file.sha256)
          .member("size", file.size)
          .end_object();
    }
    json.end_array().end_object();
    write(std::string(sums_file), sums);
    write(std::string(manifest_file), json.take());
  }

  void remove_old() {
    for (const std::string& path : before_) {
      std::error_code ignored;
      if (files_.contains(path) || !fs::remove(site_ / path, ignored)) continue;
      ++out_.removed;
      for (fs::path folder = fs::path(path).parent_path(); !folder.empty(); folder = folder.parent_path()) {
        if (!fs::is_empty(site_ / folder, ignored) || !fs::remove(site_ / folder, ignored)) break;
      }
    }
  }

  const ExportOptions& options_;
  fs::path site_;
  SiteLock lock_;
  std::set<std::string> before_;
  CarvedWheels kept_;
  WheelFolder folder_;
  FolderIndex index_;
  std::shared_ptr<const FolderWheels> wheels_;
  std::map<std::string, SiteFile> files_, variants_;
  Exported out_;
};

}  // namespace

Exported export_site(const ExportOptions& options) { return Exporter(options).run(); }

}  // namespace lathe
