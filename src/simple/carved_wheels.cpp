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
#include "simple/order_lock.h"
#include "simple/project_page.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view record_format = "torchlathe-carved-wheel";
constexpr std::string_view look = "look";  // in the place of a naming: what would be done
constexpr std::uint64_t largest_record = 1 << 20;

CarvePackageOptions options_for(const CarveOrder& order) {
  CarvePackageOptions how;
  how.carve.targets = {order.target};
  how.carve.copy_unchanged = false;
  how.keep_name = order.naming == Naming::same;
  if (order.naming == Naming::variant) how.wheel_variant = "auto";
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

fs::path only_file_in(const fs::path& folder) {
  for (const auto& entry : fs::directory_iterator(folder)) return entry.path();
  throw Error({.what = "no wheel came out", .where = {.file = folder.string()}, .kind = ErrorKind::fault});
}

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

CarvedWheels::CarvedWheels(fs::path folder) : folder_(std::move(folder)) {
  for (const char* part : {"files", "records", "sums", "work", "locks"}) create_folders(folder_ / part);
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
  const auto looked = record_of(text_of(wheel, order.target, look));
  return looked && !looked->carved() ? looked : std::nullopt;
}

bool CarvedWheels::would_carve(const SourceWheel& wheel, const CarveTarget& target) {
  for (const Naming naming : {Naming::same, Naming::local}) {
    if (const auto record = record_of(text_of(wheel, target, to_string(naming)))) return record->carved();
  }
  const std::string order = text_of(wheel, target, look);
  if (const auto record = record_of(order)) return record->carved();
  const OrderLock lock(folder_ / "locks" / order);
  if (const auto record = record_of(order)) return record->carved();
  const std::lock_guard carving(carving_);
  CarvePackageOptions how = options_for({.target = target});
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
    if (record && record->carved() && !fs::exists(file(*record), ignored)) return std::nullopt;
    return record;
  };
  if (auto record = done()) return *record;
  const OrderLock lock(folder_ / "locks" / order);
  if (auto record = done()) return *record;
  return carve_now(order, wheel, how);
}

WheelRecord CarvedWheels::carve_now(const std::string& order, const SourceWheel& wheel,
                                    const CarveOrder& how) {
  const std::lock_guard carving(carving_);
  const fs::path work = folder_ / "work" / order;
  // Also what a program left here that was killed: it holds the lock no more.
  const auto clear = [&] {
    std::error_code ignored;
    fs::remove_all(work, ignored);
  };
  clear();
  create_folders(work);
  try {
    const auto because =
        unless_damaged([&] { return why_not_carved(carve_package(wheel.path, work, options_for(how))); });
    expect_same(wheel);
    const WheelRecord record = because ? passed(*because) : keep(only_file_in(work));
    clear();  // before the record: nobody comes here again after that
    remember(order, wheel, how.target, to_string(how.naming), record);
    return record;
  } catch (...) {
    clear();
    throw;
  }
}

WheelRecord CarvedWheels::keep(const fs::path& carved) {
  WheelRecord record{.outcome = WheelRecord::Outcome::carved,
                     .name = carved.filename().string(),
                     .sha256 = sha256_of_file(carved),
                     .metadata_sha256 = to_hex(sha256(as_byte_span(dist_info_text(carved, "METADATA")))),
                     .size = fs::file_size(carved)};
  sync_to_disk(carved);
  const fs::path place = file(record);
  create_folders(place.parent_path());
  std::error_code error;
  fs::rename(carved, place, error);
  if (error) throw system_error("write", place.string(), error.value());
  sync_to_disk(place.parent_path());
  sync_to_disk(folder_ / "files");
  return record;
}

fs::path CarvedWheels::file(const WheelRecord& record) const {
  return folder_ / "files" / record.sha256 / record.name;
}

fs::path CarvedWheels::find(const std::string& sha256, const std::string& name) const {
  if (!is_sha256(sha256) || !is_distribution_file(name)) return {};
  const fs::path path = folder_ / "files" / sha256 / name;
  std::error_code ignored;
  return fs::is_regular_file(path, ignored) ? path : fs::path();
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
  write_file_atomically(path, sum);
  return sum;
}

}  // namespace lathe
