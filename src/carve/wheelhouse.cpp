// SPDX-License-Identifier: MIT
#include "carve/wheelhouse.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <fstream>
#include <mutex>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"
#include "base/parallel.h"
#include "carve/outcome.h"
#include "formats/elf.h"
#include "os/file.h"
#include "os/new_file.h"
#include "os/unfinished.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

// Libraries of one above this are spread over the cores; smaller wheels are, one on a core.
constexpr std::uint64_t large_wheel = 32 << 20;

bool is_wheel_file(const fs::directory_entry& entry) {
  std::error_code ignored;
  return entry.path().extension() == ".whl" && entry.is_regular_file(ignored);
}

bool is_elf_file(const fs::directory_entry& entry) {
  std::error_code ignored;
  if (!entry.is_regular_file(ignored)) return false;
  char start[64] = {};  // the header
  std::ifstream(entry.path(), std::ios::binary).read(start, sizeof(start));
  return Elf::looks_like(as_byte_span(std::string_view(start, sizeof(start))));
}

class WheelhouseCarver {
 public:
  WheelhouseCarver(const fs::path& folder, fs::path to, const CarvePackageOptions& options)
      : folder_(folder), to_(std::move(to)), options_(options) {
    if (!options.carve.dry_run) expect_free();
    list();
  }

  CarvedWheelhouse carve() {
    if (!options_.carve.dry_run) begin();
    carve_all();
    refuse_if_no_wheel_fits();
    if (!options_.carve.dry_run && out_.failures.empty()) write();
    for (const CarvedWheel& wheel : out_.wheels) {
      out_.old_size += wheel.old_size;
      out_.new_size += wheel.new_size;
    }
    return std::move(out_);
  }

 private:
  void expect_free() const {
    if (!fs::exists(fs::symlink_status(to_))) return;
    throw Error({.what = "this is there already",
                 .where = {.file = to_.string()},
                 .next = "name a folder that does not exist yet, or remove it"});
  }

  void list() {
    std::error_code error;
    fs::recursive_directory_iterator walk(folder_, error), end;
    for (; !error && walk != end; walk.increment(error)) {
      const std::string path = walk->path().lexically_relative(folder_).generic_string();
      if (is_wheel_file(*walk)) {
        const std::uint64_t size = walk->file_size();
        out_.wheels.push_back({.path = path, .old_size = size, .new_size = size});
      } else {
        others_.push_back(path);
        out_.other_files += walk->is_directory() && !walk->is_symlink() ? 0 : 1;
      }
    }
    if (error) throw system_error("read the folder", folder_.string(), error.value());
    std::ranges::sort(out_.wheels, {}, &CarvedWheel::path);
    std::ranges::sort(others_);  // a folder comes before what lies in it
  }

  void begin() {
    place_ = to_.lexically_normal();
    if (!place_.has_filename()) place_ = place_.parent_path();
    if (place_.has_parent_path()) create_folders(place_.parent_path());
    remove_leftovers(place_);
    new_folder_.emplace(place_, Unfinished::Kind::folder);
  }

  fs::path target() const { return options_.carve.dry_run ? fs::path(".") : fs::path(new_folder_->path()); }

  void carve_all() {
    std::vector<CarvedWheel*> small;
    for (CarvedWheel& wheel : out_.wheels) {
      if (wheel.old_size < large_wheel) small.push_back(&wheel);
      else carve_one(wheel, options_.threads);
    }
    parallel_for_all(
        small.size(), [&](std::size_t i) { carve_one(*small[i], 1); }, options_.threads);
  }

  void carve_one(CarvedWheel& wheel, unsigned threads) {
    CarvePackageOptions how = options_;
    how.threads = threads;
    how.progress = {};
    how.on_packed = {};
    try {
      wheel.carved = carve_package(folder_ / wheel.path, (target() / wheel.path).parent_path(), how);
      if (!wheel.carved.path.empty()) wheel.new_path = inside_new(wheel.carved.path);
      if (!wheel.new_path.empty()) wheel.new_size = wheel.carved.new_file_size;
    } catch (const Error&) {
      note_failure(wheel.carved, folder_ / wheel.path, std::current_exception());
    }
    const std::lock_guard lock(telling_);
    if (options_.progress) options_.progress(++done_, out_.wheels.size());
  }

