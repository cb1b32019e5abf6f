// SPDX-License-Identifier: MIT
#include "nix/record.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <iterator>
#include <map>
#include <mutex>
#include <set>
#include <span>
#include <system_error>
#include <utility>

#include "base/parallel.h"
#include "base/text.h"
#include "nix/command.h"
#include "nix/mentioned.h"
#include "nix/nix.h"
#include "nix/recorder_text.h"
#include "os/file.h"

namespace lathe {

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

// No honest recipe comes near these.
constexpr std::size_t longest_line = std::size_t{8} << 20;
constexpr std::size_t longest_error = std::size_t{64} << 10;
constexpr int most_notes = 1000;
constexpr std::size_t most_names = 20000;
constexpr int most_files = 10000;
// With so many recipes for each, evaluations side by side pay for their start.
constexpr std::size_t recipes_per_process = 22;

// How nixpkgs names a set of CUDA packages of one release.
constexpr std::string_view cuda_set_prefix = "cudaPackages_";

using Names = std::vector<std::string_view>;  // sorted, each once

// A recipe as read from disk, waiting to be evaluated.
struct Candidate {
  std::size_t index = 0;  // in RecordedFolder::recipes
  std::string file;
  std::string text;
  bool imports = false;  // may pull in other files of the folder
  Names names;           // what it mentions; point into `text`, or into what the folder mentions
  Names asked;           // of these, what it may ask for
  DefaultedNames defaulted = {};
};

// "pkgs.hello" -> "pkgs", "hello"
std::pair<std::string_view, std::string_view> parts_of(std::string_view label) {
  const std::size_t dot = label.rfind('.');
  return dot == std::string_view::npos ? std::pair(std::string_view(), label)
                                       : std::pair(label.substr(0, dot), label.substr(dot + 1));
}

// What is seen when a name is asked for that is there for the recipe's sake alone, is not known of one that
// is there by two ways either: one of the two may be the other's in its absence.
void note_doubts(Recorded& recorded, const Names& asked) {
  std::map<std::string_view, int> ways;
  for (const std::string& label : recorded.unknown) ++ways[parts_of(label).second];
  std::vector<std::string> labels = recorded.unknown;
  labels.insert(labels.end(), {"outputs.dev", "outputs.lib"});
  for (std::string& label : labels) {
    const std::string name(parts_of(label).second);
    if (ways[name] > 1 || recorded.made_keys.contains(name) || recorded.asked_names.contains(name) ||
        std::ranges::binary_search(asked, name))
      recorded.doubtful.insert(std::move(label));
  }
}

void fail(Recorded& recorded, Recorded::Cause cause, std::string message, Place where) {
  recorded.kind = Recorded::Kind::failed;
  recorded.failure = {.cause = cause, .message = std::move(message), .where = std::move(where)};
}

class Evaluation {
 public:
  Evaluation(const std::string& nix, std::string folder, std::string shown, const RecordOptions& options,
             std::vector<Recorded>& recipes)
      : nix_(nix),
        folder_(std::move(folder)),
        shown_(std::move(shown)),
        options_(options),
        recipes_(recipes) {}

  // Evaluates the candidates, again from after each that ends the evaluation.
  void run(std::span<const Candidate> candidates) {
    while (!candidates.empty()) {
      const std::size_t done = attempt(candidates);
      candidates = candidates.subspan(done);
    }
  }

 private:
  // One process. Returns how many of the candidates are settled.
  std::size_t attempt(std::span<const Candidate> candidates) {
    token_ = random_token();
    marks_ = make_marks(options_.other_face);
    candidates_ = candidates;
    finished_ = 0;
    began_ = false;
    overrun_.reset();
    stop_ = false;
    errors_.clear();
    const ProcessResult result = options_.run(process());
    if (finished_ == candidates.size()) return finished_;
    if (!began_) {
      // A machine that is slow to start Nix gets more time, once.
      if (!result.timed_out || patience_ > 1) give_up(result);
      patience_ = 20;
      return 0;
    }
    const Candidate& culprit = candidates[finished_];
    // What went before may have used up the memory or held up the machine: it gets a process of its own to
    // try again.
    if (finished_ > 0 && (overrun_ || result.timed_out || result.signal != 0 || out_of_memory()))
      return finished_;
    blame(recipes_[culprit.index], result);
    return finished_ + 1;
  }

