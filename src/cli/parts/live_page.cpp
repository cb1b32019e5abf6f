// SPDX-License-Identifier: MIT
#include "cli/parts/live_page.h"

#include <fmt/format.h>

#include <functional>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"
#include "base/hash.h"
#include "cli/parts/page_content.h"
#include "page/frame.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds look_each{250}, read_each{1000};
constexpr std::chrono::seconds silent_for{15};  // then a comment goes out, so that no proxy gives up

// Changes whenever the history may have.
std::string stamp_of(const fs::path& state) {
  std::string stamp;
  for (const char* name : {"history.db", "history.db-wal", "history.db-journal"}) {
    std::error_code failed;
    const auto time = fs::last_write_time(state / name, failed);
    if (failed) continue;
    stamp +=
        fmt::format("{} {} {};", name, time.time_since_epoch().count(), fs::file_size(state / name, failed));
  }
  return stamp;
}

}  // namespace

LivePage::LivePage(PageContent content, fs::path state)
    : content_(std::move(content)), state_(std::move(state)) {}

bool LivePage::has(const std::string& path) {
  return path == "/matrix" || path == "/matrix/" || path == "/matrix/events";
}

HttpAnswer LivePage::answer(const HttpRequest& request) {
  if (request.path == "/matrix") return {.status = 302, .location = "/matrix/"};
  if (request.path == "/matrix/events") return events();
  const auto shown = current();
  return {.content_type = "text/html; charset=utf-8", .body = shown->html, .etag = shown->etag};
}

// A history that cannot be read just now (a build writes a step of its schema) is read the next time; an
// Error only where there is nothing to show yet.
std::shared_ptr<const LivePage::Shown> LivePage::current() {
  const std::lock_guard lock(lock_);
  const std::string stamp = stamp_of(state_);
  if (shown_ && (stamp == stamp_ || Clock::now() - read_at_ < read_each)) return shown_;
  try {
    content_.builds = builds_content(state_, content_.matrix->variants);
  } catch (const Error&) {
    if (!shown_) throw;
    return shown_;
  }
  stamp_ = stamp;
  read_at_ = Clock::now();
  auto fresh = std::make_shared<Shown>();
  fresh->html = report_page(content_, PageUse::live);
  fresh->etag = to_hex(sha256(as_byte_span(fresh->html)));
  return shown_ = fresh;
}

HttpAnswer LivePage::events() {
  struct Told {
    std::string etag = {};
    Clock::time_point spoke = Clock::now();
  };
  const auto told = std::make_shared<Told>();
  const auto next = [this, told]() -> std::optional<std::string> {
    for (int looks = 0; looks < 3; ++looks) {
      const auto shown = current();
      if (shown->etag != told->etag) {
        const std::string first = told->etag.empty() ? "retry: 2000\n\n" : "";
        *told = {.etag = shown->etag};
        return first + fmt::format("event: page\nid: {0}\ndata: {0}\n\n", shown->etag);
      }
      std::this_thread::sleep_for(look_each);
    }
    if (Clock::now() - told->spoke < silent_for) return "";
    told->spoke = Clock::now();
    return ": nothing new\n\n";
  };
  return {.content_type = "text/event-stream; charset=utf-8", .next = next};
}

}  // namespace lathe
