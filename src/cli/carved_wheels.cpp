// SPDX-License-Identifier: MIT
#include "cli/carved_wheels.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>

#include "base/finding.h"
#include "base/text.h"
#include "carve/carve.h"
#include "inspect/not_read.h"
#include "report/table.h"

namespace lathe {
namespace {

struct ImagesOfWheel {
  std::size_t before = 0, after = 0;
};

ImagesOfWheel images_of(const CarvedWheel& wheel) {
  ImagesOfWheel count;
  for (const CarvedFile& file : wheel.carved.files) {
    count.before += file.totals.images;
    count.after += file.outcome == Outcome::carved ? file.totals.images_kept : file.totals.images;
  }
  return count;
}

std::string_view outcome_of(const CarvedWheel& wheel) {
  if (!wheel.carved.failures.empty()) return "failed";
  if (wheel.is_carved()) return "carved";
  return wheel.carved.files.empty() ? "no device code" : "nothing to drop";
}

Finding within(const CarvedWheel& wheel, Finding finding) {
  if (!finding.where.file.ends_with(wheel.path)) finding.where.file = wheel.path + "/" + finding.where.file;
  return finding;
}

void join(CarvedPackage& all, const CarvedWheel& wheel) {
  for (CarvedFile file : wheel.carved.files) {
    file.path = wheel.path + "/" + file.path;
    all.files.push_back(std::move(file));
  }
  all.loose.files += wheel.carved.loose.files;
  all.loose.bytes += wheel.carved.loose.bytes;
  if (!wheel.carved.loose.code.empty()) all.loose.code = wheel.carved.loose.code;
  for (const NotRead& file : wheel.carved.not_read) all.not_read.push_back(file);
  for (const Finding& finding : wheel.carved.left_out) all.left_out.add(within(wheel, finding));
  for (const Finding& finding : wheel.carved.failures) all.failures.add(within(wheel, finding));
}

}  // namespace

std::string count_change(std::size_t before, std::size_t after) {
  return before == after ? fmt::format("{}", before) : fmt::format("{} -> {}", before, after);
}

CarvedPackage joined(const CarvedWheelhouse& wheelhouse) {
  CarvedPackage all;
  all.kind = "folder of wheels";
  all.path = wheelhouse.path;
  all.old_size = all.old_file_size = wheelhouse.old_size;
  all.new_size = all.new_file_size = wheelhouse.new_size;
  all.fault = wheelhouse.fault();
  for (const CarvedWheel& wheel : wheelhouse.wheels) join(all, wheel);
  all.other_files = wheelhouse.other_files;
  all.failures.add(wheelhouse.failures);
  return all;
}

std::string wheel_table(const std::vector<CarvedWheel>& wheels, const Terminal& terminal) {
  Table table({"wheel", "before", "after", "images", ""});
  for (const std::size_t column : {1u, 2u, 3u}) table.align_right(column);
  for (const CarvedWheel& wheel : wheels) {
    const ImagesOfWheel images = images_of(wheel);
    table.add({wheel.new_path.empty() ? wheel.path : wheel.new_path, size_text(wheel.old_size),
               size_text(wheel.new_size), images.before == 0 ? "" : count_change(images.before, images.after),
               wheel.is_carved() ? "" : std::string(outcome_of(wheel))},
              wheel.is_carved() ? Style::plain : Style::dim);
  }
  return table.text(terminal);
}

void write_wheels(JsonWriter& json, const std::vector<CarvedWheel>& wheels) {
  json.key("wheels").begin_array();
  for (const CarvedWheel& wheel : wheels) {
    json.begin_object().member("path_before", wheel.path);
    if (!wheel.new_path.empty()) json.member("path_after", wheel.new_path);
    json.member("outcome", outcome_of(wheel));
    json.member("size_before", wheel.old_size).member("size_after", wheel.new_size).end_object();
  }
  json.end_array();
}

}  // namespace lathe
