// SPDX-License-Identifier: MIT
// Where the files to inspect come from: single files, folders, wheels and other zip archives. All are put in
// one list, largest first, and worked off on all cores. Zip archives inside of zip archives are read too, to
// a depth and size that no real package goes beyond.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <fstream>
#include <set>

#include <sys/stat.h>

#include "base/error.h"
#include "base/parallel.h"
#include "base/text.h"
#include "formats/archive.h"
#include "inspect/inspect.h"
#include "formats/inflate.h"
#include "formats/known_formats.h"
#include "inspect/wheel_member.h"
#include "formats/zip.h"
#include "os/mapped_file.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

struct Wheel {
  MappedFile map;
  Zip zip;
};

struct Task {
  std::string path;  // as shown
  // the folder or wheel that it is a part of; "" for a file that was named
  std::string within = {};
  fs::path file = {};                 // of a file on disk
  const ZipMember* member = nullptr;  // of a wheel's member
  std::uint64_t size = 0;
};

struct Outcome {
  std::vector<FileInspection> files = {};
  std::vector<NotRead> not_read = {};
  std::size_t other_files = 0;
  std::uint64_t other_bytes = 0;
  Findings findings = {};
};

NotRead unreadable(const ZipMember& member, std::string path, std::string within) {
  return {.path = std::move(path),
          .within = std::move(within),
          .format = "zip member",
          .words = "member that " + member.why_unreadable(),
          .size = member.size};
}

class Sources {
 public:
  explicit Sources(Inspection& out) : out_(out) {}