  Process process() {
    Process process = isolated_nix(nix_);
    for (const std::string& argument :
         {std::string("--eval"), std::string("--show-trace"), std::string("--option"),
          std::string("restrict-eval"), std::string("true"), std::string("-I"), "lathe-recipes=" + folder_,
          std::string("-")}) {
      process.arguments.push_back(argument);
    }
    process.input = recorder_text(marks_) + nix_string(request()) + "; }\n";
    process.on_line = [this](Stream stream, std::string_view line) {
      if (stream == Stream::err) take(line);
    };
    process.line_limit = longest_line;
    process.quiet_limit = patience_ * options_.time_limit;
    process.memory_limit = options_.memory_limit;
    process.stop = &stop_;
    return process;
  }

  std::string request() const {
    JsonWriter json(JsonWriter::Layout::compact);
    json.begin_object().member("token", token_).member("folder", folder_).member("system", options_.system);
    json.member("other_face", options_.other_face).member("values", options_.values).key("outer");
    if (options_.caller_rev.empty()) json.null();
    else json.value(options_.caller_rev);
    write_facts(json);
    const Names common = common_names();
    json.key("common");
    write_names(json, common);
    write_defaulted(json);
    json.key("recipes").begin_array();
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
      Names own, lacks;
      std::ranges::set_difference(candidates_[i].names, common, std::back_inserter(own));
      std::ranges::set_difference(common, candidates_[i].names, std::back_inserter(lacks));
      json.begin_object().member("index", i).member("file", candidates_[i].file).key("mentioned");
      write_names(json, own);
      json.key("lacks");
      write_names(json, lacks);
      json.key("cuda_sets");
      write_names(json, cuda_sets(candidates_[i].names));
      json.key("there");
      write_there(json, candidates_[i].index);
      json.end_object();
    }
    json.end_array().end_object();
    return json.take();
  }

  // What most of them mention: recipes of one folder differ in a handful of names, and each name costs Nix
  // time.
  Names common_names() const {
    std::map<std::string_view, std::size_t> times;
    for (const Candidate& candidate : candidates_) {
      for (const std::string_view name : candidate.names) ++times[name];
    }
    Names common;
    for (const auto& [name, count] : times) {
      if (2 * count > candidates_.size()) common.push_back(name);
    }
    return common;
  }

  void write_defaulted(JsonWriter& json) const {
    DefaultedNames all;
    for (const Candidate& candidate : candidates_) all.add(candidate.defaulted);
    json.key("defaulted").begin_object();
    for (const auto& [kind, names] :
         {std::pair{"texts", &all.texts}, std::pair{"lists", &all.lists}, std::pair{"sets", &all.sets}})
      json.member(kind, std::vector<std::string>(names->begin(), names->end()));
    json.end_object();
  }

  // Nix looks through names one by one.
  static Names cuda_sets(const Names& names) {
    Names sets;
    for (auto name = std::ranges::lower_bound(names, cuda_set_prefix);
         name != names.end() && name->starts_with(cuda_set_prefix); ++name)
      sets.push_back(*name);
    return sets;
  }

  static void write_names(JsonWriter& json, const Names& names) {
    json.begin_object();
    for (const std::string_view name : names) json.key(name).value(0);
    json.end_object();
  }

  void write_there(JsonWriter& json, std::size_t index) const {
    std::map<std::string_view, Names> sets;
    if (index < options_.there.size()) {
      for (const std::string& label : options_.there[index]) {
        const auto& [set, name] = parts_of(label);
        sets[set].push_back(name);
      }
    }
    json.begin_object();
    for (const auto& [set, names] : sets) {
      json.key(set);
      write_names(json, names);
    }
    json.end_object();
  }

