// SPDX-License-Identifier: MIT
// Where the files to inspect come from: single files, folders, wheels. All are put in one list, largest first, and worked
// off on all cores.
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
#include "binary/archive.h"
#include "binary/inspect.h"
#include "binary/inflate.h"
#include "binary/wheel_member.h"
#include "binary/zip.h"
#include "os/mapped_file.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

struct Wheel {
  MappedFile map;
  Zip zip;
};

struct Task {
  std::string path;                   // as shown
  fs::path file = {};                 // of a file on disk
  const ZipMember* member = nullptr;  // of a wheel's member
  std::uint64_t size = 0;
};

struct Outcome {
  std::optional<FileInspection> file;
  Findings findings;
};

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
    if (!add_wheel(path, true)) tasks_.push_back({.path = path.string(), .file = path, .size = size_of(status)});
  }

  std::vector<Task> take() {
    std::ranges::stable_sort(tasks_, std::greater<>(), &Task::size);
    return std::move(tasks_);
  }

 private:
  static std::uint64_t size_of(const struct stat& status) { return static_cast<std::uint64_t>(status.st_size); }

  bool first_time(const struct stat& status) { return seen_.insert({status.st_dev, status.st_ino}).second; }

  void add_folder(const fs::path& folder) {
    std::error_code error;
    fs::recursive_directory_iterator walk(folder, error), end;
    if (error) throw system_error("read the folder", folder.string(), error.value());
    for (; walk != end; walk.increment(error)) {
      if (error) break;
      add_found(walk->path());
    }
    if (error) found("inspect-unreadable", folder.string(), "the folder cannot be read to its end: " + error.message());
  }

  void add_found(const fs::path& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) return found("inspect-unreadable", path.string(), "the file cannot be read");
    if (!S_ISREG(status.st_mode) || !first_time(status)) return;
    if (path.extension() == ".whl" && add_wheel(path, false)) return;
    const std::optional<bool> code = may_hold_code(path);
    if (!code) return found("inspect-unreadable", path.string(), "the file cannot be read");
    if (*code) {
      tasks_.push_back({.path = path.string(), .file = path, .size = size_of(status)});
    } else {
      ++out_.other_files;
      out_.other_bytes += size_of(status);
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
    if (!member.name.ends_with(".dist-info/" + std::string(carve_record_name)) || member.size > largest_carve_record) return;
    std::string text;
    try {
      if (member.method == 0) text = as_text(member.packed);
      else inflate(member.packed, member.size, [&](ByteSpan part) { text += as_text(part); return true; });
    } catch (const Error&) {
      return;  // the member's own task says that it is damaged
    }
    take_record(as_byte_span(text), wheel + "/" + printable(member.name));
  }

  static std::optional<bool> may_hold_code(const fs::path& path) {
    std::array<char, 64> start{};
    std::ifstream file(path, std::ios::binary);
    if (!file) return std::nullopt;
    file.read(start.data(), start.size());
    const ByteSpan bytes = as_byte_span({start.data(), static_cast<std::size_t>(file.gcount())});
    return Elf::looks_like(bytes) || looks_like_archive(bytes) || looks_like_fatbin(bytes);
  }

  // False: it is no zip file. A damaged one, found in a folder, is a finding.
  bool add_wheel(const fs::path& path, bool named) {
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
    out_.findings.add(zip.findings);
    wheels_.push_back({.map = std::move(map), .zip = std::move(zip)});
    const Wheel& wheel = wheels_.back();
    for (const ZipMember& member : wheel.zip.members) {
      if (!member.readable) continue;
      take_record_of(member, path.string());
      tasks_.push_back({.path = path.string() + "/" + printable(member.name), .member = &member, .size = member.size});
    }
    return true;
  }

  void found(std::string rule, std::string file, std::string what) {
    out_.findings.add({.rule = std::move(rule), .severity = Severity::warning, .where = {.file = std::move(file)},
                       .what = std::move(what), .fix = ""});
  }

  Inspection& out_;
  std::vector<Task> tasks_;
  std::deque<Wheel> wheels_;  // stay where they are: tasks point to their members
  std::set<std::pair<dev_t, ino_t>> seen_;
};

// The files are spread over the cores already: only the code of a large one is worth spreading once more.
std::optional<CpuScanOptions> cpu_options(const Task& task, const InspectOptions& options, std::size_t tasks) {
  constexpr std::uint64_t large = 16 << 20;
  if (!options.cpu) return std::nullopt;
  return CpuScanOptions{.threads = tasks == 1 || task.size >= large ? options.threads : 1};
}

std::optional<FileInspection> inspect_task(const Task& task, const std::optional<CpuScanOptions>& cpu) {
  if (task.member == nullptr) {
    const MappedFile map = MappedFile::open(task.file);
    return inspect_bytes(map.bytes(), task.path, {.disk = &map, .cpu = cpu});
  }
  const auto member = WheelMember::open(*task.member);
  if (!member) return std::nullopt;
  return inspect_bytes(member->bytes(), task.path, {.absent = member->absent(), .cpu = cpu});
}

void run_task(const Task& task, const std::optional<CpuScanOptions>& cpu, Outcome& outcome) {
  try {
    outcome.file = inspect_task(task, cpu);
  } catch (const Error& error) {
    outcome.findings.add({.rule = "inspect-unreadable", .severity = Severity::warning, .where = {.file = task.path},
                          .what = error.parts().what, .fix = error.parts().next});
  }
}

// How much of the work is done, by bytes.
class Share {
 public:
  explicit Share(const std::vector<Task>& tasks) {
    for (const Task& task : tasks) all_ += task.size;
  }
  void add(const Task& task) { done_ += task.size; }
  unsigned percent() const {
    return all_ == 0 ? 0 : static_cast<unsigned>(100 * static_cast<double>(done_.load()) / static_cast<double>(all_));
  }

 private:
  std::uint64_t all_ = 0;
  std::atomic<std::uint64_t> done_ = 0;
};

}  // namespace

Inspection inspect(const std::vector<fs::path>& paths, const InspectOptions& options) {
  Inspection inspection;
  Sources sources(inspection);
  for (const fs::path& path : paths) sources.add_named(path);
  const std::vector<Task> tasks = sources.take();
  std::vector<Outcome> outcomes(tasks.size());
  Share share(tasks);
  parallel_for_all(tasks.size(), [&](std::size_t i) {
    if (options.on_file) options.on_file(tasks[i].path, share.percent());
    run_task(tasks[i], cpu_options(tasks[i], options, tasks.size()), outcomes[i]);
    share.add(tasks[i]);
  }, options.threads);
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    inspection.findings.add(outcomes[i].findings);
    if (outcomes[i].file) {
      inspection.files.push_back(std::move(*outcomes[i].file));
    } else {
      ++inspection.other_files;
      inspection.other_bytes += tasks[i].size;
    }
  }
  std::ranges::sort(inspection.files, {}, &FileInspection::path);
  const std::vector<ContainerShape> shapes = inspection.shapes();
  if (!shapes.empty()) inspection.coverage = cover_all(shapes);
  return inspection;
}

}  // namespace lathe
