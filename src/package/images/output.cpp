// SPDX-License-Identifier: MIT
#include "package/images/output.h"

#include <optional>
#include <system_error>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"
#include "base/hash.h"
#include "formats/tar.h"
#include "os/file.h"
#include "os/new_file.h"
#include "os/unfinished.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

std::string blob_name(const std::string& digest) { return "blobs/sha256/" + digest; }

// Bytes that are written at growing offsets, not a system call for each few.
class Writing {
 public:
  Writing(NewFile& file, std::uint64_t at) : file_(file), at_(at) {}
  void put(std::string_view bytes) {
    pending_ += bytes;
    if (pending_.size() >= most) flush();
  }
  void flush() {
    file_.patch(at_, pending_);
    at_ += pending_.size();
    pending_.clear();
  }

 private:
  static constexpr std::size_t most = 1 << 20;
  NewFile& file_;
  std::uint64_t at_;
  std::string pending_;
};

class FolderOutput final : public ImageOutput {
 public:
  explicit FolderOutput(fs::path place)
      : place_(std::move(place)), folder_(place_, Unfinished::Kind::folder) {
    create_folders(root() / "blobs" / "sha256");
  }

  NewLayer write_blob(const std::function<NewLayer(const Put&)>& write) override {
    const fs::path written = root() / "blobs" / "sha256" / "unfinished";
    NewLayer layer;
    {
      NewFile file(written);
      Writing writing(file, 0);
      layer = write([&](std::string_view bytes) { writing.put(bytes); });
      writing.flush();
      fs::permissions(file.path(), readable);
      file.put_in_place(false);
    }
    if (first_time(layer.digest)) {
      fs::rename(written, root() / blob_name(layer.digest));
      size_ += layer.size;
    } else {
      fs::remove(written);
    }
    return layer;
  }

  void copy_blob(const ImageFiles::Place& from, const std::string& digest) override {
    if (!first_time(digest)) return;
    NewFile file(root() / blob_name(digest));
    file.copy(*from.file, {.from = from.at, .to = 0, .size = from.size});
    fs::permissions(file.path(), readable);
    file.put_in_place(false);
    size_ += from.size;
  }

  void add(const std::string& name, std::string_view content) override {
    write_file_atomically(root() / name, content);
    size_ += content.size();
  }

  void finish() override {
    fs::permissions(root(),
                    readable | fs::perms::owner_exec | fs::perms::group_exec | fs::perms::others_exec);
    folder_.put_in_place(Unfinished::Over::nothing);
  }

 private:
  static constexpr fs::perms readable =
      fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read | fs::perms::others_read;

  fs::path root() const { return folder_.path(); }

  const fs::path place_;
  Unfinished folder_;
};

class ArchiveOutput final : public ImageOutput {
 public:
  explicit ArchiveOutput(const fs::path& place) : file_(place) {}

  NewLayer write_blob(const std::function<NewLayer(const Put&)>& write) override {
    const std::uint64_t header_at = size_;
    Writing writing(file_, header_at + tar_block);
    const NewLayer layer = write([&](std::string_view bytes) { writing.put(bytes); });
    writing.put(std::string(tar_padding(layer.size), '\0'));
    writing.flush();
    if (first_time(layer.digest)) begin(blob_name(layer.digest), layer.size);
    else fs::resize_file(file_.path(), size_);  // it is there already
    return layer;
  }

  void copy_blob(const ImageFiles::Place& from, const std::string& digest) override {
    if (!first_time(digest)) return;
    const std::uint64_t at = size_ + tar_block;
    file_.copy(*from.file, {.from = from.at, .to = at, .size = from.size});
    file_.patch(at + from.size, std::string(tar_padding(from.size), '\0'));
    begin(blob_name(digest), from.size);
  }

  void add(const std::string& name, std::string_view content) override {
    const std::uint64_t at = size_ + tar_block;
    file_.patch(at, content);
    file_.patch(at + content.size(), std::string(tar_padding(content.size()), '\0'));
    begin(name, content.size());
  }

  void finish() override {
    file_.patch(size_, std::string(2 * tar_block, '\0'));
    size_ += 2 * tar_block;
    fs::resize_file(file_.path(), size_);
    fs::permissions(file_.path(), fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read |
                                      fs::perms::others_read);
    file_.put_in_place(false);
  }

 private:
  void begin(const std::string& name, std::uint64_t size) {
    file_.patch(size_, tar_file_header(name, size));
    size_ += tar_block + size + tar_padding(size);
  }

  NewFile file_;
};

}  // namespace

std::unique_ptr<ImageOutput> ImageOutput::make(Form form, const fs::path& place) {
  if (form == Form::folder) return std::make_unique<FolderOutput>(place);
  return std::make_unique<ArchiveOutput>(place);
}

std::string ImageOutput::add_blob(std::string_view content) {
  const std::string digest = to_hex(sha256(as_byte_span(content)));
  if (first_time(digest)) add(blob_name(digest), content);
  return digest;
}

}  // namespace lathe