  void take(std::string_view line) {
    const std::string mark = "trace: " + token_ + " ";
    if (line.starts_with(mark) && line.size() > mark.size() + 2) {
      const char kind = line[mark.size()];
      return take_report(kind, line.substr(mark.size() + 2));
    }
    errors_.append(line.substr(0, longest_error)).append("\n");
    // the end tells the cause
    if (errors_.size() > 2 * longest_error) errors_.erase(0, errors_.size() - longest_error);
  }

  void take_report(char kind, std::string_view rest) {
    if (overrun_ || finished_ >= candidates_.size()) return;
    Recorded& recorded = recipes_[candidates_[finished_].index];
    if (kind == 'b' || kind == 'a') {
      begin(recorded);
    } else if (++notes_ > most_notes) {
      overrun(Recorded::Cause::too_large, fmt::format("does more than {} noteworthy things", most_notes));
    } else if (line_was_cut(rest)) {
      overrun(Recorded::Cause::too_large, fmt::format("evaluates to more than {} MiB", longest_line >> 20));
    } else if (Clock::now() - start_ > options_.time_limit) {
      overrun(Recorded::Cause::too_long, "");
    } else {
      read(kind, rest, recorded);
    }
  }

  void begin(Recorded& recorded) {
    recorded = Recorded{.file = std::move(recorded.file), .made_names = recorded.made_names};
    began_ = true;
    notes_ = 0;
    start_ = Clock::now();
  }

  bool line_was_cut(std::string_view rest) const { return rest.size() + token_.size() + 16 >= longest_line; }

  void read(char kind, std::string_view rest, Recorded& recorded) {
    std::string shown;
    if (options_.other_face) {
      shown = replace_all(replace_all(std::string(rest), marks_.open, "<"), marks_.close, ">");
      rest = shown;
    }
    try {
      const Json json = parse_json(rest, recorded.file, {.bytes = longest_line, .depth = 100});
      if (kind == 'n') return read_note(json, recorded, folder_, shown_);
      read_result(json, recorded, folder_, shown_);
      note_doubts(recorded, candidates_[finished_].asked);
      std::erase_if(recorded.made_keys, [&](const std::string& key) {
        return std::ranges::binary_search(candidates_[finished_].names, key);
      });
      ++finished_;
    } catch (const Error&) {
      // Older Nix writes any bytes into JSON. What cannot be read must not stay unnoticed, a note least of
      // all.
      overrun(Recorded::Cause::not_nix, "works with texts that are not UTF-8");
    }
  }

  void overrun(Recorded::Cause cause, std::string message) {
    overrun_ = {.cause = cause, .message = std::move(message)};
    stop_ = true;
  }

  bool out_of_memory() const {
    return errors_.find("out of memory") != std::string::npos ||
           errors_.find("bad_alloc") != std::string::npos ||
           errors_.find("Out of Memory") != std::string::npos;
  }

  // The evaluation did not even begin: that is nobody's recipe.
  [[noreturn]] void give_up(const ProcessResult& result) const {
    throw Error({.what = fmt::format("Nix could not evaluate the recorder ({}): {}", result.ending(),
                                     parse_nix_error(errors_).message),
                 .next = fmt::format("check that {} works: {} --eval --expr 1", nix_, nix_),
                 .kind = ErrorKind::fault});
  }

