// SPDX-License-Identifier: MIT
#include "simple/carved_wheels.h"

#include <fmt/format.h>

#include <string_view>
#include <system_error>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"
#include "base/finding.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "carve/carve_package.h"
#include "os/file.h"
#include "simple/cache_size.h"
#include "simple/order_lock.h"
#include "simple/project_page.h"
#include "simple/renamed_wheel.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view record_format = "torchlathe-carved-wheel";
constexpr std::string_view look = "look";   // in the place of a naming: what would be done
constexpr std::size_t most_metadata = 100;  // texts of some kilobytes
constexpr std::uint64_t largest_record = 1 << 20;

CarvePackageOptions options_for(const CarveTarget& target) {
  CarvePackageOptions how;
  how.carve.targets = {target};
  how.carve.copy_unchanged = false;
  how.keep_name = true;
  how.to_be_kept = true;
  return how;
}

WheelRecord passed(std::string because) {
  return {.outcome = WheelRecord::Outcome::passed, .because = std::move(because)};
}

// Why a wheel goes through as it is; nullopt: it was carved. What the machine is at fault for is an Error.
std::optional<std::string> why_not_carved(const CarvedPackage& carved) {
  if (!carved.failures.empty()) {
    const Finding& first = carved.failures[0];
    if (carved.fault) throw Error({.what = first.what, .where = first.where, .kind = ErrorKind::fault});
    return first.what;
  }
  return carved.unchanged.empty() ? std::nullopt : std::optional(carved.unchanged);
}

// A wheel that is damaged is its user's to judge.
template <typename Work>
std::optional<std::string> unless_damaged(const Work& work) {
  try {
    return work();
  } catch (const Error& error) {
    if (error.parts().kind == ErrorKind::fault) throw;
    return error.parts().what;
  }
}

void expect_same(const SourceWheel& wheel) {
  if (stamp_of(wheel.path) == wheel.stamp) return;
  throw Error({.what = "the wheel changed while it was read",
               .where = {.file = wheel.path.string()},
               .next = "ask again",
               .kind = ErrorKind::fault});
}

// A folder for what is being made, empty now: of a killed program's work nothing is of use.
class WorkFolder {
 public:
  explicit WorkFolder(fs::path path) : path_(std::move(path)) {
    clear();
    create_folders(path_);
  }
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;
  ~WorkFolder() { clear(); }
  const fs::path& path() const { return path_; }

