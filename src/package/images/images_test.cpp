// SPDX-License-Identifier: MIT
// Layers laid over each other, and packed again. tests/images.py has whole images and other readers.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/hash.h"
#include "formats/streams/decompress.h"
#include "formats/streams/deflate.h"
#include "formats/tar.h"
#include "os/temporary_folder.h"
#include "package/images/layer.h"
#include "package/images/manifest.h"
#include "package/images/paths.h"
#include "package/images/reference.h"
#include "package/images/repack.h"
#include "package/images/view.h"

namespace lathe {
namespace {

using Files = std::vector<std::pair<std::string, std::string>>;

std::string archive_of(const Files& files) {
  std::string text;
  for (const auto& [path, content] : files) {
    std::string header = tar_file_header(path, content.size());
    if (path.ends_with('/')) header[156] = '0';  // the old form of a folder
    text += header + content + std::string(tar_padding(content.size()), '\0');
  }
  return text + std::string(2 * tar_block, '\0');
}

std::string gzip_of(const std::string& text) {
  return std::string("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10) + deflate_chunk(as_byte_span(text), true, 6) +
         encode_number(crc32_of(as_byte_span(text)), 4) + encode_number(text.size(), 4);
}

class Layers : public ::testing::Test {
 protected:
  const Layer& add(const Files& files) { return add_stored(archive_of(files), archive_of(files)); }
  const Layer& add_stored(std::string stored, const std::string& unpacked) {
    stored_.push_back(std::make_unique<std::string>(std::move(stored)));
    layers_.push_back(std::make_unique<Layer>(as_byte_span(*stored_.back()), "l", "",
                                              to_hex(sha256(as_byte_span(unpacked))), folder_.path(),
                                              layers_.size()));
    return *layers_.back();
  }
  std::string seen() const {
    std::vector<const Layer*> all;
    std::vector<std::size_t> numbers;
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      all.push_back(layers_[i].get());
      numbers.push_back(i);
    }
    const ImageView view(all, numbers);
    std::string text;
    for (const auto& [path, entry] : view.files())
      text += std::string(path) + "@" + std::to_string(entry.layer) + " ";
    return text;
  }

  TemporaryFolder folder_;
  std::vector<std::unique_ptr<std::string>> stored_;
  std::vector<std::unique_ptr<Layer>> layers_;
};

TEST_F(Layers, UpperOnesHideWhatIsBelow) {
  add({{"a/x", "1"}, {"a/y", "1"}, {"a-b/x", "1"}, {"b/x", "1"}, {"c", "1"}});
  EXPECT_EQ(seen(), "a-b/x@0 a/x@0 a/y@0 b/x@0 c@0 ");
  add({{"a/z", "2"}, {"a/.wh..wh..opq", ""}, {".wh.c", ""}, {"b", "a file now"}});
  EXPECT_EQ(seen(), "a-b/x@0 a/z@1 b@1 ");
  add({{"c/x", "3"}, {"b/", ""}, {"b/new", "3"}, {"b/.wh.new", ""}});
  EXPECT_EQ(seen(), "a-b/x@0 a/z@1 b/new@2 c/x@2 ");
}

TEST_F(Layers, OfOneNameTwiceInALayerTheLaterCounts) {
  const Layer& layer = add({{"./a//x", "1"}, {"a/../a/x", "22"}});
  EXPECT_EQ(seen(), "a/x@0 ");
  EXPECT_EQ(layer.part(1, 0, 10), "22");
}

TEST_F(Layers, NamesThatLeadOutAreFindings) {
  EXPECT_EQ(add({{"a/../../x", "1"}, {"/etc/x", "1"}}).findings().size(), 1u);
  EXPECT_EQ(seen(), "etc/x@0 ");
}

TEST_F(Layers, AreWhatTheirDigestsSayOrRefused) {
  const std::string text = archive_of({{"a", "1"}});
  EXPECT_THROW(add_stored(text, text + "x"), Error);
  EXPECT_THROW(add_stored(gzip_of(text), text + "x"), Error);
  std::string cut = gzip_of(text);
  cut.resize(cut.size() - 20);
  EXPECT_THROW(add_stored(cut, text), Error);
  EXPECT_THROW(add_stored("neither", "neither"), Error);
}

// Libraries are kept by themselves, of other files the first bytes: all read the same.
TEST_F(Layers, EveryFileCanBeReadFromAPackedLayerInPart) {
  std::mt19937_64 random(5);
  std::string noise;
  while (noise.size() < 300'000) noise += encode_number(random(), 8);
  const Files files = {{"lib.so",
                        "\x7f"
                        "ELF\x02\x01\x01" +
                            noise},
                       {"text", "some text " + noise},
                       {"empty", ""},
                       {"x.a", "!<arch>\n" + noise}};
  const std::string text = archive_of(files);
  for (const std::string& stored : {text, gzip_of(text), compress_zstd(as_byte_span(text), 3)}) {
    const Layer& layer = add_stored(stored, text);
    for (std::size_t i = 0; i < files.size(); ++i) {
      std::string all;
      layer.read(i, [&](ByteSpan piece) {
        all += as_text(piece);
        return true;
      });
      EXPECT_EQ(all, files[i].second) << i;
      EXPECT_EQ(layer.part(i, 7, 250'000),
                files[i].second.substr(std::min<std::size_t>(7, all.size()), 250'000))
          << i;
      EXPECT_EQ(layer.part(i, 0, 8), files[i].second.substr(0, 8)) << i;
    }
  }
}

TEST_F(Layers, PackedAgainDifferInWhatChangesAlone) {
  std::mt19937_64 random(6);
  std::string noise;
  while (noise.size() < 9'000'000) noise += encode_number(random() & 0xffffff, 8);
  const Files files = {{"a", noise}, {"b", "old"}, {"c", "goes"}, {"d", "stays"}};
  const std::string text = archive_of(files), now = archive_of({files[0], {"b", "new content"}, files[3]});
  for (const std::string& stored : {text, gzip_of(text), compress_zstd(as_byte_span(text), 3)}) {
    const Layer& layer = add_stored(stored, text);
    const LayerChanges changes = {{1, {.how = EntryChange::How::text, .text = "new content"}}, {2, {}}};
    std::string first;
    for (const unsigned threads : {1u, 3u}) {
      std::string out;
      const NewLayer made =
          repack_layer(layer, changes, {.threads = threads}, [&](std::string_view piece) { out += piece; });
      EXPECT_EQ(made.diff_id, to_hex(sha256(as_byte_span(now))));
      EXPECT_EQ(made.digest, to_hex(sha256(as_byte_span(out))));
      EXPECT_EQ(made.size, out.size());
      EXPECT_EQ(packing_of(as_byte_span(out), ""), layer.packing());
      std::string unpacked;
      unpack_layer(as_byte_span(out), layer.packing(), [&](ByteSpan piece) {
        unpacked += as_text(piece);
        return true;
      });
      EXPECT_TRUE(unpacked == now);
      EXPECT_TRUE(first.empty() || first == out);
      first = out;
    }
  }
}

TEST(ImagePaths, StayInside) {
  EXPECT_EQ(inside_path("./usr//lib/../bin/"), "usr/bin");
  EXPECT_EQ(inside_path("/"), "");
  EXPECT_EQ(inside_path("a/../.."), std::nullopt);
  EXPECT_EQ(whiteout_of("a/.wh.b")->path, "a/b");
  EXPECT_TRUE(whiteout_of(".wh..wh..opq")->opaque);
  EXPECT_FALSE(whiteout_of("a/.wh..wh.plnk"));
  EXPECT_FALSE(whiteout_of("a.wh.b"));
}

TEST(ImageReferences, AreSpelledAsSkopeoDoes) {
  EXPECT_FALSE(parse_image_reference("some/folder"));
  const auto plain = parse_image_reference("oci:/a/b");
  EXPECT_EQ(plain->place, "/a/b");
  EXPECT_EQ(plain->tag, "");
  const auto tagged = parse_image_reference("docker-archive:x.tar:name/of:tag");
  EXPECT_EQ(tagged->place, "x.tar");
  EXPECT_EQ(tagged->tag, "name/of:tag");
  EXPECT_THROW(parse_image_reference("docker://debian"), Error);
  EXPECT_THROW(parse_image_reference("oci:"), Error);
}

}  // namespace
}  // namespace lathe
