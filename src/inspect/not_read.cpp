// SPDX-License-Identifier: MIT
#include "inspect/not_read.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <string_view>
#include <tuple>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "device/vendor.h"
#include "formats/archive.h"
#include "inspect/inspect.h"
#include "formats/known_formats.h"
#include "formats/tar_walk.h"
#include "formats/zip_read.h"
#include "formats/zip.h"
#include "package/kinds.h"

namespace lathe {
namespace {

using Holds = NotRead::Holds;
using Kind = KnownFormat::Kind;

// Of what comes out of a compressed file; dateutil's time zones, the archive that most Python environments
// hold, are 0.9 MB.
constexpr std::uint64_t most_unpacked = 32 << 20;

// Names of sections stand in the headers, PE cuts them.
bool names_device_sections(ByteSpan bytes) {
  constexpr std::size_t headers = 16 << 10;
  const std::string_view text = as_text(bytes.first(std::min(headers, bytes.size())));
  const auto named = [&](std::string_view name) { return text.find(name) != std::string_view::npos; };
  return std::ranges::any_of(vendors(), [&](const Vendor* vendor) {
    return std::ranges::any_of(vendor->names_in_headers(), named);
  });
}

std::string with_article(std::string_view words) {
  constexpr std::string_view vowels = "aeioEIO";  // also of ELF, ISO
  const bool an = !words.empty() && vowels.find(words[0]) != std::string_view::npos;
  return fmt::format("{} {}", an ? "an" : "a", words);
}

// What the files of an archive show, one after another: the most telling is kept.
class Contents {
 public:
  explicit Contents(NotRead& out) : out_(out) { out_.holds = Holds::nothing; }

  // False: it holds code, no more need be known.
  bool add(std::string_view name, ByteSpan start) {
    const std::string_view code = code_format(start);
    if (!code.empty()) {
      note(Holds::code, name, with_article(code));
    } else if (const KnownFormat* format = known_format(start)) {
      add_unread(name, *format, start);
    }
    return out_.holds < Holds::code;
  }

  void cannot_tell(std::string why) {
    if (out_.holds >= Holds::unknown) return;
    out_.holds = Holds::unknown;
    out_.seen = std::move(why);
  }

 private:
  void add_unread(std::string_view name, const KnownFormat& format, ByteSpan start) {
    const bool device =
        format.kind == Kind::device_code || (format.kind == Kind::cpu_code && names_device_sections(start));
    Holds holds = device ? Holds::device_code : Holds::unknown;
    if (!device && format.kind == Kind::cpu_code) holds = Holds::code;
    if (format.kind == Kind::linker_code) holds = Holds::linker_code;
    note(holds, name,
         format.kind == Kind::compressed ? std::string(format.words) : with_article(format.words));
  }

  void note(Holds holds, std::string_view name, const std::string& what) {
    if (holds <= out_.holds) return;
    out_.holds = holds;
    out_.seen = name.empty() ? fmt::format("in it is {}", what)
                             : fmt::format("{} in it is {}", printable(name), what);
  }

  NotRead& out_;
};

bool names_container_image(std::string_view name) {
  return name == "oci-layout" || name.ends_with("/layer.tar") || name.starts_with("blobs/sha256/");
}

class TarLook {
 public:
  explicit TarLook(NotRead& out)
      : out_(out), contents_(out), walk_([this](std::string_view name, ByteSpan start) {
          image_ = image_ || names_container_image(name);
          return contents_.add(name, start);
        }) {
    out_.words = "tar archive";
  }

  bool feed(ByteSpan piece) { return walk_.feed(piece); }

  void finish() {
    if (out_.holds < Holds::code && !walk_.complete())
      contents_.cannot_tell("it could not be looked through to its end");
    if (image_) out_.words = "container image in a tar archive";
  }

 private:
  NotRead& out_;
  Contents contents_;
  TarWalk walk_;
  bool image_ = false;
};

// What comes out of a compressed file: a tar archive is gone through, of all else the first bytes tell.
class StreamLook {
 public:
  StreamLook(NotRead& out) : out_(out) { out_.words = "file"; }

