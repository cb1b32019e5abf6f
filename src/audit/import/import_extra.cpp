// SPDX-License-Identifier: MIT
#include "audit/import/import_extra.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>

#include "audit/import/nix_value.h"
#include "audit/import/understood.h"
#include "base/text.h"
#include "base/toml_string.h"
#include "hardware/flags.h"
#include "matrix/nix_text.h"
#include "nix/shell_flags.h"

namespace lathe {
namespace {

using Names = std::span<const std::string_view>;

bool among(Names names, std::string_view name) { return std::ranges::find(names, name) != names.end(); }

// What the matrix says by its own words: release, name, source, promise.
constexpr std::string_view own_attributes[] = {"pname", "version", "name", "src"};
constexpr std::string_view own_passthru[] = {"gpuArch", "cpuISA", "cudaCapabilities", "torchlathe"};
constexpr std::string_view own_meta[] = {"description", "longDescription", "platforms"};
constexpr std::string_view own_variables[] = {"CXXFLAGS",
                                              "CFLAGS",
                                              "CCACHE_UMASK",
                                              "CCACHE_BASEDIR",
                                              "CCACHE_NOHASHDIR",
                                              "CCACHE_SLOPPINESS",
                                              "CCACHE_COMPILERCHECK",
                                              "CMAKE_C_COMPILER_LAUNCHER",
                                              "CMAKE_CXX_COMPILER_LAUNCHER",
                                              "CMAKE_CUDA_COMPILER_LAUNCHER"};
// Whose lines the audit understands; the others are shell text that nobody reads.
constexpr std::string_view read_phases[] = {"postPatch", "preConfigure", "preBuild"};

bool is_variable(std::string_view name) {
  const auto good = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; };
  return !name.empty() && std::ranges::all_of(name, good);
}

bool is_scalar(const Json& value) { return value.text() || value.get<std::int64_t>() || value.get<bool>(); }

bool is_phase(std::string_view name) {
  const auto starts = [&](std::string_view word) {
    return name.starts_with(word) && name.size() > word.size() && name[word.size()] >= 'A' &&
           name[word.size()] <= 'Z';
  };
  return starts("pre") || starts("post") || name.ends_with("Phase");
}

const Json& member(const Json& json, std::string_view name) {
  static const Json none;
  const Json* found = json.find(name);
  return found ? *found : none;
}

std::string value_of(const ShellVariables& variables, const std::string& name) {
  const auto found = variables.find(name);
  return found == variables.end() ? "" : found->second;
}

// "8" is what the matrix' jobs = 8 becomes, which never takes more jobs than Nix gives cores.
bool same_limit(std::string_view mine, std::string_view theirs) {
  const bool number = !mine.empty() && mine.find_first_not_of("0123456789") == std::string_view::npos;
  return mine == theirs || (number && theirs.find(fmt::format("< {} ?", mine)) != std::string_view::npos);
}

class Comparison {
 public:
  Comparison(const Recorded& got, const std::string& folder, const Recorded& made,
             const std::string& made_folder)
      : got_(got), made_(made), folder_(folder), made_folder_(made_folder), nix_(folder) {}

  Difference run() {
    if (made_.failure || !made_.package) {
      fail(made_.failure ? "what generate writes for it does not evaluate: " + made_.failure->message
                         : "what generate writes for it is no package");
      return result_;
    }
    compare_kept();
    compare_parts();
    compare_arguments();
    compare_config();
    for (const std::string& name : got().written) compare_attribute(name);
    compare_flags();
    compare_variables();
    add_exports();
    return result_;
  }

 private:
  const RecordedPackage& got() const { return *got_.package; }
  const RecordedPackage& made() const { return *made_.package; }

  void fail(std::string why) {
    if (result_.why.empty()) result_.why = std::move(why);
  }

  bool is_same(const std::string& variable) const {
    const std::string mine = value_of(got().environment, variable),
                      theirs = value_of(made().environment, variable);
    // set, to nothing
    if (mine.empty() && got().environment.contains(variable) != made().environment.contains(variable))
      return false;
    return mine == theirs || (variable == "MAX_JOBS" && same_limit(mine, theirs));
  }

  // "python313Packages." of python313Packages.torch.
  static std::string python_set(const RecordedPackage& package) {
    return package.attribute.substr(0, package.attribute.rfind('.') + 1);
  }

