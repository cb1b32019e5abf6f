// SPDX-License-Identifier: MIT
#include "http/request.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "http/address.h"

namespace lathe {
namespace {

int status_of(const std::string& head) { return read_http_head(head).status; }

TEST(HttpHeads, TellWhatIsAsked) {
  const HttpHead head = read_http_head(
      "GET /sm90/simple/torch/?a=../b HTTP/1.1\r\nHost: x\r\nACCEPT:  text/html \r\nRange: "
      "bytes=0-1\r\n\r\n");
  ASSERT_TRUE(head.request) << head.why;
  EXPECT_EQ(head.request->path, "/sm90/simple/torch/");
  EXPECT_EQ(head.request->header("accept"), "text/html");
  EXPECT_TRUE(head.request->keep_alive);
  EXPECT_EQ(read_http_head("GET /a%2Bb HTTP/1.0\n\n").request->path, "/a+b");
  EXPECT_FALSE(read_http_head("GET / HTTP/1.0\n\n").request->keep_alive);
  EXPECT_FALSE(read_http_head("GET / HTTP/1.1\nHost: x\nConnection: Close\n\n").request->keep_alive);
}

TEST(HttpHeads, AreRefusedWhereTwoReadersCouldDiffer) {
  const std::string get = "GET / HTTP/1.1\r\nHost: x\r\n";
  EXPECT_EQ(status_of(get + "\r\n"), 200);
  EXPECT_EQ(status_of(get + " folded: x\r\n\r\n"), 400);
  EXPECT_EQ(status_of(get + "A : x\r\n\r\n"), 400);
  EXPECT_EQ(status_of(get + "Host: y\r\n\r\n"), 400);
  EXPECT_EQ(status_of(get + "A: x\ry\r\n\r\n"), 400);
  EXPECT_EQ(status_of(get + "Content-Length: 0\r\nContent-Length: 5\r\n\r\n"), 400);
  EXPECT_EQ(status_of(get + "Content-Length: 5\r\n\r\n"), 413);
  EXPECT_EQ(status_of(get + "Transfer-Encoding: chunked\r\n\r\n"), 413);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET  / HTTP/1.1\r\nHost: x\r\n\r\n"), 400);
  EXPECT_EQ(status_of("POST / HTTP/1.1\r\nHost: x\r\n\r\n"), 405);
  EXPECT_EQ(status_of("GET / HTTP/2.0\r\nHost: x\r\n\r\n"), 505);
  EXPECT_EQ(status_of("\r\n\r\n"), 400);
}

TEST(HttpHeads, LeadNowhereElse) {
  for (const char* path :
       {"/..", "/a/../b", "/a/%2e%2e/b", "/a/.", "//a", "/a//b", "/a%2Fb", "/a%5Cb", "/a\\b", "/%00", "/%0a",
        "/%", "/%g1", "/%ff", "a", "http://x/a", "*", "/a/%2E%2E"}) {
    EXPECT_EQ(status_of(std::string("GET ") + path + " HTTP/1.1\r\nHost: x\r\n\r\n"), 400) << path;
  }
}

TEST(HttpHeads, AreBounded) {
  const std::string get = "GET / HTTP/1.1\r\nHost: x\r\n";
  std::string flood = get;
  for (std::size_t i = 0; i < most_http_headers; ++i) flood += "a" + std::to_string(i) + ": x\r\n";
  EXPECT_EQ(status_of(flood + "\r\n"), 431);
  EXPECT_EQ(status_of(get + "A: " + std::string(longest_http_head, 'x') + "\r\n\r\n"), 431);
  EXPECT_EQ(status_of("GET /" + std::string(longest_http_target, 'x') + " HTTP/1.1\r\nHost: x\r\n\r\n"), 414);
}

using Bytes = std::pair<std::uint64_t, std::uint64_t>;

TEST(HttpRanges, AreThoseOfOnePart) {
  EXPECT_EQ(read_http_range("bytes=0-9", 100).bytes, Bytes(0, 10));
  EXPECT_EQ(read_http_range("bytes=90-", 100).bytes, Bytes(90, 100));
  EXPECT_EQ(read_http_range("bytes=90-900", 100).bytes, Bytes(90, 100));
  EXPECT_EQ(read_http_range("bytes=-10", 100).bytes, Bytes(90, 100));
  EXPECT_EQ(read_http_range("bytes=-1000", 100).bytes, Bytes(0, 100));
  for (const char* all : {"", "bytes=", "bytes=-", "bytes=5-1", "bytes=0-1,3-4", "lines=0-1", "bytes=a-b",
                          "bytes=1-x", "bytes=99999999999999999999-"}) {
    const HttpRange range = read_http_range(all, 100);
    EXPECT_TRUE(!range.bytes && !range.unsatisfiable) << all;
  }
  for (const char* none : {"bytes=100-", "bytes=200-300", "bytes=-0"})
    EXPECT_TRUE(read_http_range(none, 100).unsatisfiable) << none;
}

TEST(Etags, AreFoundInLists) {
  EXPECT_TRUE(names_etag("\"a\", W/\"b\"", "\"b\""));
  EXPECT_TRUE(names_etag("*", "\"b\""));
  EXPECT_FALSE(names_etag("\"a\"", "\"b\""));
}

TEST(Addresses, AreResolvedAsOnAPage) {
  const std::string base = "https://x.org/simple/torch/";
  EXPECT_EQ(resolve_address(base, "../../files/a.whl#sha256=1"), "https://x.org/files/a.whl");
  EXPECT_EQ(resolve_address(base, "/whl/a%2Bb.whl"), "https://x.org/whl/a%2Bb.whl");
  EXPECT_EQ(resolve_address(base, "a.whl?x=1"), "https://x.org/simple/torch/a.whl?x=1");
  EXPECT_EQ(resolve_address(base, "//y.org/a"), "https://y.org/a");
  EXPECT_EQ(resolve_address(base, "http://y.org/a"), "http://y.org/a");
  EXPECT_EQ(resolve_address(base, "../../../../../a"), "https://x.org/a");
  for (const char* none :
       {"file:///etc/passwd", "javascript:x", "http://", "http://-x/", "a b", "http://x/\x01"})
    EXPECT_EQ(resolve_address(base, none), std::nullopt) << none;
}

TEST(Addresses, KeepSecretsOutOfLogs) {
  EXPECT_EQ(without_secrets("https://me:word@x.org:1/a?token=t#f"), "https://***@x.org:1/a?***");
  EXPECT_EQ(without_secrets("https://x.org/a"), "https://x.org/a");
  EXPECT_TRUE(has_secrets("https://me@x.org/"));
  EXPECT_FALSE(has_secrets("https://x.org/a@b"));
  EXPECT_EQ(url_part("a+b c/é.whl"), "a%2Bb%20c%2F%C3%A9.whl");
  EXPECT_EQ(url_decoded("a%2Bb"), "a+b");
}

}  // namespace
}  // namespace lathe
