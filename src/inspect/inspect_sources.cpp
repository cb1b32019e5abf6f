// SPDX-License-Identifier: MIT
// Where the files to inspect come from: single files, and packages (package/package.h). All are put in one
// list, largest first, and worked off on all cores. Packages inside of packages are read too, to a depth and
// size that no real package goes beyond.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/finding.h"
#include "base/parallel.h"
#include "base/text.h"
#include "cpu/cpu_scan.h"
#include "formats/known_formats.h"
#include "inspect/image_report.h"
#include "inspect/image_skipper.h"
#include "inspect/inspect.h"
#include "inspect/not_read.h"
#include "os/mapped_file.h"
#include "package/image_contents.h"
#include "package/kinds.h"
#include "package/package.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

// A package that is read, and what its files are a part of, as shown.
struct Source {
  std::unique_ptr<Package> package;
  std::string within;
};

struct Task {
  fs::path file = {};  // that was named; or a member of a package:
  const Source* source = nullptr;
  std::size_t member = 0;
  std::uint64_t size = 0;
  bool looked_at = false;  // it begins like code, or like what may hold some

  std::string path() const { return source ? source->package->shown(member) : file.string(); }
  std::string within() const { return source ? source->within : ""; }
};

constexpr std::string_view iso_mark = "CD001";

struct Outcome {
  std::vector<FileInspection> files = {};
  std::vector<NotRead> not_read = {};
  std::size_t other_files = 0;
  std::uint64_t other_bytes = 0;
  Findings findings = {};
};

NotRead unreadable(const PackageMember& member, std::string path, std::string within) {
  const bool sparse = member.unreadable().ends_with("sparse file");
  return {.path = std::move(path),
          .within = std::move(within),
          .format = sparse ? "sparse file" : "zip member",
          .words = "member that " + member.unreadable(),
          .size = member.size};
}

// A container does not see it.
bool is_hidden(const Package& package, std::size_t member) {
  return package.image() && package.image()->members[member].hidden;
}

class Sources {
 public:
  Sources(Inspection& out, bool several, std::string platform)
      : out_(out), several_(several), platform_(std::move(platform)) {}

  // A path that the user named: a link is followed, and what cannot be read is an Error.
  void add_named(const fs::path& path) {
    PathLook look(path, platform_);
    look.expect_file_or_folder();
    if (!look.is_folder() && !first_time(look.file())) return;
    if (const PackageKind* kind = package_kind(look)) return add(kind->open(std::move(look)), path.string());
    tasks_.push_back({.file = path, .size = look.size()});
  }

  std::vector<Task> take() {
    std::ranges::stable_sort(tasks_, std::greater<>(), &Task::size);
    return std::move(tasks_);
  }

 private:
  bool first_time(const FileIdentity& file) { return seen_.insert(file).second; }

  // In one folder alone only a file with several names can be met again.
  bool first_time(const Package& package, std::size_t i) {
    if (!several_ && package.members()[i].file() == FileIdentity{}) return true;
    const FileIdentity file = package.identity(i);
    return file == FileIdentity{} || first_time(file);
  }

  void add(std::unique_ptr<Package> opened, std::string within) {
    const Source& source = sources_.emplace_back(Source{std::move(opened), std::move(within)});
    add_findings(source.package->findings());
    if (source.package->image()) others_ = other_names(*source.package);
    for (std::size_t i = 0; i < source.package->members().size(); ++i) {
      if (!others_.contains(i)) add_member(source, i);
    }
    others_.clear();
  }

  void add_member(const Source& source, std::size_t i) {
    const Package& package = *source.package;
    const PackageMember& member = package.members()[i];
    if (member.kind != PackageMember::Kind::file) return;
    if (!member.unreadable().empty()) {
      out_.not_read.push_back(unreadable(member, package.shown(i), source.within));
    } else if (const fs::path file = package.file_of(i); !file.empty()) {
      add_file(source, i, file);
    } else {
      if (!is_hidden(package, i)) take_record(package, i);
      tasks_.push_back({.source = &source, .member = i, .size = member.size});
    }
  }

