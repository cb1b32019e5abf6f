// SPDX-License-Identifier: MIT
// The page that follows a build, against a history that is written meanwhile.
#include "cli/parts/live_page.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>

#include "base/error.h"
#include "http/request.h"
#include "http/server.h"
#include "jobs/history/history.h"
#include "page/report.h"
#include "testing/scratch_folder.h"

namespace lathe {
namespace {

class LivePages : public ::testing::Test {
 protected:
  static PageContent content() { return {.title = "of a test", .matrix = PageMatrix{}}; }
  static HttpAnswer ask(LivePage& page, const std::string& path = "/matrix/") {
    return page.answer({.method = "GET", .path = path});
  }
  // A change is looked for once a second at most.
  static void wait_for_the_next_look() { std::this_thread::sleep_for(std::chrono::milliseconds(1100)); }

  std::filesystem::path state() const { return folder_.path() / "state"; }
  void build(const std::string& variant, const std::string& status) const {
    History history(state() / "history.db");
    BuildRecord record{
        .run = history.begin_run("matrix.toml", "nix", {variant}), .variant = variant, .started = 1};
    record.id = history.begin_build(record);
    record.status = status;
    history.end_build(record);
    history.end_run(record.run);
  }

  testing::ScratchFolder folder_;
};

TEST_F(LivePages, AnswerForThePathsOfTheMatrixAlone) {
  for (const char* path : {"/matrix", "/matrix/", "/matrix/events"}) EXPECT_TRUE(LivePage::has(path)) << path;
  for (const char* path : {"/", "/matrix/x", "/matrixes", "/matrix/events/"})
    EXPECT_FALSE(LivePage::has(path)) << path;
  LivePage page(content(), state());
  const HttpAnswer moved = ask(page, "/matrix");
  EXPECT_EQ(moved.status, 302);
  EXPECT_EQ(moved.location, "/matrix/");
}

TEST_F(LivePages, ShowAHistoryThatBeginsLater) {
  LivePage page(content(), state());
  const HttpAnswer before = ask(page);
  EXPECT_TRUE(before.content_type.starts_with("text/html"));
  EXPECT_NE(before.body.find("connect-src"), std::string::npos) << "it may listen to events";
  EXPECT_EQ(before.body.find("pytorch-one"), std::string::npos);
  EXPECT_EQ(ask(page).etag, before.etag) << "nothing happened";
  std::filesystem::create_directory(state());
  build("pytorch-one", "built");
  wait_for_the_next_look();
  const HttpAnswer after = ask(page);
  EXPECT_NE(after.etag, before.etag);
  EXPECT_NE(after.body.find("pytorch-one"), std::string::npos);
}

TEST_F(LivePages, TellEachListenerOnceOfAChange) {
  std::filesystem::create_directory(state());
  build("pytorch-one", "built");
  LivePage page(content(), state());
  const HttpAnswer first = ask(page, "/matrix/events"), second = ask(page, "/matrix/events");
  EXPECT_TRUE(first.content_type.starts_with("text/event-stream"));
  const auto event = [&] {
    return "event: page\nid: " + ask(page).etag + "\ndata: " + ask(page).etag + "\n\n";
  };
  EXPECT_EQ(first.next(), "retry: 2000\n\n" + event()) << "whoever connects again may have missed one";
  EXPECT_EQ(first.next(), "") << "nothing new";
  build("pytorch-two", "failed");
  wait_for_the_next_look();
  EXPECT_EQ(first.next(), event());
  EXPECT_EQ(first.next(), "");
  EXPECT_EQ(second.next(), "retry: 2000\n\n" + event()) << "one that comes later";
}

TEST_F(LivePages, KeepThePageOfBeforeWhileTheHistoryCannotBeRead) {
  std::filesystem::create_directory(state());
  build("pytorch-one", "built");
  LivePage page(content(), state());
  const std::string before = ask(page).etag;
  for (const char* left : {"state/history.db-wal", "state/history.db-shm"})
    std::filesystem::remove(folder_.path() / left);
  folder_.write("state/history.db",
                "this is not what SQLite writes, and it is longer than a header of a hundred bytes: "
                "so it cannot be taken for a file that is empty");
  wait_for_the_next_look();
  EXPECT_EQ(ask(page).etag, before);
  LivePage fresh(content(), state());
  EXPECT_THROW(ask(fresh), Error) << "there is nothing to show yet";
}

}  // namespace
}  // namespace lathe
