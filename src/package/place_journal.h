// SPDX-License-Identifier: MIT
// A folder that is changed in its own place: who changes it, and what is under way. Each file is old or new
// at every moment by itself; whether the lists of files (RECORD, checksums.txt) have followed is what a
// killed run leaves open. So each change is written down before it is made, and the next run in this folder
// mends the lines of what stands there.
#pragma once

#include <filesystem>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "os/descriptor.h"

namespace lathe {

inline constexpr std::string_view place_journal_name = ".torchlathe-journal";

// A change that was going to be made. Whether it was, the file tells.
struct PlaceChange {
  enum class Kind : char {
    changed = 'c',  // gets new content, or goes
    added = 'a',    // may be new
  };
  Kind kind = Kind::changed;
  std::string path = {};    // from the folder, "/" between its parts; never leads out of it
  std::string record = {};  // what whoever changes it has to say of it, for its own record; or ""
  bool operator==(const PlaceChange&) const = default;
};

// Of a journal's text; one that was cut short loses its last change, which was not made then. Changes of
// paths that lead out of the folder are left out: somebody else wrote them.
std::vector<PlaceChange> parse_place_journal(std::string_view text);
std::string place_journal_text(const PlaceChange& change);

// A text in the place of another one, whole at every moment: with the old one's owner and permissions, and
// without what killed programs left of it.
void replace_whole(const std::filesystem::path& file, std::string_view content);

// The exclusive right to change a folder and all below it, and its journal. Lets others read. Its functions
// may be called from several threads at once.
class PlaceJournal {
 public:
  // Error when another process changes this folder, one above it or one below it. Where the file system knows
  // no locks there is none. What killed runs left half-written is removed.
  explicit PlaceJournal(const std::filesystem::path& folder);
  PlaceJournal(const PlaceJournal&) = delete;
  PlaceJournal& operator=(const PlaceJournal&) = delete;

  // Changes that killed runs left, in this folder and in those below it that finish() is told.
  const std::vector<PlaceChange>& earlier() const { return earlier_; }
  // A folder below, "lib/torch", that has a journal of its own. Its changes are among the earlier ones.
  void take_over(const std::string& folder);

  // On the disk when it returns: the change may be made then.
  void will_change(const std::vector<PlaceChange>& changes);
  // Everything is as the lists say. Without this the journal stays, if there is something in it: the next run
  // finishes.
  void finish();

 private:
  void read_earlier(const std::filesystem::path& journal, const std::string& folder);
  void remove_half_written() const;
  void lock(const std::filesystem::path& folder);
  void open_journal();

  std::filesystem::path folder_;
  std::vector<Descriptor> locks_;  // this folder's, then those of the folders above it
  std::set<std::filesystem::path> taken_over_;
  std::vector<PlaceChange> earlier_;
  std::mutex mutex_;
  Descriptor file_;  // the journal, from the first change on
};

}  // namespace lathe
