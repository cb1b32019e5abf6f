// SPDX-License-Identifier: MIT
// Inside of package only. Tar archives, Nix archives and conda packages: their members are the files of one
// archive, of a .conda package of two. They are read as the layers of images are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "formats/streams/unpack.h"
#include "formats/zip.h"
#include "os/mapped_file.h"
#include "package/images/layer.h"
#include "package/images/spool.h"
#include "package/images/view.h"
#include "package/kinds.h"
#include "package/package.h"
#include "package/writer.h"

namespace lathe {

class ArchivePackage final : public Package {
 public:
  // What it is beside an archive, and so what has to follow its files.
  enum class Form : std::uint8_t {
    tar,
    nar,        // of Nix
    conda_tar,  // NAME.tar.bz2 with info/ in it
    conda_zip,  // NAME.conda
  };

  ArchivePackage(PathLook look, Form form);  // Error when it is damaged

  bool describes_itself(std::string_view) const override { return true; }
  std::string part(std::size_t member, std::uint64_t from, std::uint64_t count) const override;
  void read(std::size_t member, const UnpackSink& sink) const override;
  std::optional<MemberContent> in_place(std::size_t member) const override;
  void expect_whole() const override { map_.expect_whole(); }

  Form form() const { return form_; }
  bool is_conda() const { return form_ == Form::conda_tar || form_ == Form::conda_zip; }
  ByteSpan bytes() const { return map_.bytes(); }
  const FileIdentity& file() const { return file_; }
  const std::vector<const Layer*>& layers() const { return layer_pointers_; }
  const ImageView& view() const { return view_; }
  const Zip& zip() const { return zip_; }  // of a .conda
  // The member of it that a layer is.
  std::size_t zip_member_of(std::size_t layer) const { return zip_members_[layer]; }
  EntryOfLayer entry_of(std::size_t member) const;  // of a hard link that of its file
  EntryOfLayer own_entry_of(std::size_t member) const { return entries_[member]; }
  std::filesystem::path own_file(std::size_t member) const;  // unpacked already; "" where there is none
  std::filesystem::path spool() const { return spool_.path(); }
  // A file in info/ of a conda package; nullopt: there is none.
  std::optional<EntryOfLayer> info(std::string_view file) const;
  std::string text(EntryOfLayer entry) const;  // Error when it is too large for one

 private:
  void scan();
  void expect_a_folder() const;
  void list();
  void note_what_is_doubled();

  Form form_;
  FileIdentity file_;
  Zip zip_;
  std::vector<std::size_t> zip_members_;  // by layer
  MappedFile map_;
  SpoolFolder spool_;
  std::vector<std::unique_ptr<Layer>> layers_;
  std::vector<const Layer*> layer_pointers_;
  ImageView view_;
  std::vector<EntryOfLayer> entries_;  // by member
};

std::unique_ptr<PackageWriter> write_archive(const ArchivePackage& archive, PackageWriteOptions options);

}  // namespace lathe