  bool feed(ByteSpan piece) {
    taken_ += piece.size();
    if (judged_) return tar_ && tar_->feed(piece) && taken_ <= most_unpacked;
    const std::size_t wanted = std::min(look_size - start_.size(), piece.size());
    start_ += as_text(piece.first(wanted));
    if (start_.size() < look_size) return true;
    judge();
    return tar_ && tar_->feed(piece.subspan(wanted)) && taken_ <= most_unpacked;
  }

  void finish() {
    if (!judged_) judge();
    if (tar_) tar_->finish();
  }

 private:
  void judge() {
    judged_ = true;
    if (looks_like_tar_header(as_byte_span(start_))) {
      tar_.emplace(out_);
      tar_->feed(as_byte_span(start_));
    } else {
      Contents(out_).add("", as_byte_span(start_));
    }
  }

  NotRead& out_;
  std::string start_;
  std::uint64_t taken_ = 0;
  bool judged_ = false;
  std::optional<TarLook> tar_;
};

void look_into_stream(ByteSpan bytes, const KnownFormat& format, NotRead& out) {
  StreamLook look(out);
  std::string damage;
  try {
    format.unpack(bytes, [&](ByteSpan piece) { return look.feed(piece); });
  } catch (const Error& error) {
    damage = error.parts().what;
  }
  look.finish();
  if (!damage.empty()) Contents(out).cannot_tell(damage);
  out.words += fmt::format(" {}", format.words);
}

void look_into_zip(ByteSpan bytes, NotRead& out) {
  Contents contents(out);
  try {
    const Zip zip = read_zip(bytes, "");
    out.words = words_for_zip(zip);
    for (const ZipMember& member : zip.members) {
      if (member.folder) continue;
      if (!member.readable)
        contents.cannot_tell(fmt::format("{} in it {}", printable(member.name), member.why_unreadable()));
      else if (!contents.add(member.name, as_byte_span(start_of(member)))) return;
    }
  } catch (const Error& error) {
    contents.cannot_tell(error.parts().what);
  }
}

// Objects of Windows or macOS; or a Debian package, which is one of these too.
std::optional<NotRead> look_into_archive(ByteSpan bytes) {
  if (is_thin_archive(bytes)) {
    return NotRead{.format = "thin archive",
                   .words = "thin archive, which holds only the names of its objects",
                   .holds = NotRead::Holds::nothing};
  }
  Findings ignored;
  const std::vector<ArchiveMember> members = read_archive(bytes, "", ignored);
  if (members.empty()) return std::nullopt;
  if (members[0].name == "debian-binary") return NotRead{.format = "deb", .words = "Debian package"};
  NotRead out{.format = "static archive", .words = "static archive of objects that are not read"};
  const bool device = as_text(bytes).find(".nv_fatb") != std::string_view::npos;
  out.holds = device ? Holds::device_code : Holds::cpu_code;
  return out;
}

// An installer, a program that Python unpacks itself.
std::optional<NotRead> look_into_script(ByteSpan bytes) {
  if (as_text(bytes).find('\0') == std::string_view::npos) return std::nullopt;
  return NotRead{.format = "script", .words = "script with data behind it that is not text"};
}

NotRead look_into_format(ByteSpan bytes, bool whole, const KnownFormat& format) {
  NotRead out{.format = std::string(format.name), .words = std::string(format.words)};
  switch (format.kind) {
    case Kind::cpu_code:
      out.holds = names_device_sections(bytes) ? Holds::device_code : Holds::cpu_code;
      if (out.holds == Holds::device_code) out.seen = "it has sections of device code";
      break;
    case Kind::linker_code: out.holds = Holds::linker_code; break;
    case Kind::device_code: out.holds = Holds::device_code; break;
    case Kind::compressed: look_into_stream(bytes, format, out); break;
    case Kind::files:
      if (format.name == "zip" && whole) look_into_zip(bytes, out);
      if (format.name != "tar") break;
      TarLook tar(out);
      tar.feed(bytes);
      tar.finish();
      break;
  }
  return out;
}

// A carve writes ELF files alone.
std::optional<NotRead> not_carved(ByteSpan bytes, std::string_view format) {
  if (format != "PE file" || !names_device_sections(bytes)) return std::nullopt;
  return NotRead{.format = "PE",
                 .words = "Windows program or library (PE), which is read and not carved",
                 .holds = Holds::device_code,
                 .seen = "it has sections of device code",
                 .size = bytes.size()};
}

std::string name_in(const NotRead& file) {
  const bool below = !file.within.empty() && file.path.starts_with(file.within);
  const std::size_t slash = file.path.find('/', file.within.size());
  return printable(below && slash == file.within.size() ? file.path.substr(slash + 1) : file.path);
}

std::string_view fix_for(const NotRead& file) {
  if (file.severity == Severity::note || file.holds == Holds::linker_code) return "";
  return file.holds == Holds::cpu_code || file.format == "PE" || file.format == "Mach-O"
             ? "only 64-bit ELF and PE files are read: give the build for Linux"
             : "unpack it and give the files";
}

Finding finding_of(const NotRead& file) {
  return {.rule = "not-read",
          .severity = file.severity,
          .where = {.file = file.path},
          .what = fmt::format("not read: {}{}{}", file.words, file.seen.empty() ? "" : "; ", file.seen),
          .fix = std::string(fix_for(file))};
}

// "not read: 58 times Windows program or library (PE): a.dll, b.dll, c.dll and 55 more"
Finding finding_of(const std::vector<const NotRead*>& files) {
  constexpr std::size_t most_names = 3;
  const NotRead& first = *files[0];
  if (files.size() == 1) return finding_of(first);
  std::string names;
  for (std::size_t i = 0; i < std::min(most_names, files.size()); ++i)
    names += (i == 0 ? "" : ", ") + name_in(*files[i]);
  if (files.size() > most_names) names += fmt::format(" and {} more", files.size() - most_names);
  return {.rule = "not-read",
          .severity = first.severity,
          .where = {.file = first.within},
          .what = fmt::format("not read: {} times {} ({}): {}", files.size(), first.words,
                              to_string(first.holds), names),
          .fix = std::string(fix_for(first))};
}

}  // namespace

std::string_view to_string(Holds holds) {
  switch (holds) {
    case Holds::nothing: return "no machine code seen in it";
    case Holds::cpu_code: return "no device code seen in it";
    case Holds::linker_code: return "device code for a linker";
    case Holds::unknown: return "what it holds is not known";
    case Holds::code: return "with machine code in it";
    case Holds::device_code: return "with device code in it";
  }
  return "";
}

std::string_view to_key(Holds holds) {
  switch (holds) {
    case Holds::nothing: return "nothing";
    case Holds::cpu_code: return "machine code";
    case Holds::linker_code: return "code for a linker";
    case Holds::unknown: return "unknown";
    case Holds::code: return "code";
    case Holds::device_code: return "device code";
  }
  return "";
}

std::optional<NotRead> look_into(ByteSpan bytes, bool whole) {
  if (looks_like_archive(bytes)) return look_into_archive(bytes);
  if (as_text(bytes).starts_with("#!")) return look_into_script(bytes);
  const KnownFormat* format = known_format(bytes);
  if (format == nullptr) return std::nullopt;
  NotRead file = look_into_format(bytes, whole, *format);
  file.size = whole ? bytes.size() : 0;
  return file;
}

std::optional<NotRead> look_for_device_code(ByteSpan bytes, bool whole) {
  constexpr std::string_view deb = "!<arch>\ndebian-binary";
  const std::string_view read = code_format(bytes.first(std::min(look_size, bytes.size())));
  if (auto file = not_carved(bytes, read)) return file;
  if (!read.empty() && !as_text(bytes).starts_with(deb)) return std::nullopt;
  auto file = look_into(bytes, whole);
  if (file && file->holds <= NotRead::Holds::linker_code) return std::nullopt;
  return file;
}

Severity severity_of(const NotRead& file, bool others_were_read) {
  if (file.within.empty()) return Severity::error;
  if (file.holds == Holds::nothing) return Severity::note;
  return file.holds <= Holds::linker_code && others_were_read ? Severity::warning : Severity::error;
}

Findings findings_of(const std::vector<NotRead>& files) {
  Findings findings;
  std::map<std::tuple<Severity, std::string, std::string, Holds>, std::vector<const NotRead*>> groups;
  for (const NotRead& file : files) {
    if (file.within.empty()) findings.add(finding_of(file));
    else groups[{file.severity, file.within, file.words, file.holds}].push_back(&file);
  }
  for (const auto& [key, group] : groups) findings.add(finding_of(group));
  return findings;
}

}  // namespace lathe