  static void say_that_it_goes_over(Findings& failures) {
    for (Finding& failure : failures.items()) {
      if (failure.rule == "carve-no-code")
        failure.fix = "carve a build that was made for this GPU too; the wheel goes over as it is";
    }
  }

  std::string inside_new(const fs::path& written) const {
    return written.lexically_relative(target()).generic_string();
  }

  // As in a folder of libraries: a GPU that was mistyped makes nothing.
  void refuse_if_no_wheel_fits() {
    const auto fits = [](const CarvedWheel& wheel) {
      return wheel.carved.failures.empty() && !wheel.carved.files.empty();
    };
    const auto holds_none = [](const CarvedWheel& wheel) {
      return std::ranges::any_of(wheel.carved.failures,
                                 [](const Finding& failure) { return failure.rule == "carve-no-code"; });
    };
    const bool some_fit = std::ranges::any_of(out_.wheels, fits);
    const auto first = std::ranges::find_if(out_.wheels, holds_none);
    if (some_fit || first == out_.wheels.end()) return;
    out_.failures.add(
        {.rule = "carve-no-code",
         .severity = Severity::error,
         .where = {.file = folder_.string()},
         .what = fmt::format("no wheel here holds code for {}", to_string(options_.carve.targets)),
         .fix = "name a GPU that one of them was made for; nothing was written"});
    for (CarvedWheel& wheel : out_.wheels) wheel.new_path.clear();
  }

  void write() {
    for (const std::string& path : others_) copy_other(path);
    for (CarvedWheel& wheel : out_.wheels) {
      if (!wheel.new_path.empty()) continue;
      wheel.new_path = wheel.path;
      say_that_it_goes_over(wheel.carved.failures);
      copy_file(wheel.path);
    }
    fs::permissions(target(), fs::status(folder_).permissions());
    new_folder_->put_in_place(Unfinished::Over::nothing);
    for (CarvedWheel& wheel : out_.wheels) wheel.carved.path = place_ / wheel.new_path;
    out_.path = place_;
  }

  void copy_file(const std::string& path) const {
    create_folders((target() / path).parent_path());
    copy_whole(folder_ / path, target() / path);
  }

  void copy_other(const std::string& path) {
    const fs::path from = folder_ / path;
    const fs::file_type type = fs::symlink_status(from).type();
    if (type == fs::file_type::directory) return create_folders(target() / path);
    if (type == fs::file_type::regular) return copy_file(path);
    create_folders((target() / path).parent_path());
    if (type == fs::file_type::symlink) fs::copy_symlink(from, target() / path);
  }

  const fs::path folder_, to_;
  const CarvePackageOptions& options_;
  fs::path place_;  // of the new folder
  std::optional<Unfinished> new_folder_;
  std::vector<std::string> others_;  // files, folders and links that are no wheels
  std::mutex telling_;
  std::size_t done_ = 0;
  CarvedWheelhouse out_;
};

}  // namespace

bool CarvedWheelhouse::fault() const {
  return std::ranges::any_of(wheels, [](const CarvedWheel& wheel) { return wheel.carved.fault; });
}

bool is_wheelhouse(const fs::path& folder) {
  std::error_code error;
  const auto any = [&](auto walk, const auto& holds) {
    for (; !error && walk != decltype(walk)(); walk.increment(error)) {
      if (holds(*walk)) return true;
    }
    return false;
  };
  return any(fs::directory_iterator(folder, error), is_wheel_file) &&
         !any(fs::recursive_directory_iterator(folder, error), is_elf_file) && !error;
}

CarvedWheelhouse carve_wheelhouse(const fs::path& folder, const fs::path& to,
                                  const CarvePackageOptions& options) {
  return WheelhouseCarver(folder, to, options).carve();
}

}  // namespace lathe
