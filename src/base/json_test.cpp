// SPDX-License-Identifier: MIT
#include "base/json.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"

namespace lathe {
namespace {

std::string error_of(std::string_view text, const JsonLimits& limits = {}) {
  try {
    parse_json(text, "in.json", limits);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(JsonWriter, WritesRecordsWithStableOrder) {
  JsonWriter json(JsonWriter::Layout::compact);
  json.begin_object().member("name", "a\"b\n").member("n", 3).member("none", std::optional<std::string>());
  json.key("list").begin_array().value(true).value(1.5).end_array().end_object();
  EXPECT_EQ(json.take(), "{\"name\":\"a\\\"b\\n\",\"n\":3,\"none\":null,\"list\":[true,1.5]}\n");
}

TEST(JsonWriter, IndentsByTwo) {
  JsonWriter json;
  json.begin_object().member("a", std::vector<int>{1, 2}).member("b", std::vector<int>{}).end_object();
  EXPECT_EQ(json.take(), "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": []\n}\n");
}

TEST(JsonWriter, BytesThatAreNotUtf8BecomeTheReplacementCharacter) {
  JsonWriter json;
  json.value(
      "a\xFF"
      "b\x01");
  EXPECT_EQ(json.take(), "\"a\\ufffdb\\u0001\"\n");
}

TEST(JsonWriter, WhatATerminalObeysIsSpelledOutInTextsAndKeys) {
  JsonWriter json(JsonWriter::Layout::compact);
  json.begin_object().member("k\xC2\x9B\xFF", "\x7F\xE2\x80\xAE").end_object();
  EXPECT_EQ(json.take(), "{\"k\\u009b\\ufffd\":\"\\u007f\\u202e\"}\n");
}

TEST(JsonWriter, StreamsThroughTheSinkInsteadOfGrowing) {
  std::size_t most = 0, total = 0;
  JsonWriter json(JsonWriter::Layout::compact, [&](std::string_view part) {
    most = std::max(most, part.size());
    total += part.size();
  });
  json.begin_array();
  for (int i = 0; i < 100000; ++i) json.begin_object().member("i", i).end_object();
  json.end_array();
  total += json.take().size();
  EXPECT_GT(total, 1000000u);
  EXPECT_LT(most, 70000u);
}

TEST(ParseJson, ReadsWhatTheWriterWrites) {
  const Json json = parse_json(R"({"a": [1, -2.5, true, null], "b": {"c": "\u00fc"}})", "in.json");
  ASSERT_NE(json.find("a"), nullptr);
  EXPECT_EQ(json.find("a")->array()->size(), 4u);
  EXPECT_EQ(*json.find("a")->array()->at(0).get<std::int64_t>(), 1);
  EXPECT_EQ(json.find("b")->text_of("c"), "\xC3\xBC");
  EXPECT_EQ(json.find("zzz"), nullptr);
}

TEST(ParseJson, SaysWhereItIsWrong) {
  EXPECT_EQ(error_of("{\"a\": 1,\n  oops}").substr(0, 12), "in.json:2:3:") << error_of("{\"a\": 1,\n  oops}");
  EXPECT_NE(error_of("[1] x"), "accepted");
  EXPECT_NE(error_of(""), "accepted");
  EXPECT_NE(error_of("\"\xFF\""), "accepted");
}

TEST(ParseJson, RefusesDepthSizeAndRepeatedKeys) {
  EXPECT_NE(error_of(std::string(100000, '[')).find("levels deep"), std::string::npos);
  EXPECT_NE(error_of("[1, 2]", {.bytes = 3, .depth = 9}).find("at most 3"), std::string::npos);
  EXPECT_NE(error_of(R"({"a": 1, "a": 2})").find("appears twice"), std::string::npos);
}

}  // namespace
}  // namespace lathe