  // One that lies in a folder: its first bytes cost little, and most are no work.
  void add_file(const Source& source, std::size_t i, const fs::path& path) {
    const Package& package = *source.package;
    const PackageMember& member = package.members()[i];
    if (!first_time(package, i)) return;
    std::optional<Look> look;
    try {
      look = look_at(package, i);
    } catch (const Error&) {
      return found("inspect-unreadable", path.string(), "the file cannot be read");
    }
    if (*look == Look::package && add_found_package(path, source.within)) return;
    if (*look == Look::other) {
      ++out_.other_files;
      out_.other_bytes += member.size;
    } else {
      tasks_.push_back({.source = &source, .member = i, .size = member.size, .looked_at = true});
    }
    take_record(package, i);
  }

  // False: it is none after all. A damaged one is a finding.
  bool add_found_package(const fs::path& path, const std::string& folder) {
    PathLook look(path);
    const PackageKind* kind = package_kind(look);
    if (!kind) return false;
    try {
      add(kind->open(std::move(look)), kind->named_by_content ? path.string() : folder);
    } catch (const Error& error) {
      found("wheel-damaged", path.string(), error.parts().what);
    }
    return true;
  }

  // What an earlier carve says of itself.
  void take_record(const Package& package, std::size_t i) {
    const PackageMember& member = package.members()[i];
    if (fs::path(member.path()).filename() != carve_record_name || member.size > largest_carve_record ||
        !package.describes_itself(member.path()))
      return;
    try {
      const std::string text = package.part(i, 0, member.size);
      if (auto record = read_carve_record(text, package.shown(i))) out_.carved.push_back(std::move(*record));
    } catch (const Error&) {
      return;  // the member's own task says that it is damaged
    }
  }

  enum class Look { package, code, other };  // code: also what may hold some and is not read

  static Look look_at(const Package& package, std::size_t i) {
    const std::string start = package.start(i);
    const ByteSpan bytes = as_byte_span(start);
    if (package_kind_inside(bytes)) return Look::package;
    const bool known =
        !code_format(bytes).empty() || known_format(bytes) != nullptr || start.starts_with("#!");
    return known || package.part(i, iso_mark_at, iso_mark.size()) == iso_mark ? Look::code : Look::other;
  }

  // Of members that are not read: they are in not_read.
  void add_findings(const Findings& findings) {
    for (const Finding& finding : findings) {
      if (finding.rule != "not-read") out_.findings.add(finding);
    }
  }

  void found(std::string rule, std::string file, std::string what) {
    out_.findings.add({.rule = std::move(rule),
                       .severity = Severity::error,
                       .where = {.file = std::move(file)},
                       .what = std::move(what),
                       .fix = ""});
  }

  Inspection& out_;
  const bool several_;  // paths are named
  const std::string platform_;
  std::map<std::size_t, std::size_t> others_;  // of an image that is added: names of files that have another
  std::vector<Task> tasks_;
  std::deque<Source> sources_;  // stay where they are: tasks point to them
  std::set<FileIdentity> seen_;
};

// The files are spread over the cores already: only the code of a large one is worth spreading once more.
unsigned threads_for(const Task& task, const InspectOptions& options, std::size_t tasks) {
  constexpr std::uint64_t large = 16 << 20;
  return tasks == 1 || task.size >= large ? options.threads : 1;
}

std::optional<CpuScanOptions> cpu_options(const Task& task, const InspectOptions& options,
                                          std::size_t tasks) {
  if (!options.cpu) return std::nullopt;
  return CpuScanOptions{.threads = threads_for(task, options, tasks)};
}