  // The same package is reached by other names where a matrix says Python and CUDA.
  static std::string plain_text(const Json& value, const std::string& folder,
                                const RecordedPackage& package) {
    std::string text = json_text(value, folder);
    if (const std::string set = python_set(package); !set.empty())
      text = replace_all(std::move(text), set, "python.");
    if (package.cuda) text = replace_all(std::move(text), package.cuda->set + ".", "cudaPackages.");
    return text;
  }
  std::string my_text(const Json& value) const { return plain_text(value, folder_, got()); }
  std::string their_text(const Json& value) const { return plain_text(value, made_folder_, made()); }
  bool same(const Json& mine, const Json& theirs) const { return my_text(mine) == their_text(theirs); }

  // An attribute as Nix, or the reason why there is none.
  void bind(std::string_view name, const std::optional<std::string>& value) {
    if (!is_nix_name(name)) return fail(fmt::format("sets {}, which is no plain name", printable(name)));
    if (!value)
      return fail(
          fmt::format("sets {} to what cannot be written down: a function, or a package of its own", name));
    result_.extra.attributes.push_back(fmt::format("{} = {};", name, *value));
  }

  // What a matrix has words for must be the same already.
  void compare_kept() {
    const auto version = [](const RecordedPackage& package) {
      return package.cuda && package.cuda_support.value_or(false) ? package.cuda->version : "";
    };
    if (got().version != made().version)
      fail(fmt::format("builds PyTorch {}, not {}", got().version, made().version));
    if (got().gpu_targets != made().gpu_targets && !got().gpu_targets.empty())
      fail("builds for other GPUs than a matrix can say");
    if (version(got()) != version(made()))
      fail(fmt::format("builds with CUDA {}, not {}", version(got()), version(made())));
    const auto place = [](const RecordedPackage& package) {
      return package.source ? fmt::format("{} {}/{} {} {}", package.source->how, package.source->owner,
                                          package.source->repo, package.source->rev, package.source->url)
                            : "";
    };
    const Json *source = got().attributes.find("src"), *before = got().original.find("src");
    const bool own = std::ranges::find(got().written, "src") != got().written.end() && source &&
                     !(before && json_text(*source) == json_text(*before));
    if (own && (!got().source || place(got()) != place(made())))
      fail("takes its source from elsewhere than a matrix can say");
  }

  void compare_parts() {
    for (const std::string& name : got().added)
      fail(fmt::format(
          "puts onto the finished package, where no build sees it, {}, of which a matrix has no word", name));
    compare_packages("packages", "an overlay changes", result_.extra.packages);
    compare_packages("python", "changes the Python packages", result_.extra.python);
    compare_packages("cuda", "changes CUDA's packages", result_.extra.cuda);
    compare_magma();
    compare_nixpkgs();
  }

  // Packages that the recipe has put in the place of others.
  void compare_packages(std::string_view set, std::string_view what,
                        std::map<std::string, std::string>& extra) {
    const Json& mine = member(got().values, set);
    const Json& theirs = member(made().values, set);
    if (!mine.object()) return;
    for (const auto& [name, value] : *mine.object()) {
      const Json* other = theirs.find(name);
      if (other && same(value, *other)) continue;
      auto text = NixValues(folder_).expression(value);  // of the packages before
      if (!text || !is_nix_name(name))
        return fail(fmt::format("{} {} to what cannot be written down: a function, or a package of its own",
                                what, name));
      if (set == "python") text = replace_all(*text, "pkgs." + python_set(got()), "python.");
      if (set == "cuda") text = replace_all(*text, "pkgs." + got().cuda->set + ".", "cuda.");
      extra[name] = *text;
      nix_.is_at(value, fmt::format("pkgs.{}{}",
                                    set == "python" ? python_set(got())
                                    : set == "cuda" ? "cudaPackages."
                                                    : "",
                                    name));
    }
  }

  // What the recipe gives MAGMA beside what nixpkgs does (cudaSupport) and the matrix (its patches).
  void compare_magma() {
    const auto others = [&](std::string_view part) {
      Json::Object rest;
      const Json& theirs = member(member(made().values, "magma"), part);
      const Json::Object* mine = member(member(got().values, "magma"), part).object();
      if (!mine) return rest;
      std::ranges::copy_if(*mine, std::back_inserter(rest), [&](const auto& each) {
        return !theirs.find(each.first) || !same(each.second, *theirs.find(each.first));
      });
      return rest;
    };
    const Json::Object arguments = others("override"), attributes = others("attributes");
    if (arguments.empty() && attributes.empty()) return;
    const auto given = nix_.expression(Json(Json::Value(arguments))),
               change = nix_.change("magma", Json(Json::Value(attributes)));
    if (!given || !change) return fail("changes MAGMA in what cannot be written down");
    std::string& text = result_.extra.packages["magma"];
    text = arguments.empty() ? "pkgs.magma" : fmt::format("(pkgs.magma.override {})", *given);
    if (!attributes.empty()) text += ".overrideAttrs " + *change;
  }