  void blame(Recorded& recorded, const ProcessResult& result) const {
    const Place file{.file = shown_.empty() ? recorded.file : shown_ + "/" + recorded.file};
    if (overrun_ && overrun_->cause != Recorded::Cause::too_long)
      return fail(recorded, overrun_->cause, overrun_->message, file);
    if (overrun_ || result.timed_out) {
      return fail(
          recorded, Recorded::Cause::too_long,
          fmt::format("was not evaluated after {} ms: it loops without end, or makes something very large",
                      options_.time_limit.count()),
          file);
    }
    if (out_of_memory()) {
      return fail(recorded, Recorded::Cause::too_large,
                  fmt::format("needs more than {} MiB of memory to evaluate", options_.memory_limit >> 20),
                  file);
    }
    NixFailure failure = parse_nix_error(errors_, folder_);
    if (failure.message.empty()) failure.message = "Nix ended without a word: " + result.ending();
    Place where = failure.where.file.empty() ? file : failure.where;
    if (where.file.starts_with(folder_ + "/"))
      where.file =
          shown_.empty() ? where.file.substr(folder_.size() + 1) : shown_ + where.file.substr(folder_.size());
    fail(recorded, Recorded::Cause::error, std::move(failure.message), std::move(where));
  }

  const std::string& nix_;
  const std::string folder_, shown_;
  const RecordOptions& options_;
  std::vector<Recorded>& recipes_;

  std::string token_;
  Marks marks_;
  std::span<const Candidate> candidates_;
  std::size_t finished_ = 0;  // of candidates_; the next one is under way once began_
  bool began_ = false;
  int patience_ = 1;
  int notes_ = 0;
  Clock::time_point start_;
  std::optional<Recorded::Failure> overrun_;
  std::atomic<bool> stop_ = false;
  std::string errors_;
};

// ---- The folder
// -----------------------------------------------------------------------------------------------------

bool is_under(const fs::path& path, const fs::path& folder) {
  return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first == folder.end();
}

// The text of a recipe; or why it is none.
std::optional<std::string> read_recipe(const fs::path& folder, const RecordOptions& options,
                                       Recorded& recorded, const std::string& shown) {
  const Place where{.file = shown.empty() ? recorded.file : shown + "/" + recorded.file};
  const auto reject = [&](std::string message) {
    fail(recorded, Recorded::Cause::not_nix, std::move(message), where);
    return std::nullopt;
  };
  try {
    if (first_bad_utf8(recorded.file)) return reject("its name is not UTF-8");
    if (!is_under(fs::canonical(folder / recorded.file), folder))
      return reject("is a link that leaves the folder");
    std::string text = read_file(folder / recorded.file, options.file_limit);
    if (text.find('\0') != std::string::npos) return reject("holds zero bytes: a binary file, no Nix text");
    return text;
  } catch (const Error& error) {
    return reject(error.parts().what);
  } catch (const fs::filesystem_error& error) {
    return reject(fmt::format("cannot be read: {}", error.code().message()));
  }
}

std::vector<Candidate> read_candidates(const fs::path& folder, const RecordOptions& options,
                                       std::vector<Recorded>& recipes, const std::string& shown) {
  std::vector<Candidate> candidates;
  for (std::size_t i = 0; i < recipes.size(); ++i) {
    auto text = read_recipe(folder, options, recipes[i], shown);
    if (!text) continue;
    const bool imports = text->find("./") != std::string::npos;
    candidates.push_back({.index = i,
                          .file = recipes[i].file,
                          .text = *std::move(text),
                          .imports = imports,
                          .names = {},
                          .asked = {}});
  }
  return candidates;
}

// What any Nix file under the folder mentions: a recipe may import each of them.
struct FolderNames {
  std::set<std::string, std::less<>> mentioned, asked;
  DefaultedNames defaulted;
  MadeNames made;
};
FolderNames names_in_folder(const fs::path& folder, const RecordOptions& options) {
  FolderNames names;
  std::error_code error;
  int files = 0;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    if (entry->path().extension() != ".nix" || !entry->is_regular_file(ignored) || ++files > most_files)
      continue;
    try {
      const std::string text = read_file(entry->path(), options.file_limit);
      const TextNames found = names_in(text);
      for (const std::string_view name : found.mentioned) names.mentioned.emplace(name);
      for (const std::string_view name : found.asked) names.asked.emplace(name);
      names.defaulted.add(found.defaulted);
      names.made |= found.made;
    } catch (const Error&) {
      continue;  // gone or too long: an import of it will fail and say so
    }
    if (names.mentioned.size() > most_names) break;
  }
  return names;
}