 private:
  void clear() const {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  fs::path path_;
};

// nullopt: damaged, or of another version; the order is done again.
std::optional<WheelRecord> read_record(const std::string& text) {
  try {
    const Json json = parse_json(text, "record");
    const auto* version = json.find("version") ? json.find("version")->get<std::int64_t>() : nullptr;
    const auto* size = json.find("size") ? json.find("size")->get<std::int64_t>() : nullptr;
    if (json.text_of("format") != record_format || !version || *version != 1 || !size || *size < 0)
      return std::nullopt;
    WheelRecord record{.because = json.text_of("because"),
                       .name = json.text_of("name"),
                       .sha256 = json.text_of("sha256"),
                       .metadata_sha256 = json.text_of("metadata_sha256"),
                       .size = static_cast<std::uint64_t>(*size)};
    if (json.text_of("outcome") == "carved") record.outcome = WheelRecord::Outcome::carved;
    const bool named = is_distribution_file(record.name) && is_sha256(record.sha256);
    if (!record.name.empty() && !named) return std::nullopt;
    return record;
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace

CarvedWheels::CarvedWheels(fs::path folder, std::uint64_t most) : folder_(std::move(folder)), most_(most) {
  for (const char* part : {"files", "records", "sums", "work", "locks"}) create_folders(folder_ / part);
  limit();
}

void CarvedWheels::limit() const {
  if (most_ != 0) make_room(folder_, most_);
}

std::string CarvedWheels::text_of(const SourceWheel& wheel, const CarveTarget& target,
                                  std::string_view naming) const {
  const std::string text = fmt::format("torchlathe {}\n{}\n{}\n{}\n{}\n", LATHE_VERSION, wheel.file_name(),
                                       wheel.sha256, gpu_name(target), naming);
  return to_hex(sha256(as_byte_span(text)));
}

std::optional<WheelRecord> CarvedWheels::record_of(const std::string& order) {
  {
    const std::lock_guard lock(lock_);
    if (const auto found = records_.find(order); found != records_.end()) return found->second;
  }
  const fs::path path = folder_ / "records" / (order + ".json");
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return std::nullopt;
  const auto record = read_record(read_file(path, largest_record));
  if (!record) return std::nullopt;
  const std::lock_guard lock(lock_);
  return records_.emplace(order, *record).first->second;
}

void CarvedWheels::remember(const std::string& order, const SourceWheel& wheel, const CarveTarget& target,
                            std::string_view naming, const WheelRecord& record) {
  JsonWriter json;
  json.begin_object().member("format", record_format).member("version", 1);
  json.member("torchlathe", LATHE_VERSION).member("wheel", wheel.file_name());
  json.member("original_sha256", wheel.sha256).member("gpu", to_string(target)).member("naming", naming);
  json.member("outcome", record.carved() ? "carved" : "passed").member("because", record.because);
  json.member("name", record.name).member("sha256", record.sha256);
  json.member("metadata_sha256", record.metadata_sha256).member("size", record.size).end_object();
  write_file_atomically(folder_ / "records" / (order + ".json"), json.take(), Durability::synced);
  const std::lock_guard lock(lock_);
  records_[order] = record;
}

std::optional<WheelRecord> CarvedWheels::known(const SourceWheel& wheel, const CarveOrder& order) {
  if (auto record = record_of(text_of(wheel, order.target, to_string(order.naming)))) return record;
  // What would not be carved is known for all names.
  for (const std::string_view naming : {to_string(Naming::same), look}) {
    const auto record = record_of(text_of(wheel, order.target, naming));
    if (record && !record->carved()) return record;
  }
  return std::nullopt;
}

bool CarvedWheels::would_carve(const SourceWheel& wheel, const CarveTarget& target) {
  if (const auto record = record_of(text_of(wheel, target, to_string(Naming::same)))) return record->carved();
  const std::string order = text_of(wheel, target, look);
  if (const auto record = record_of(order)) return record->carved();
  const OrderLock lock(folder_ / "locks" / order);
  if (const auto record = record_of(order)) return record->carved();
  const std::lock_guard carving(carving_);
  CarvePackageOptions how = options_for(target);
  how.carve.dry_run = true;
  const auto because =
      unless_damaged([&] { return why_not_carved(carve_package(wheel.path, folder_ / "work", how)); });
  expect_same(wheel);
  WheelRecord record = passed(because.value_or(""));
  if (!because) record.outcome = WheelRecord::Outcome::carved;
  remember(order, wheel, target, look, record);
  return record.carved();
}

WheelRecord CarvedWheels::carve(const SourceWheel& wheel, const CarveOrder& how) {
  const std::string order = text_of(wheel, how.target, to_string(how.naming));
  const auto done = [&]() -> std::optional<WheelRecord> {
    auto record = known(wheel, how);
    std::error_code ignored;
    if (record && record->carved()) {
      if (!fs::exists(file(*record), ignored)) return std::nullopt;
      note_use(file(*record));
    }
    return record;
  };
  if (auto record = done()) return *record;
  const OrderLock lock(folder_ / "locks" / order);
  if (auto record = done()) return *record;
  return how.naming == Naming::same ? carve_now(order, wheel, how.target) : rename_now(order, wheel, how);
}

WheelRecord CarvedWheels::carve_now(const std::string& order, const SourceWheel& wheel,
                                    const CarveTarget& target) {
  const std::lock_guard carving(carving_);
  WheelRecord record;
  {
    const WorkFolder work(folder_ / "work" / order);
    CarvedPackage carved;
    const auto because = unless_damaged([&] {
      carved = carve_package(wheel.path, work.path(), options_for(target));
      return why_not_carved(carved);
    });
    expect_same(wheel);
    record = because ? passed(*because) : keep(carved.path, carved.sha256);
  }  // its folder goes before the record is there: nobody comes here again after that
  remember(order, wheel, target, to_string(Naming::same), record);
  return record;
}

WheelRecord CarvedWheels::rename_now(const std::string& order, const SourceWheel& wheel,
                                     const CarveOrder& how) {
  const WheelRecord same = carve(wheel, {.target = how.target});
  if (!same.carved()) return same;
  WheelRecord record;
  {
    const WorkFolder work(folder_ / "work" / order);
    const WrittenPackage renamed = write_renamed(file(same), work.path(), how.target, how.naming);
    record = keep(renamed.path, renamed.sha256);
  }
  remember(order, wheel, how.target, to_string(how.naming), record);
  return record;
}

WheelRecord CarvedWheels::keep(const fs::path& carved, const std::string& sum) {
  WheelRecord record{.outcome = WheelRecord::Outcome::carved,
                     .name = carved.filename().string(),
                     .sha256 = sum,
                     .metadata_sha256 = to_hex(sha256(as_byte_span(dist_info_text(carved, "METADATA")))),
                     .size = fs::file_size(carved)};
  sync_to_disk(carved);
  const fs::path place = file(record);
  std::error_code error;
  // Again where another program, which makes room, took the folder away that was empty still.
  for (int tries = 0; tries < 3; ++tries) {
    create_folders(place.parent_path());
    fs::rename(carved, place, error);
    if (error != std::errc::no_such_file_or_directory) break;
  }
  if (error) throw system_error("write", place.string(), error.value());
  sync_to_disk(place.parent_path());
  sync_to_disk(folder_ / "files");
  limit();
  return record;
}

fs::path CarvedWheels::file(const WheelRecord& record) const {
  return folder_ / "files" / record.sha256 / record.name;
}

fs::path CarvedWheels::find(const std::string& sha256, const std::string& name) const {
  if (!is_sha256(sha256) || !is_distribution_file(name)) return {};
  const fs::path path = folder_ / "files" / sha256 / name;
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) return {};
  note_use(path);
  return path;
}

std::string CarvedWheels::metadata_of(const fs::path& wheel, const std::string& sha256) {
  {
    const std::lock_guard lock(lock_);
    if (const auto found = metadata_.find(sha256); found != metadata_.end()) return found->second;
  }
  std::string text = dist_info_text(wheel, "METADATA");
  const std::lock_guard lock(lock_);
  if (metadata_.size() >= most_metadata) metadata_.clear();
  return metadata_.emplace(sha256, std::move(text)).first->second;
}

std::string CarvedWheels::sum_of(const SourceWheel& wheel) {
  const std::string file =
      fmt::format("{}\n{}", fs::absolute(wheel.path).string(), fmt::join(wheel.stamp, " "));
  const fs::path path = folder_ / "sums" / to_hex(sha256(as_byte_span(file)));
  std::error_code ignored;
  if (fs::exists(path, ignored)) {
    const std::string known = read_file(path, largest_record);
    if (is_sha256(known)) return known;
  }
  const std::string sum = sha256_of_file(wheel.path);
  expect_same(wheel);
  // It is worked out again where the disk is full.
  try {
    write_file_atomically(path, sum);
  } catch (const Error&) {
  }
  return sum;
}

}  // namespace lathe