  void compare_nixpkgs() {
    const RecordedNixpkgs* mine = got_.pin();
    const RecordedNixpkgs* theirs = made_.pin();
    if (!mine || !theirs || !mine->arguments.object()) return;
    for (const auto& [name, value] : *mine->arguments.object()) {
      const Json* other = theirs->arguments.find(name);
      if (other && same(value, *other)) continue;
      const auto text = nix_.expression(value);
      if (text && is_nix_name(name)) result_.extra.nixpkgs[name] = *text;
      else fail(fmt::format("gives nixpkgs a {} that cannot be written down", name));
    }
    // On which the compilers run, where they compile for another.
    if (mine->system != theirs->system && !result_.extra.nixpkgs.contains("localSystem"))
      result_.extra.nixpkgs["localSystem"] = fmt::format("\"{}\"", mine->system);
  }

  void compare_arguments() {
    const Json::Object* arguments = got().override_arguments.object();
    if (!arguments) return;
    for (const auto& [name, value] : *arguments) {
      const Json* theirs = made().override_arguments.find(name);  // null is an argument too
      if (!word_for_argument(name).empty() || (theirs && same(value, *theirs))) continue;
      const auto text = nix_.expression(value);
      if (text && is_nix_name(name)) result_.extra.override_arguments[name] = *text;
      else fail(fmt::format("gives override a {} that cannot be written down", name));
    }
  }

  void compare_config() {
    const RecordedNixpkgs* mine = got_.pin();
    const RecordedNixpkgs* theirs = made_.pin();
    if (!mine || !theirs || !mine->config.object()) return;
    for (const auto& [name, value] : *mine->config.object()) {
      // Says what may be built, not how; what packageOverrides sets is among the packages.
      const bool permission =
          name.starts_with("allow") || name.starts_with("permitted") || name == "packageOverrides";
      const Json* other = theirs->config.find(name);
      if (permission || !word_for_config(name).empty() || (other && same(value, *other))) continue;
      // A function of the package set, told by what it gives.
      auto text = nix_.expression(value);
      if (text && name == "replaceStdenv") text = "{ pkgs, ... }: " + *text;
      if (text && is_nix_name(name)) result_.extra.config[name] = *text;
      else fail(fmt::format("configures nixpkgs with a {} that cannot be written down", name));
    }
  }

  void compare_attribute(const std::string& name) {
    const Json& value = member(got().attributes, name);
    const Json& before = member(got().original, name);
    const Json& theirs = member(made().attributes, name);
    if (among(own_attributes, name) || same(value, theirs) || json_text(value) == json_text(before)) return;
    if (is_variable(name) && is_scalar(value)) return;  // compare_variables
    if (name == "passthru") return compare_set(name, value, before, theirs, own_passthru);
    if (name == "meta") return compare_set(name, value, before, theirs, own_meta);
    if (name == "env") return compare_set(name, value, before, theirs, {});
    if (is_phase(name) && value.text())
      return compare_phase(name, *value.text(), before.text() ? *before.text() : "",
                           theirs.text() ? *theirs.text() : "");
    if (value.array() && before.array())
      return compare_list(name, *value.array(), *before.array(),
                          theirs.array() ? *theirs.array() : Json::Array{});
    bind(name, nix_.expression(value));
  }

