// SPDX-License-Identifier: MIT
// A new image: an OCI layout in a folder or in a tar archive, beside its place until it is whole.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "package/images/files.h"
#include "package/images/manifest.h"

namespace lathe {

class ImageOutput {
 public:
  enum class Form { folder, archive };
  static std::unique_ptr<ImageOutput> make(
      Form form, const std::filesystem::path& place);  // Error when something is there
  virtual ~ImageOutput() = default;

  // A blob whose digest is known only when it is written: `write` gets where its bytes go and tells it.
  using Put = std::function<void(std::string_view)>;
  virtual NewLayer write_blob(const std::function<NewLayer(const Put&)>& write) = 0;
  virtual void copy_blob(const ImageFiles::Place& from, const std::string& digest) = 0;
  std::string add_blob(std::string_view content);  // its digest
  virtual void add(const std::string& name, std::string_view content) = 0;
  virtual void finish() = 0;  // in place
  std::uint64_t size() const { return size_; }

 protected:
  bool first_time(const std::string& digest) { return written_.insert(digest).second; }

  std::uint64_t size_ = 0;  // of all files

 private:
  std::set<std::string> written_;
};

}  // namespace lathe
