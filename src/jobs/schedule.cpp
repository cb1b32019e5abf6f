// SPDX-License-Identifier: MIT
#include "jobs/schedule.h"

#include <algorithm>
#include <limits>
#include <tuple>

namespace lathe {

std::vector<JobIndex> start_order(const JobCosts& jobs) {
  std::vector<JobIndex> order = jobs.ids();
  std::ranges::stable_sort(order, {}, [&](JobIndex index) {
    const JobCost& job = jobs[index];
    const double length = job.seconds > 0 ? job.seconds : std::numeric_limits<double>::infinity();
    return std::tuple(!job.shared, -length);
  });
  return order;
}

namespace {

// What the jobs that run in a room leave.
struct Load {
  std::size_t jobs = 0;
  std::uint64_t bytes = 0;
};

bool allowed(const JobCost& job, RoomIndex room) {
  return job.rooms.empty() || std::ranges::find(job.rooms, room) != job.rooms.end();
}

bool fits_nowhere(const JobCost& job, const MachineRooms& rooms) {
  for (const RoomIndex room : rooms.ids()) {
    if (allowed(job, room) && rooms[room].slots > 0 &&
        (rooms[room].memory == 0 || job.bytes <= rooms[room].memory))
      return false;
  }
  return true;
}

std::optional<RoomIndex> room_for(const JobCost& job, const MachineRooms& rooms,
                                  const Rows<RoomIndex, Load>& loads) {
  std::optional<RoomIndex> best;
  double best_speed = 0;
  const bool alone = fits_nowhere(job, rooms);
  for (const RoomIndex room : rooms.ids()) {
    const MachineRoom& machine = rooms[room];
    const Load& load = loads[room];
    if (!allowed(job, room) || load.jobs >= machine.slots) continue;
    const bool fits = machine.memory == 0 || load.bytes + job.bytes <= machine.memory;
    if (!fits && !(alone && load.jobs == 0)) continue;
    const double speed = machine.speed / static_cast<double>(load.jobs + 1);
    if (best && speed <= best_speed) continue;
    best = room;
    best_speed = speed;
  }
  return best;
}

}  // namespace

bool has_room(const JobCost& job, const MachineRooms& rooms) {
  for (const RoomIndex room : rooms.ids()) {
    if (allowed(job, room) && rooms[room].slots > 0) return true;
  }
  return false;
}

std::optional<Start> next_to_start(const JobCosts& jobs, const std::vector<JobIndex>& waiting,
                                   const std::vector<Start>& running, const MachineRooms& rooms) {
  Rows<RoomIndex, Load> loads(rooms.size());
  Rows<JobIndex, bool> open(jobs.size(), false);  // waits or runs
  for (const JobIndex job : waiting) open[job] = true;
  bool shared_open = false;
  for (const Start& start : running) {
    ++loads[start.room].jobs;
    loads[start.room].bytes += jobs[start.job].bytes;
    shared_open = shared_open || jobs[start.job].shared;
    open[start.job] = true;
  }
  for (const JobIndex job : waiting) {
    if (shared_open && !jobs[job].shared) return std::nullopt;
    if (std::ranges::any_of(jobs[job].after, [&](JobIndex needed) { return open[needed]; })) {
      shared_open = shared_open || jobs[job].shared;
      continue;
    }
    if (const auto room = room_for(jobs[job], rooms, loads)) return Start{.job = job, .room = *room};
  }
  return std::nullopt;
}

double expected_makespan(const JobCosts& jobs, const MachineRooms& rooms) {
  std::vector<JobIndex> waiting = start_order(jobs);
  std::erase_if(waiting, [&](JobIndex job) { return !has_room(jobs[job], rooms); });
  std::vector<Start> running;
  Rows<JobIndex, double> ends(jobs.size(), 0.0);
  double now = 0;
  while (!waiting.empty() || !running.empty()) {
    if (const auto next = next_to_start(jobs, waiting, running, rooms)) {
      ends[next->job] = now + jobs[next->job].seconds / rooms[next->room].speed;
      running.push_back(*next);
      std::erase(waiting, next->job);
      continue;
    }
    const auto first =
        std::ranges::min_element(running, {}, [&](const Start& start) { return ends[start.job]; });
    now = ends[first->job];
    running.erase(first);
  }
  return now;
}

}  // namespace lathe
