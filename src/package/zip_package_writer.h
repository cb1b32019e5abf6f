// SPDX-License-Identifier: MIT
// Inside of package only. Writes a zip archive again: members that change are unpacked into a folder beside
// the result and packed on all cores, all others go over as they lie there. Formats that are zip archives
// derive from it, and say what the archive says of itself.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "formats/streams/deflate_blocks.h"
#include "formats/streams/splice.h"
#include "formats/streams/unpack.h"
#include "formats/zip.h"
#include "formats/zip_writer.h"
#include "os/new_file.h"
#include "os/unfinished.h"
#include "package/wheel_names.h"
#include "package/writer.h"
#include "package/zip_package.h"

namespace lathe {

class ZipPackageWriter : public PackageWriter {
 public:
  ZipPackageWriter(const ZipPackage& package, std::string_view kind, PackageWriteOptions options);

  void begin() override;
  std::filesystem::path old_file(std::size_t member) override;
  std::filesystem::path new_file(std::size_t member) override;
  using PackageWriter::replace;
  void replace(std::size_t member, std::string_view content) override;
  void keeps(std::size_t member, std::vector<CopyRun> runs) override;
  WrittenPackage finish() override;

 protected:
  // What is written after the members: what the archive says of itself. `written`: by path, what is new.
  struct Output {
    ZipWriter& zip;
    std::map<std::string, RecordedFile>& written;
    // A new file with the time and attributes of an old member.
    void add(const ZipMember& like, const std::string& path, std::string_view content);
  };
  virtual void write_last(Output& out) = 0;
  // Is it written by write_last?
  virtual bool is_last(std::size_t member) const = 0;

  [[noreturn]] void fail(std::string what, std::string next) const;
  void refuse_what_is_damaged() const;
  // What a member that is replaced holds now.
  RecordedFile recorded_now(std::size_t member);
  const ZipPackage& zip_package() const { return zip_; }
  std::string text(std::size_t member) const;  // all of it; Error when it is damaged or too large for one
  std::filesystem::path free_place(
      const std::filesystem::path& place) const;  // Error when something is there
  WrittenPackage copy_to(const std::filesystem::path& place) const;

  std::filesystem::path place_;  // of the new one: known before begin()

 private:
  // Made when it is missing, and taken away again when nothing came into it.
  class MadeFolder {
   public:
    explicit MadeFolder(const std::filesystem::path& path);
    MadeFolder(const MadeFolder&) = delete;
    MadeFolder& operator=(const MadeFolder&) = delete;
    ~MadeFolder();

   private:
    std::vector<std::filesystem::path> made_;  // the deepest first
  };

  void expect_same_file() const;
  void expect_unchanged() const;
  void extract_noting(std::size_t member, const std::filesystem::path& path);
  void write_member(ZipWriter& zip, std::size_t member);
  void check(const NewFile& file) const;
  std::optional<OldStream> old_stream(std::size_t member) const;

  const ZipPackage& zip_;
  const std::string_view kind_;
  const SourceFile source_;
  std::optional<MadeFolder> made_;  // goes after what lies in it
  std::optional<Unfinished> scratch_;
  std::mutex changing_;  // the next four
  std::set<std::size_t> unpacked_;
  std::map<std::size_t, std::vector<BlockStart>> starts_;
  std::map<std::size_t, std::vector<SameRun>> same_;
  std::map<std::size_t, std::string> texts_;     // new content that is not a file
  std::map<std::string, RecordedFile> written_;  // by new path
  std::set<std::string> spliced_;                // of those
};

// Of an archive that is no format of its own. RECORDs in it follow their files.
std::unique_ptr<PackageWriter> write_zip(const ZipPackage& package, PackageWriteOptions options);

}  // namespace lathe