// What every file is asked for.
InspectInput input_for(const Task& task, const InspectOptions& options, std::size_t tasks) {
  const std::optional<CpuScanOptions> cpu = cpu_options(task, options, tasks);
  return {.cpu = cpu, .embedded = options.embedded, .threads = threads_for(task, options, tasks)};
}

// One task, and all that turns up inside of it.
class Worker {
 public:
  Worker(const Task& task, const InspectInput& input, Outcome& out) : task_(task), input_(input), out_(out) {}

  void run() {
    try {
      if (task_.source && !task_.looked_at)
        return member(*task_.source->package, task_.member, task_.path(), 0);
      const MemberContent content = task_.source ? task_.source->package->open(task_.member)
                                                 : MemberContent(MappedFile::open(task_.file));
      whole(content, task_.path(), task_.size);
    } catch (const Error& error) {
      unreadable_file(task_.path(), error);
    }
  }

 private:
  static constexpr int deepest = 2;                                         // package in package in package
  static constexpr std::uint64_t largest_nested = std::uint64_t{64} << 20;  // that is unpacked to be read

  void whole(const MemberContent& content, const std::string& path, std::uint64_t size) {
    InspectInput input = input_;
    input.disk = content.disk();
    input.absent = content.absent();
    if (auto file = inspect_bytes(content.bytes(), path, input)) return read(std::move(*file));
    look(content.bytes(), true, path, size);
  }

  void member(const Package& package, std::size_t i, const std::string& path, int depth) {
    const std::uint64_t size = package.members()[i].size;
    const std::string start = package.start(i);
    const ByteSpan bytes = as_byte_span(start);
    if (!code_format(bytes).empty()) {
      ImageSkipper skipper;
      return whole(package.open(i, {.leave_out = &skipper}), path, size);
    }
    if (package_kind_inside(bytes) && depth < deepest && nested(package, i, path, depth)) return;
    if (known_format(bytes) == nullptr && !start.starts_with("#!")) return other(size);
    if (const auto content = package.in_place(i)) return look(content->bytes(), true, path, size);
    const std::string more = package.part(i, 0, most_looked_at);
    look(as_byte_span(more), more.size() >= size, path, size);
  }

  // A package in a package: in place where it is stored, in memory where it is not too large.
  bool nested(const Package& outer, std::size_t i, const std::string& path, int depth) {
    const std::optional<MemberContent> content = outer.in_place(i);
    const std::uint64_t size = outer.members()[i].size;
    if (!content && size > largest_nested) return false;
    const std::string unpacked = content ? "" : outer.part(i, 0, size);
    const ByteSpan bytes = content ? content->bytes() : as_byte_span(unpacked);
    const PackageKind* kind = package_kind_inside(bytes);
    std::unique_ptr<Package> package;
    try {
      if (kind) package = kind->open_inside(bytes, path);
    } catch (const Error&) {
      return false;  // the look says what is wrong with it
    }
    if (!package) return false;
    for (std::size_t k = 0; k < package->members().size(); ++k) {
      const PackageMember& inner = package->members()[k];
      if (inner.kind != PackageMember::Kind::file) continue;
      if (!inner.unreadable().empty())
        out_.not_read.push_back(unreadable(inner, package->shown(k), task_.within()));
      else one(*package, k, depth + 1);
    }
    return true;
  }

  void one(const Package& package, std::size_t i, int depth) {
    const std::string path = package.shown(i);
    try {
      member(package, i, path, depth);
    } catch (const Error& error) {
      unreadable_file(path, error);
    }
  }

  void look(ByteSpan bytes, bool whole, const std::string& path, std::uint64_t size) {
    auto file = look_into(bytes, whole);
    if (!file) return other(size);
    file->path = path;
    file->within = task_.within();
    file->size = size;
    out_.not_read.push_back(std::move(*file));
  }

  void read(FileInspection file) { out_.files.push_back(std::move(file)); }

  void other(std::uint64_t size) {
    ++out_.other_files;
    out_.other_bytes += size;
  }