  // A path that the user named: a link is followed, and what cannot be read is an Error.
  void add_named(const fs::path& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) throw system_error("open", path.string(), errno);
    if (S_ISDIR(status.st_mode)) return add_folder(path);
    if (!S_ISREG(status.st_mode)) {
      throw Error({.what = "neither a file nor a folder", .where = {.file = path.string()}});
    }
    if (!first_time(status)) return;
    if (!add_zip(path, path.string(), true))
      tasks_.push_back({.path = path.string(), .file = path, .size = size_of(status)});
  }

  std::vector<Task> take() {
    std::ranges::stable_sort(tasks_, std::greater<>(), &Task::size);
    return std::move(tasks_);
  }

 private:
  static std::uint64_t size_of(const struct stat& status) {
    return static_cast<std::uint64_t>(status.st_size);
  }

  bool first_time(const struct stat& status) { return seen_.insert({status.st_dev, status.st_ino}).second; }

  void add_folder(const fs::path& folder) {
    std::error_code error;
    fs::recursive_directory_iterator walk(folder, error), end;
    if (error) throw system_error("read the folder", folder.string(), error.value());
    for (; walk != end; walk.increment(error)) {
      if (error) break;
      add_found(walk->path(), folder.string());
    }
    if (error)
      found("inspect-unreadable", folder.string(),
            "the folder cannot be read to its end: " + error.message());
  }

  void add_found(const fs::path& path, const std::string& folder) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0)
      return found("inspect-unreadable", path.string(), "the file cannot be read");
    if (!S_ISREG(status.st_mode) || !first_time(status)) return;
    const std::optional<Look> look = look_at(path);
    if (!look) return found("inspect-unreadable", path.string(), "the file cannot be read");
    const std::string within = path.extension() == ".whl" ? path.string() : folder;
    if (*look == Look::zip && add_zip(path, within, false)) return;
    if (*look == Look::other) {
      ++out_.other_files;
      out_.other_bytes += size_of(status);
    } else {
      tasks_.push_back({.path = path.string(), .within = within, .file = path, .size = size_of(status)});
    }
    if (path.filename() == carve_record_name && size_of(status) <= largest_carve_record) {
      take_record(MappedFile::open(path).bytes(), path.string());
    }
  }

  void take_record(ByteSpan text, const std::string& path) {
    if (auto record = read_carve_record(as_text(text), path)) out_.carved.push_back(std::move(*record));
  }

  // Of a wheel: in its .dist-info folder.
  void take_record_of(const ZipMember& member, const std::string& wheel) {
    if (!member.name.ends_with(".dist-info/" + std::string(carve_record_name)) ||
        member.size > largest_carve_record)
      return;
    std::string text;
    try {
      if (member.method == 0) text = as_text(member.packed);
      else
        inflate(member.packed, member.size, [&](ByteSpan part) {
          text += as_text(part);
          return true;
        });
    } catch (const Error&) {
      return;  // the member's own task says that it is damaged
    }
    take_record(as_byte_span(text), wheel + "/" + printable(member.name));
  }

  enum class Look { zip, code, other };  // code: also what may hold some and is not read

  static std::optional<Look> look_at(const fs::path& path) {
    std::array<char, look_size> start{};
    std::ifstream file(path, std::ios::binary);
    if (!file) return std::nullopt;
    file.read(start.data(), start.size());
    const ByteSpan bytes = as_byte_span({start.data(), static_cast<std::size_t>(file.gcount())});
    if (looks_like_zip(bytes)) return Look::zip;
    const bool known =
        !code_format(bytes).empty() || known_format(bytes) != nullptr || as_text(bytes).starts_with("#!");
    return known || is_iso(file) ? Look::code : Look::other;
  }

  static bool is_iso(std::ifstream& file) {
    std::array<char, 5> mark{};
    if (!file || !file.seekg(iso_mark_at) || !file.read(mark.data(), mark.size())) return false;
    return std::string_view(mark.data(), mark.size()) == "CD001";
  }

  // False: it is no zip file. A damaged one, found in a folder, is a finding.
  bool add_zip(const fs::path& path, const std::string& within, bool named) {
    MappedFile map = MappedFile::open(path);
    if (!looks_like_zip(map.bytes())) return false;
    Zip zip;
    try {
      zip = read_zip(map.bytes(), path.string());
    } catch (const Error& error) {
      if (named) throw;
      found("wheel-damaged", path.string(), error.parts().what);
      return true;
    }
    add_findings(zip.findings);
    wheels_.push_back({.map = std::move(map), .zip = std::move(zip)});
    const Wheel& wheel = wheels_.back();
    for (const ZipMember& member : wheel.zip.members) {
      const std::string name = path.string() + "/" + printable(member.name);
      if (member.readable) {
        take_record_of(member, path.string());
        tasks_.push_back({.path = name, .within = within, .member = &member, .size = member.size});
      } else if (!member.folder) {
        out_.not_read.push_back(unreadable(member, name, within));
      }
    }
    return true;
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
  std::vector<Task> tasks_;
  std::deque<Wheel> wheels_;  // stay where they are: tasks point to their members
  std::set<std::pair<dev_t, ino_t>> seen_;
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
      if (task_.member) return member(*task_.member, task_.path, 0);
      const MappedFile map = MappedFile::open(task_.file);
      InspectInput input = input_;
      input.disk = &map;
      if (auto file = inspect_bytes(map.bytes(), task_.path, input)) return read(std::move(*file));
      look(map.bytes(), true, task_.path, task_.size);
    } catch (const Error& error) {
      unreadable_file(task_.path, error);
    }
  }

 private:
  static constexpr int deepest = 2;                                         // zip in zip in zip
  static constexpr std::uint64_t largest_nested = std::uint64_t{64} << 20;  // that is unpacked to be read

  void member(const ZipMember& zip_member, const std::string& path, int depth) {
    const std::string start = start_of(zip_member);
    const ByteSpan bytes = as_byte_span(start);
    if (!code_format(bytes).empty()) {
      const auto opened = WheelMember::open(zip_member);
      InspectInput input = input_;
      input.absent = opened->absent();
      if (auto file = inspect_bytes(opened->bytes(), path, input)) return read(std::move(*file));
      return look(opened->bytes(), true, path, zip_member.size);
    }
    if (looks_like_zip(bytes) && depth < deepest && nested(zip_member, path, depth)) return;
    if (known_format(bytes) == nullptr && !start.starts_with("#!")) return other(zip_member.size);
    if (zip_member.method == 0) return look(zip_member.packed, true, path, zip_member.size);
    const std::string more = start_of(zip_member, most_looked_at);
    look(as_byte_span(more), more.size() >= zip_member.size, path, zip_member.size);
  }

  // A zip archive in a zip archive: in place where it is stored, in memory where it is not too large.
  bool nested(const ZipMember& zip_member, const std::string& path, int depth) {
    std::string unpacked;
    if (zip_member.method != 0) {
      if (zip_member.size > largest_nested) return false;
      unpacked = start_of(zip_member, zip_member.size);
    }
    Zip zip;
    try {
      zip = read_zip(zip_member.method == 0 ? zip_member.packed : as_byte_span(unpacked), path);
    } catch (const Error&) {
      return false;  // the look says what is wrong with it
    }
    for (const ZipMember& inner : zip.members) {
      const std::string name = path + "/" + printable(inner.name);
      if (inner.folder) continue;
      if (!inner.readable) out_.not_read.push_back(unreadable(inner, name, task_.within));
      else one(inner, name, depth + 1);
    }
    return true;
  }

  void one(const ZipMember& zip_member, const std::string& path, int depth) {
    try {
      member(zip_member, path, depth);
    } catch (const Error& error) {
      unreadable_file(path, error);
    }
  }

  void look(ByteSpan bytes, bool whole, const std::string& path, std::uint64_t size) {
    auto file = look_into(bytes, whole);
    if (!file) return other(size);
    file->path = path;
    file->within = task_.within;
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

void take(Inspection& inspection, Outcome& outcome, const Task& task, std::set<std::string>& places) {
  if (!outcome.files.empty()) places.insert(task.within);
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
  Sources sources(inspection);
  for (const fs::path& path : paths) sources.add_named(path);
  const std::vector<Task> tasks = sources.take();
  std::vector<Outcome> outcomes(tasks.size());
  std::set<std::string> places;  // folders and wheels of which something was read
  Share share(tasks);
  parallel_for_all(
      tasks.size(),
      [&](std::size_t i) {
        if (options.on_file) options.on_file(tasks[i].path, share.percent());
        Worker(tasks[i], input_for(tasks[i], options, tasks.size()), outcomes[i]).run();
        share.add(tasks[i]);
      },
      options.threads);
  for (std::size_t i = 0; i < tasks.size(); ++i) take(inspection, outcomes[i], tasks[i], places);
  judge_not_read(inspection, places);
  std::ranges::sort(inspection.files, {}, &FileInspection::path);
  if (!inspection.shapes().empty()) {
    for (const CapabilityRow& row : catalog().capabilities)
      inspection.coverage.push_back(inspection.coverage_on(row.capability));
  }
  return inspection;
}

}  // namespace lathe