  // Members that the recipe has given another value, or taken away.
  void compare_set(const std::string& name, const Json& value, const Json& before, const Json& theirs,
                   Names own) {
    if (!value.object()) return bind(name, nix_.expression(value));
    std::vector<std::string> changed, gone;
    for (const auto& [key, item] : *value.object()) {
      if (among(own, key) || same(item, member(theirs, key)) ||
          json_text(item) == json_text(member(before, key)))
        continue;
      if (name == "env" && is_variable(key) && is_scalar(item)) continue;  // compare_variables
      const auto text = nix_.expression(item);
      if (!text) return fail(fmt::format("sets {}.{} to what cannot be written down", name, key));
      if (!is_nix_name(key))
        return fail(fmt::format("sets {}.{}, which is no plain name", name, printable(key)));
      changed.push_back(fmt::format("{} = {};", key, *text));
    }
    if (before.object()) {
      for (const auto& [key, item] : *before.object()) {
        if (!value.find(key) && theirs.find(key) && !among(own, key) && is_nix_name(key))
          gone.push_back(fmt::format("\"{}\"", key));
      }
    }
    if (changed.empty() && gone.empty()) return;
    std::string text = gone.empty()
                           ? fmt::format("(old.{} or {{ }})", name)
                           : fmt::format("removeAttrs (old.{} or {{ }}) [ {} ]", name, fmt::join(gone, " "));
    if (!changed.empty()) text += fmt::format(" // {{ {} }}", fmt::join(changed, " "));
    bind(name, text);
  }

  std::vector<std::string> texts_of(const Json::Array& items, const std::string& folder,
                                    const RecordedPackage& package) const {
    std::vector<std::string> texts;
    for (const Json& item : items) texts.push_back(plain_text(item, folder, package));
    return texts;
  }

  std::optional<std::string> list_of(const Json::Array& items, std::size_t from, std::size_t to) const {
    return nix_.expression(Json(Json::Value(Json::Array(items.begin() + static_cast<std::ptrdiff_t>(from),
                                                        items.begin() + static_cast<std::ptrdiff_t>(to)))));
  }

  // What stands before and behind nixpkgs' own items, and which of those are gone.
  void compare_list(const std::string& name, const Json::Array& value, const Json::Array& before,
                    const Json::Array& theirs) {
    const std::vector<std::string> mine = texts_of(value, folder_, got()),
                                   base = texts_of(before, folder_, got()),
                                   other = texts_of(theirs, made_folder_, made());
    if (name == "patches" && builds_another_release()) return add_patches(value, base, mine, other);
    std::vector<std::string> kept;
    std::vector<std::size_t> gone;
    for (std::size_t i = 0; i < base.size(); ++i) {
      if (std::ranges::find(mine, base[i]) == mine.end()) gone.push_back(i);
      else kept.push_back(base[i]);
    }
    const auto start = std::search(mine.begin(), mine.end(), kept.begin(), kept.end());
    if (start == mine.end() && !kept.empty()) return replace_list(name, value);
    const auto from = static_cast<std::size_t>(start - mine.begin());
    const std::size_t to = kept.empty() ? from : from + kept.size();
    const std::size_t head = kept.empty() ? 0 : from;
    // In the other recipe too, whatever it has beside.
    const auto there = [&](const std::string& text) { return std::ranges::find(other, text) != other.end(); };
    const bool added_there =
        std::all_of(mine.begin(), mine.begin() + static_cast<std::ptrdiff_t>(head), there) &&
        std::all_of(mine.begin() + static_cast<std::ptrdiff_t>(kept.empty() ? 0 : to), mine.end(), there);
    const bool gone_there = std::ranges::none_of(gone, [&](std::size_t i) { return there(base[i]); });
    if (added_there && gone_there) return;
    if (kept.empty()) return replace_list(name, value);
    bind(name, list_text(name, value, before, gone, head, to));
  }

  bool builds_another_release() const {
    const Json* shipped = got().original.find("version");
    return shipped && shipped->text() && *shipped->text() != got().version;
  }

  // Which of nixpkgs' own patches another release takes is the matrix' matter.
  void add_patches(const Json::Array& value, const std::vector<std::string>& base,
                   const std::vector<std::string>& mine, const std::vector<std::string>& other) {
    Json::Array added;
    for (std::size_t i = 0; i < value.size(); ++i) {
      const auto holds = [&](const std::vector<std::string>& list) {
        return std::ranges::find(list, mine[i]) != list.end();
      };
      if (!holds(base) && !holds(other)) added.push_back(value[i]);
    }
    if (added.empty()) return;
    const auto inside = list_of(added, 0, added.size());
    bind("patches", inside ? std::optional("(old.patches or [ ]) ++ " + *inside) : std::nullopt);
  }

  void replace_list(const std::string& name, const Json::Array& value) {
    bind(name, list_of(value, 0, value.size()));
  }

