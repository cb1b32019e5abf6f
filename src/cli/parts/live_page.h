// SPDX-License-Identifier: MIT
// The page of `report` while builds run, read-only: the page itself, and events that say when there is
// another one. It looks at the history's file, not into the build.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>

#include "http/request.h"
#include "http/server.h"
#include "page/report.h"

namespace lathe {

// Safe to ask from many threads at once; outlives the server that asks it.
class LivePage {
 public:
  // `content`: all but the builds, which are read from the history in the folder `state`, as often as that
  // changes.
  LivePage(PageContent content, std::filesystem::path state);

  // Is this path the page's: "/matrix", "/matrix/", "/matrix/events"?
  static bool has(const std::string& path);
  HttpAnswer answer(const HttpRequest& request);

 private:
  struct Shown {
    std::string html, etag;
  };
  std::shared_ptr<const Shown> current();
  HttpAnswer events();

  std::mutex lock_;  // of all that follows
  PageContent content_;
  std::filesystem::path state_;
  std::string stamp_;  // of the history as it was read
  std::chrono::steady_clock::time_point read_at_;
  std::shared_ptr<const Shown> shown_;
};

}  // namespace lathe