  void unreadable_file(const std::string& path, const Error& error) {
    other(task_.size);
    out_.findings.add({.rule = "inspect-unreadable",
                       .severity = Severity::error,
                       .where = {.file = path},
                       .what = error.parts().what,
                       .fix = error.parts().next});
  }

  const Task& task_;
  const InspectInput input_;
  Outcome& out_;
};

// How much of the work is done, by bytes.
class Share {
 public:
  explicit Share(const std::vector<Task>& tasks) {
    for (const Task& task : tasks) all_ += task.size;
  }
  void add(const Task& task) { done_ += task.size; }
  unsigned percent() const {
    return all_ == 0
               ? 0
               : static_cast<unsigned>(100 * static_cast<double>(done_.load()) / static_cast<double>(all_));
  }

 private:
  std::uint64_t all_ = 0;
  std::atomic<std::uint64_t> done_ = 0;
};

// Reports of the container images among the sources.
class Images {
 public:
  // False: the files are not among those that a container sees.
  bool add(const Task& task, const Outcome& outcome) {
    if (!task.source || !task.source->package->image()) return true;
    const Package& package = *task.source->package;
    auto known = std::ranges::find(reporters_, &package, &Reporter::package);
    if (known == reporters_.end()) {
      reporters_.push_back({&package, ImageReporter(package)});
      known = std::prev(reporters_.end());
    }
    known->reporter.add(task.member, outcome.files);
    return !is_hidden(package, task.member);
  }
  std::vector<ImageReport> finish() {
    std::vector<ImageReport> reports;
    for (Reporter& one : reporters_) reports.push_back(one.reporter.finish());
    return reports;
  }

 private:
  struct Reporter {
    const Package* package;
    ImageReporter reporter;
  };
  std::deque<Reporter> reporters_;
};

void take(Inspection& inspection, Outcome& outcome, const Task& task, std::set<std::string>& places) {
  if (!outcome.files.empty()) places.insert(task.within());
  std::ranges::move(outcome.files, std::back_inserter(inspection.files));
  std::ranges::move(outcome.not_read, std::back_inserter(inspection.not_read));
  inspection.findings.add(outcome.findings);
  inspection.other_files += outcome.other_files;
  inspection.other_bytes += outcome.other_bytes;
}

void judge_not_read(Inspection& inspection, const std::set<std::string>& places) {
  std::ranges::sort(inspection.not_read, {}, &NotRead::path);
  for (NotRead& file : inspection.not_read) file.severity = severity_of(file, places.contains(file.within));
  inspection.findings.add(findings_of(inspection.not_read));
}

}  // namespace

Inspection inspect(const std::vector<fs::path>& paths, const InspectOptions& options) {
  Inspection inspection;
  inspection.data_searched = options.embedded;
  Sources sources(inspection, paths.size() > 1, options.platform);
  for (const fs::path& path : paths) sources.add_named(path);
  const std::vector<Task> tasks = sources.take();
  std::vector<Outcome> outcomes(tasks.size());
  std::set<std::string> places;  // folders and wheels of which something was read
  Share share(tasks);
  parallel_for_all(
      tasks.size(),
      [&](std::size_t i) {
        if (options.on_file) options.on_file(tasks[i].path(), share.percent());
        Worker(tasks[i], input_for(tasks[i], options, tasks.size()), outcomes[i]).run();
        share.add(tasks[i]);
      },
      options.threads);
  Images images;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (images.add(tasks[i], outcomes[i])) take(inspection, outcomes[i], tasks[i], places);
  }
  inspection.images = images.finish();
  judge_not_read(inspection, places);
  std::ranges::sort(inspection.files, {}, &FileInspection::path);
  if (const auto shapes = inspection.shapes(); !shapes.empty()) {
    for (const Target device : devices_for(shapes))
      inspection.coverage.push_back(inspection.coverage_on(device));
  }
  return inspection;
}

}  // namespace lathe