  std::optional<std::string> list_text(const std::string& name, const Json::Array& value,
                                       const Json::Array& before, const std::vector<std::size_t>& gone,
                                       std::size_t head, std::size_t tail) const {
    std::string text = fmt::format("(old.{} or [ ])", name);
    if (!gone.empty()) {
      Json::Array items;
      for (const std::size_t i : gone) items.push_back(before[i]);
      const auto inside = list_of(items, 0, items.size());
      if (!inside) return list_of(value, 0, value.size());
      text = fmt::format("(pkgs.lib.subtractLists {} {})", *inside, text);
    }
    if (head > 0) {
      const auto inside = list_of(value, 0, head);
      if (!inside) return std::nullopt;
      text = fmt::format("{} ++ {}", *inside, text);
    }
    if (tail < value.size()) {
      const auto inside = list_of(value, tail, value.size());
      if (!inside) return std::nullopt;
      text += fmt::format(" ++ {}", *inside);
    }
    return text;
  }

  // The text without nixpkgs' own part, and whether that part is still in it.
  void compare_phase(const std::string& name, const std::string& text, const std::string& before,
                     const std::string& theirs) {
    // all that generate writes, and more
    if (!theirs.empty() && text.starts_with(theirs))
      return add_to_phase(name, "", text.substr(theirs.size()));
    const std::size_t at = before.empty() ? 0 : text.find(before);
    if (at == std::string::npos) {
      if (among(read_phases, name))
        return fail(fmt::format("its {} takes the place of what nixpkgs does there", name));
      return bind(name, nix_.indented(text));
    }
    const std::string head = text.substr(0, at), tail = text.substr(at + before.size());
    if (!among(read_phases, name)) return add_to_phase(name, head, tail);
    if (needs_no_text(name, head + "\n" + tail)) return;
    add_to_phase(name, without_own_lines(head), without_own_lines(tail));
  }

  void add_to_phase(const std::string& name, const std::string& head, const std::string& tail) {
    const auto theirs = member(made().attributes, name).text();
    const auto there = [&](const std::string& part) {
      return trim(part).empty() || (theirs && theirs->find(trim(part)) != std::string::npos);
    };
    if (there(head) && there(tail)) return;
    std::string value = fmt::format("(old.{} or \"\")", name);
    for (const bool first : {true, false}) {
      const std::string& part = first ? head : tail;
      if (trim(part).empty()) continue;
      const auto text = nix_.indented(part);
      if (!text)
        return fail(fmt::format("its {} holds the path of something that cannot be written down", name));
      value = first ? fmt::format("{} + {}", *text, value) : fmt::format("{} + {}", value, *text);
      apply_assignments(part, said_);
    }
    bind(name, value);
  }

  // Lines that the matrix has words for, and variables, which compare_variables brings back. After nixpkgs'
  // preBuild, which configures, a variable is another thing than before.
  bool needs_no_text(const std::string& name, const std::string& added) const {
    if (!std::ranges::all_of(other_commands(added), is_known_shell_line)) return false;
    if (name != "preBuild") return true;
    ShellVariables assigned;
    apply_assignments(added, assigned);
    return std::ranges::all_of(assigned, [&](const auto& variable) {
      return variable.first == "free_jobs" || is_same(variable.first);
    });
  }

  // Whole lines that only set what the matrix has a word for.
  std::string without_own_lines(std::string_view text) const {
    std::string result;
    for (const std::string_view line : split(text, '\n')) {
      ShellVariables assigned;
      apply_assignments(line, assigned);
      const bool own = !assigned.empty() && other_commands(line).empty() &&
                       std::ranges::all_of(assigned, [&](const auto& variable) {
                         return among(own_variables, variable.first) ||
                                (!word_for_variable(variable.first).empty() && is_same(variable.first));
                       });
      if (!own) result.append(line) += '\n';
    }
    while (result.ends_with("\n\n")) result.pop_back();
    return trim(result).empty() ? "" : result;
  }

  // Words of the flag variables that choose no instructions: -O3, -mtune=..., -g.
  void compare_flags() {
    for (const char* name : {"CXXFLAGS", "CFLAGS"}) {
      const std::vector<std::string> mine = flag_words(value_of(got().environment, name)),
                                     theirs = flag_words(value_of(made().environment, name));
      std::string more;
      for (const std::string& word : mine) {
        const bool chooses = !features_of(std::vector{word}).empty();
        if (chooses || word.find("cccl") != std::string::npos ||
            std::ranges::find(theirs, word) != theirs.end())
          continue;
        more += word + " ";
      }
      if (!more.empty()) set_variable(name, fmt::format("{}${}", more, name));
    }
    const auto features = [](const std::vector<std::string>& words) { return features_of(words); };
    const auto wanted = features(got().cflags), given = features(made().cflags);
    if (!std::ranges::includes(given, wanted)) fail("its CFLAGS choose other instructions than its CXXFLAGS");
  }

