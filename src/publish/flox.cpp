// SPDX-License-Identifier: MIT
#include "publish/flox.h"

#include <fmt/format.h>

#include <chrono>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/text.h"

namespace lathe {
namespace {

// The last line that says something: programs put the cause there.
std::string last_words(const ProcessResult& result) {
  const std::string_view last = last_line(result.err.empty() ? result.out : result.err);
  return last.empty() ? result.ending() : printable(last);
}

class Git {
 public:
  Git(const std::filesystem::path& project, const RunProcess& run) : folder_(project.string()), run_(run) {}

  ProcessResult ask(std::vector<std::string> words) const {
    words.insert(words.begin(), {"git", "-C", folder_});
    return run_({.arguments = std::move(words), .time_limit = std::chrono::minutes(1)});
  }

  std::string answer(std::vector<std::string> words, const std::string& what, const std::string& next) const {
    const ProcessResult result = ask(std::move(words));
    if (!result.ok()) refuse(fmt::format("{}: {}", what, last_words(result)), next);
    return std::string(trim(result.out));
  }

  [[noreturn]] void refuse(const std::string& what, const std::string& next) const {
    throw Error({.what = what, .where = {.file = folder_}, .next = next});
  }

 private:
  std::string folder_;
  const RunProcess& run_;
};

}  // namespace

std::string pushed_revision(const std::filesystem::path& project, const RunProcess& run) {
  const Git git(project, run);
  git.answer({"rev-parse", "--is-inside-work-tree"},
             "Flox publishes from a git work tree, and this is not one",
             "git init, commit the recipes, push");
  const std::string revision = git.answer({"rev-parse", "--verify", "HEAD"}, "nothing is committed here yet",
                                          "commit the recipes, push");
  const std::string changed = git.answer({"status", "--porcelain"}, "git cannot tell what has changed", "");
  if (!changed.empty()) {
    const std::size_t count = split(changed, '\n').size();
    git.refuse(fmt::format("{} file{} not committed, the first is {}", count, count == 1 ? " is" : "s are",
                           printable(trim(split(changed, '\n').front().substr(2)))),
               "commit them, and push");
  }
  const std::string upstream = git.answer(
      {"rev-parse", "--abbrev-ref", "--symbolic-full-name", "@{upstream}"},
      "this branch tracks no branch that others can fetch", "git push --set-upstream origin BRANCH");
  const std::string ahead =
      git.answer({"rev-list", "--count", "@{upstream}..HEAD"}, "git cannot compare with the upstream", "");
  if (ahead != "0")
    git.refuse(fmt::format("{} commit{} not in {} yet", ahead, ahead == "1" ? " is" : "s are", upstream),
               "git push");
  return revision;
}

std::string flox_publish(const std::filesystem::path& project, const std::string& org,
                         const std::string& name, const RunProcess& run) {
  const ProcessResult result =
      run({.arguments = {"flox", "publish", "-o", org, name}, .folder = project.string()});
  return result.ok() ? "" : last_words(result);
}

}  // namespace lathe
