// SPDX-License-Identifier: MIT
#include "formats/zip.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "formats/streams/inflate.h"
#include "os/file.h"
#include "testing/scratch_folder.h"

namespace lathe {
namespace {

using testing::ScratchFolder;

// A zip file that Python's zipfile writes by these statements (`z` is the file).
std::string python_zip(const std::string& statements) {
  const ScratchFolder folder;
  folder.write(
      "make.py",
      "import zipfile, warnings\nwarnings.simplefilter('ignore')\nz = zipfile.ZipFile('a.zip', 'w')\n" +
          statements + "\nz.close()\n");
  folder.run("python3 make.py");
  return read_file(folder.path() / "a.zip");
}

std::string unpack(const ZipMember& member) {
  if (member.method == 0) return std::string(as_text(member.packed));
  std::string text;
  const Inflated result = inflate(member.packed, member.size, [&](ByteSpan bytes) {
    text += as_text(bytes);
    return true;
  });
  EXPECT_EQ(result.crc, member.crc);
  return text;
}

std::vector<std::string> rules(const Zip& zip) {
  std::vector<std::string> result;
  for (const Finding& finding : zip.findings) result.push_back(finding.rule);
  return result;
}

TEST(Zip, StoredAndDeflatedMembersAreFoundInPlace) {
  const std::string bytes = python_zip(
      "z.writestr('torch/a.txt', 'stored')\n"
      "z.writestr('torch/b.txt', 'deflated ' * 1000, zipfile.ZIP_DEFLATED)\n"
      "z.writestr('torch/', '')");
  const Zip zip = read_zip(as_byte_span(bytes), "a.zip");
  ASSERT_EQ(zip.members.size(), 3u);
  EXPECT_EQ(zip.members[0].name, "torch/a.txt");
  EXPECT_EQ(unpack(zip.members[0]), "stored");
  EXPECT_EQ(unpack(zip.members[1]).size(), 9000u);
  EXPECT_TRUE(zip.members[2].folder);
  EXPECT_TRUE(zip.findings.empty());
}

TEST(Zip, SixtyFourBitSizesAndCountsAreRead) {
  const std::string bytes = python_zip(
      "for i in range(70000): z.writestr(f'{i}', '')\n"
      "with z.open('big', 'w', force_zip64=True) as f: f.write(b'x' * 100)");
  const Zip zip = read_zip(as_byte_span(bytes), "a.zip");
  ASSERT_EQ(zip.members.size(), 70001u);
  EXPECT_EQ(unpack(zip.members.back()), std::string(100, 'x'));
  EXPECT_TRUE(zip.findings.empty());
}

TEST(Zip, ACommentMayHoldWhatEndsADirectory) {
  const std::string bytes = python_zip("z.writestr('a', 'x')\nz.comment = b'PK\\x05\\x06' + b'x' * 60000");
  EXPECT_EQ(unpack(read_zip(as_byte_span(bytes), "a.zip").members.at(0)), "x");
}

TEST(Zip, NamesThatClimbOutAreFound) {
  for (const std::string name :
       {"../../etc/passwd", "/etc/passwd", "a/../../b", "C:/windows", "a\\\\..\\\\b"}) {
    const std::string bytes = python_zip("z.writestr('" + name + "', 'x')");
    EXPECT_EQ(rules(read_zip(as_byte_span(bytes), "a.zip")), std::vector<std::string>{"wheel-path"}) << name;
  }
}

TEST(Zip, LinksAndDuplicatesAreFound) {
  const std::string bytes = python_zip(
      "i = zipfile.ZipInfo('link'); i.create_system = 3; i.external_attr = 0o120777 << 16\n"
      "z.writestr(i, '/etc/passwd')\nz.writestr('same', 'a')\nz.writestr('same', 'b')");
  EXPECT_EQ(rules(read_zip(as_byte_span(bytes), "a.zip")),
            (std::vector<std::string>{"wheel-link", "wheel-duplicate"}));
}

TEST(Zip, NamesOfOnePathAreDuplicatesAndAFileIsNoFolder) {
  const auto found = [](const std::string& code) {
    return rules(read_zip(as_byte_span(python_zip(code)), "a.zip"));
  };
  EXPECT_EQ(found("z.writestr('p/./a', 'x')"), std::vector<std::string>{"wheel-path"});
  EXPECT_EQ(found("z.writestr('p//a', 'x')\nz.writestr('p/a', 'x')"),
            (std::vector<std::string>{"wheel-path", "wheel-duplicate"}));
  EXPECT_EQ(found("z.writestr('p/a', 'x')\nz.writestr('p/a/b', 'x')"),
            std::vector<std::string>{"wheel-duplicate"});
  EXPECT_EQ(found("z.writestr('p/', '')\nz.writestr('p/a', 'x')\nz.writestr('p/.a.', 'x')"),
            std::vector<std::string>{});
}

TEST(Zip, MembersThatShareTheirBytesAreABomb) {
  std::string bytes = python_zip("z.writestr('a', 'x' * 100)\nz.writestr('b', 'x' * 100)");
  // Point b's directory entry to a's local header.
  const std::size_t second = bytes.rfind("PK\x01\x02");
  bytes.replace(second + 42, 4, std::string(4, '\0'));
  const Zip zip = read_zip(as_byte_span(bytes), "a.zip");
  EXPECT_EQ(rules(zip), std::vector<std::string>{"wheel-bomb"});
  EXPECT_FALSE(zip.members[1].readable);
}

TEST(Zip, ASizeThatDeflateCannotMakeIsABomb) {
  std::string bytes = python_zip("z.writestr('a', 'x' * 100, zipfile.ZIP_DEFLATED)");
  const std::size_t entry = bytes.rfind("PK\x01\x02");
  bytes.replace(entry + 24, 4, "\xff\xff\xff\x7f");
  const Zip zip = read_zip(as_byte_span(bytes), "a.zip");
  EXPECT_EQ(rules(zip), std::vector<std::string>{"wheel-bomb"});
  EXPECT_FALSE(zip.members[0].readable);
}

TEST(Zip, AMemberThatHoldsMoreThanItClaimsStopsThere) {
  std::string bytes = python_zip("z.writestr('a', 'x' * 100000, zipfile.ZIP_DEFLATED)");
  const std::size_t entry = bytes.rfind("PK\x01\x02");
  bytes.replace(entry + 24, 4, std::string("\x10\x00\x00\x00", 4));
  const Zip zip = read_zip(as_byte_span(bytes), "a.zip");
  std::uint64_t seen = 0;
  EXPECT_THROW(inflate(zip.members[0].packed, zip.members[0].size,
                       [&](ByteSpan out) {
                         seen += out.size();
                         return true;
                       }),
               Error);
  EXPECT_EQ(seen, 0u);
}

TEST(Zip, AnEmptyMemberWhoseNameLeavesTheFileIsDamaged) {
  std::string bytes = python_zip("z.writestr('a', '')");
  bytes.replace(28, 2, "\xff\xff");  // length of the extra field in the local header
  const Zip zip = read_zip(as_byte_span(bytes), "a.zip");
  EXPECT_EQ(rules(zip), std::vector<std::string>{"wheel-damaged"});
  EXPECT_FALSE(zip.members[0].readable);
}

TEST(Zip, NoTruncationCrashes) {
  const std::string bytes =
      python_zip("z.writestr('a', 'stored' * 10)\nz.writestr('b', 'deflated ' * 100, zipfile.ZIP_DEFLATED)");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THROW(read_zip(as_byte_span(bytes).first(size), "a.zip"), Error) << size;
  }
  const Zip zip = read_zip(as_byte_span(bytes), "a.zip");
  for (std::size_t size = 0; size < zip.members[1].packed.size(); ++size) {
    EXPECT_THROW(inflate(zip.members[1].packed.first(size), 900, [](ByteSpan) { return true; }), Error);
  }
}

}  // namespace
}  // namespace lathe
