// SPDX-License-Identifier: MIT
// A folder of carved wheels by content, and beside them the records of what becomes of which wheel for which
// GPU. Several programs may use one folder; a program that is killed leaves a folder that is right:
//
//   files/SHA256/NAME.whl   a carved wheel; written elsewhere, synced and renamed to here
//   records/ORDER.json      what came of an order; written after the wheel
//   sums/FILE               the SHA-256 of a wheel of somebody else's, while that is the same file
//   work/ORDER/, locks/     of who is carving now
//
// A wheel is carved once for all who ask at the same time, and for all of its names.
// docs/formats/wheel-index.md has the record.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "carve/plan/plan.h"
#include "simple/root.h"
#include "simple/source_wheel.h"

namespace lathe {

struct CarveOrder {
  CarveTarget target;
  Naming naming = Naming::same;
};

struct WheelRecord {
  enum class Outcome {
    carved,
    passed,  // the wheel as it is: nothing to drop, nothing for this GPU, NVIDIA's own, damaged
  } outcome = Outcome::passed;
  std::string because = {};  // of one that is passed through
  std::string name = {};     // of a carved one: its file
  std::string sha256 = {};   // the same
  std::string metadata_sha256 = {};
  std::uint64_t size = 0;

  bool carved() const { return outcome == Outcome::carved; }
};

// Its functions may be called from several threads at once.
class CarvedWheels {
 public:
  // The folder is made when it is missing. `most`: bytes that all wheels in it may have, and a little more
  // while they are in use; zero: any.
  explicit CarvedWheels(std::filesystem::path folder, std::uint64_t most = 0);

  const std::filesystem::path& folder() const { return folder_; }

  // What is known of the order already.
  std::optional<WheelRecord> known(const SourceWheel& wheel, const CarveOrder& order);
  // Is it carved for this GPU under any name? Looks without carving where that is not known yet (as long as
  // unpacking takes), and remembers it.
  bool would_carve(const SourceWheel& wheel, const CarveTarget& target);
  // Carves where that was not done yet. Error (a fault) when it cannot be done now: the disk is full, the
  // wheel changed meanwhile; nothing is recorded then.
  WheelRecord carve(const SourceWheel& wheel, const CarveOrder& order);

  // The name of its record, without ".json".
  std::string order_name(const SourceWheel& wheel, const CarveOrder& order) const {
    return text_of(wheel, order.target, to_string(order.naming));
  }

  std::filesystem::path file(const WheelRecord& record) const;
  // Those that were used least recently go, where there is more than there may be.
  void limit() const;

  // A carved wheel by its content; "" when there is none.
  std::filesystem::path find(const std::string& sha256, const std::string& name) const;

  // METADATA of a wheel with that content. A large wheel has ten thousand members, and what is asked for is
  // asked for by all: the last ones are remembered.
  std::string metadata_of(const std::filesystem::path& wheel, const std::string& sha256);

  // The content of a wheel, from what is remembered as long as the file is the same.
  std::string sum_of(const SourceWheel& wheel);

 private:
  struct Carved;
  std::string text_of(const SourceWheel& wheel, const CarveTarget& target, std::string_view naming) const;
  std::optional<WheelRecord> record_of(const std::string& order);
  void remember(const std::string& order, const SourceWheel& wheel, const CarveTarget& target,
                std::string_view naming, const WheelRecord& record);
  WheelRecord carve_now(const std::string& order, const SourceWheel& wheel, const CarveTarget& target);
  WheelRecord rename_now(const std::string& order, const SourceWheel& wheel, const CarveOrder& how);
  WheelRecord keep(const std::filesystem::path& carved, const std::string& sum);

  std::filesystem::path folder_;
  std::uint64_t most_;
  std::mutex lock_;                              // of what follows
  std::map<std::string, WheelRecord> records_;   // by order
  std::map<std::string, std::string> metadata_;  // by content
  std::mutex carving_;                           // one at a time: it takes all cores
};

}  // namespace lathe