  void compare_variables() {
    for (const auto& [name, value] : got().environment) {
      if (!is_variable(name) || among(own_variables, name) || said_.contains(name) || is_same(name)) continue;
      if (name == "CPATH" && value.find("cccl") != std::string::npos) continue;
      const auto by_nixpkgs = got().original.find(name);  // not the recipe's own
      if (std::ranges::find(got().written, name) == got().written.end() && !assigned_by_recipe(name))
        continue;
      if (by_nixpkgs && json_text(*by_nixpkgs) == json_text(member(got().attributes, name)) &&
          !assigned_by_recipe(name))
        continue;
      if (!word_for_variable(name).empty()) {
        if (name == "MAX_JOBS")
          fail(fmt::format("limits its compile jobs by {}, which a matrix cannot say", printable(value)));
        continue;
      }
      set_variable(name, value);
    }
  }

  bool assigned_by_recipe(const std::string& name) const {
    const Json* env = got().attributes.find("env");
    const Json* env_before = got().original.find("env");
    if (env && env->find(name) && env_before &&
        json_text(member(*env, name)) != json_text(member(*env_before, name)))
      return true;
    return std::ranges::any_of(read_phases, [&](std::string_view phase) {
      ShellVariables assigned;
      apply_assignments(got().text_of(phase), assigned);
      return assigned.contains(name);
    });
  }

  void set_variable(const std::string& name, const std::string& value) {
    const auto text = nix_.with_packages(value);
    if (!text) return fail(fmt::format("sets {} to the path of something that cannot be written down", name));
    if (why_no_shell_text(*text).empty()) {
      result_.extra.environment[name] = *text;
      return;
    }
    // For a shell's double quotes, then for Nix' ''string''.
    std::string escaped;
    for (const char c : value) {
      if (c == '"' || c == '\\' || c == '`') escaped += '\\';
      escaped += c;
    }
    exports_ += fmt::format("export {}=\"{}\"\n", name, escaped);
  }

  // Values that are more than [extra.environment] takes: at the end of preConfigure, as text.
  void add_exports() {
    if (exports_.empty()) return;
    const auto lines = nix_.indented(exports_);
    if (!lines) return fail("sets variables to what cannot be written down");
    const auto own = std::ranges::find_if(result_.extra.attributes, [](const std::string& text) {
      return text.starts_with("preConfigure = ");
    });
    if (own == result_.extra.attributes.end())
      return bind("preConfigure", "(old.preConfigure or \"\") + " + *lines);
    own->pop_back();
    *own += " + " + *lines + ";";
  }

  const Recorded& got_;
  const Recorded& made_;
  const std::string &folder_, &made_folder_;
  NixValues nix_;
  ShellVariables said_;  // variables that verbatim phases set
  std::string exports_;  // shell lines
  Difference result_;
};

bool is_bare_key(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

void add_table(std::string& out, std::string_view table, std::string_view part,
               const std::map<std::string, std::string>& values) {
  if (values.empty()) return;
  out += fmt::format("\n[{}.{}]\n", table, part);
  for (const auto& [name, value] : values)
    out += fmt::format("{} = {}\n", is_bare_key(name) ? name : toml_string(name), toml_string(value));
}

}  // namespace

Difference difference_of(const Recorded& got, const std::string& folder, const Recorded& made,
                         const std::string& made_folder) {
  return Comparison(got, folder, made, made_folder).run();
}

std::string extra_toml(const Extra& extra, std::string_view table) {
  std::string out;
  if (!extra.attributes.empty()) {
    const std::string text = fmt::format("{}", fmt::join(extra.attributes, "\n"));
    const bool plain = text.find("'''") == std::string::npos && std::ranges::none_of(text, [](char c) {
                         return static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t';
                       });
    out += fmt::format("\n[{}]\nnix = {}\n", table, plain ? "'''\n" + text + "\n'''" : toml_string(text));
  }
  add_table(out, table, "environment", extra.environment);
  add_table(out, table, "override", extra.override_arguments);
  add_table(out, table, "config", extra.config);
  add_table(out, table, "nixpkgs", extra.nixpkgs);
  add_table(out, table, "packages", extra.packages);
  add_table(out, table, "python", extra.python);
  add_table(out, table, "cuda", extra.cuda);
  return out;
}

}  // namespace lathe