void add_names(Names& names, const std::set<std::string>& more) {
  if (more.empty()) return;
  Names all;
  std::ranges::set_union(names, more, std::back_inserter(all));
  names = std::move(all);
}

std::size_t process_count(std::size_t candidates, const RecordOptions& options) {
  if (options.processes > 0) return options.processes;
  return std::clamp<std::size_t>(candidates / recipes_per_process, 1, usable_cores());
}

void evaluate(const std::string& nix, const fs::path& folder, const std::string& shown,
              const RecordOptions& options, std::span<Candidate> candidates, std::vector<Recorded>& recipes) {
  FolderNames all;
  if (std::ranges::any_of(candidates, &Candidate::imports)) all = names_in_folder(folder, options);
  parallel_for_all(candidates.size(), [&](std::size_t i) {
    Candidate& candidate = candidates[i];
    TextNames own = names_in(candidate.text);
    candidate.names =
        candidate.imports ? Names(all.mentioned.begin(), all.mentioned.end()) : std::move(own.mentioned);
    candidate.asked = candidate.imports ? Names(all.asked.begin(), all.asked.end()) : std::move(own.asked);
    candidate.defaulted = candidate.imports ? all.defaulted : std::move(own.defaulted);
    if (candidate.names.size() > most_names) candidate.names.resize(most_names);
    add_names(candidate.names, options.more_names);
    if (candidate.imports) own.made |= all.made;
    recipes[candidate.index].made_names = own.made;
  });
  const std::size_t count = process_count(candidates.size(), options);
  const std::size_t share = (candidates.size() + count - 1) / count;
  parallel_for_all(
      count,
      [&](std::size_t i) {
        const std::size_t start = std::min(i * share, candidates.size());
        Evaluation(nix, folder.string(), shown, options, recipes)
            .run(candidates.subspan(start, std::min(share, candidates.size() - start)));
      },
      static_cast<unsigned>(count));
}

RecordedFolder record(const fs::path& folder, const std::vector<std::string>& files, const std::string& shown,
                      const RecordOptions& options) {
  RecordedFolder result{.folder = folder, .nix_found = true, .recipes = {}};
  for (const std::string& file : files) result.recipes.push_back({.file = file});
  const auto nix = find_nix();
  result.nix_found = nix.has_value();
  const fs::path canonical = fs::canonical(folder);
  std::vector<Candidate> candidates = read_candidates(canonical, options, result.recipes, shown);
  if (nix) {
    evaluate(*nix, canonical, shown, options, candidates, result.recipes);
  } else {
    for (const Candidate& candidate : candidates) {
      fail(result.recipes[candidate.index], Recorded::Cause::none,
           "was not evaluated: there is no Nix on this machine", {});
    }
  }
  return result;
}

}  // namespace

std::vector<std::string> list_recipes(const fs::path& folder) {
  std::vector<std::string> files;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const fs::path name = entry->path().filename();
    std::error_code ignored;
    if (name.extension() == ".nix" && !entry->is_directory(ignored)) files.push_back(name.string());
    else if (entry->is_directory(ignored) && fs::exists(entry->path() / "default.nix", ignored))
      files.push_back((name / "default.nix").string());
  }
  if (error) throw system_error("list the folder", folder.string(), error.value());
  std::ranges::sort(files);
  return files;
}

RecordedFolder record_folder(const fs::path& folder, const RecordOptions& options) {
  return record_files(folder, list_recipes(folder), options);
}

RecordedFolder record_files(const fs::path& folder, const std::vector<std::string>& files,
                            const RecordOptions& options) {
  return record(folder, files, folder == "." ? "" : folder.lexically_normal().string(), options);
}

Recorded record_file(const fs::path& file, const RecordOptions& options) {
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  return std::move(
      record(folder, {file.filename().string()}, file.parent_path().string(), options).recipes.front());
}

}  // namespace lathe
