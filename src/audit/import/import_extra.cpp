// SPDX-License-Identifier: MIT
#include "audit/import/import_extra.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "audit/import/two_recipes.h"
#include "audit/import/understood.h"
#include "base/json.h"
#include "base/text.h"
#include "base/toml_string.h"
#include "hardware/flags.h"
#include "matrix/values/nix_text.h"
#include "nix/shell_flags.h"

namespace lathe {
namespace {

using Names = std::span<const std::string_view>;

bool among(Names names, std::string_view name) { return std::ranges::find(names, name) != names.end(); }

// What the matrix says by its own words: release, name, source, promise.
constexpr std::string_view own_attributes[] = {"pname", "version", "name", "src"};
constexpr std::string_view own_passthru[] = {"gpuArch", "cpuISA", "cudaCapabilities", "torchlathe"};
constexpr std::string_view own_meta[] = {"description", "longDescription", "platforms"};
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

std::string value_of(const ShellVariables& variables, const std::string& name) {
  const auto found = variables.find(name);
  return found == variables.end() ? "" : found->second;
}

// "8" is what the matrix' jobs = 8 becomes, which never takes more jobs than Nix gives cores.
bool same_limit(std::string_view mine, std::string_view theirs) {
  const bool number = !mine.empty() && mine.find_first_not_of("0123456789") == std::string_view::npos;
  return mine == theirs || (number && theirs.find(fmt::format("< {} ?", mine)) != std::string_view::npos);
}

class AttributeComparison : public TwoRecipes {
 public:
  explicit AttributeComparison(TwoRecipes two) : TwoRecipes(std::move(two)) {}

  Difference run() {
    for (const std::string& name : got().written) compare_attribute(name);
    compare_flags();
    compare_variables();
    add_exports();
    return result_;
  }

 private:
  bool is_same(const std::string& variable) const {
    const std::string mine = value_of(got().environment, variable),
                      theirs = value_of(made().environment, variable);
    // set, to nothing
    if (mine.empty() && got().environment.contains(variable) != made().environment.contains(variable))
      return false;
    return mine == theirs || (variable == "MAX_JOBS" && same_limit(mine, theirs));
  }

  // A compile cache is the matrix' own where it has one: it has no word for sccache, nor for ccache without
  // CCACHE_DIR.
  bool is_own(const std::string& variable) const {
    return variable == "CXXFLAGS" || variable == "CFLAGS" ||
           (among(compile_cache_variables, variable) && made().environment.contains(variable));
  }

  void compare_attribute(const std::string& name) {
    const Json& value = member_of(got().attributes, name);
    const Json& before = member_of(got().original, name);
    const Json& theirs = member_of(made().attributes, name);
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
      if (among(own, key) || same(item, member_of(theirs, key)) ||
          json_text(item) == json_text(member_of(before, key)))
        continue;
      if (name == "env" && is_variable(key) && is_scalar(item)) continue;  // compare_variables
      const auto text = nix_.expression(item);
      if (!text) return fail(fmt::format("sets {}.{} to a value that cannot be written down", name, key));
      if (!is_nix_name(key))
        return fail(fmt::format("sets {}.{}, which is not a plain name", name, printable(key)));
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
    // A package that nixpkgs has already may be named once more.
    const auto added = [&](const std::string& text) {
      return std::ranges::count(other, text) > std::ranges::count(kept, text);
    };
    const bool added_there =
        std::all_of(mine.begin(), mine.begin() + static_cast<std::ptrdiff_t>(head), added) &&
        std::all_of(mine.begin() + static_cast<std::ptrdiff_t>(kept.empty() ? 0 : to), mine.end(), added);
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

  // "a.patch" of "<nixpkgs:patches>/a.patch": files of nixpkgs, which a recipe knows by their names alone.
  static std::optional<std::vector<std::string>> own_patches(const Json::Array& items) {
    constexpr std::string_view folder = "<nixpkgs:patches>/";
    std::vector<std::string> files;
    for (const Json& item : items) {
      if (!item.text() || !item.text()->starts_with(folder)) return std::nullopt;
      files.push_back(item.text()->substr(folder.size()));
    }
    return files;
  }

  static std::string without_files(const std::vector<std::string>& files, std::string_view list) {
    std::string names;
    for (const std::string& file : files) names += fmt::format(" \"{}\"", file);
    return fmt::format(
        "(builtins.filter (p: !(builtins.any (name: pkgs.lib.hasSuffix name (toString p)) [{} ])) {})", names,
        list);
  }

  std::optional<std::string> list_text(const std::string& name, const Json::Array& value,
                                       const Json::Array& before, const std::vector<std::size_t>& gone,
                                       std::size_t head, std::size_t tail) const {
    std::string text = fmt::format("(old.{} or [ ])", name);
    if (!gone.empty()) {
      Json::Array items;
      for (const std::size_t i : gone) items.push_back(before[i]);
      const auto inside = list_of(items, 0, items.size());
      if (inside) text = fmt::format("(pkgs.lib.subtractLists {} {})", *inside, text);
      else if (const auto files = own_patches(items)) text = without_files(*files, text);
      else return list_of(value, 0, value.size());
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
      if (among(read_phases, name)) return fail(fmt::format("its {} replaces what nixpkgs does there", name));
      return bind(name, nix_.indented(text));
    }
    const std::string head = text.substr(0, at), tail = text.substr(at + before.size());
    if (!among(read_phases, name)) return add_to_phase(name, head, tail);
    if (needs_no_text(name, head + "\n" + tail)) return;
    add_to_phase(name, without_own_lines(head), without_own_lines(tail));
  }

  void add_to_phase(const std::string& name, const std::string& head, const std::string& tail) {
    const auto theirs = member_of(made().attributes, name).text();
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
                         return is_own(variable.first) ||
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
    if (!std::ranges::includes(given, wanted)) fail("its CFLAGS and CXXFLAGS choose different instructions");
  }

  void compare_variables() {
    for (const auto& [name, value] : got().environment) {
      if (!is_variable(name) || is_own(name) || said_.contains(name) || is_same(name)) continue;
      if (name == "CPATH" && value.find("cccl") != std::string::npos) continue;
      const auto by_nixpkgs = got().original.find(name);  // not the recipe's own
      if (std::ranges::find(got().written, name) == got().written.end() && !assigned_by_recipe(name))
        continue;
      if (by_nixpkgs && json_text(*by_nixpkgs) == json_text(member_of(got().attributes, name)) &&
          !assigned_by_recipe(name))
        continue;
      if (!word_for_variable(name).empty()) {
        if (name == "MAX_JOBS")
          fail(fmt::format("limits its compile jobs by {}, which a matrix cannot express", printable(value)));
        continue;
      }
      set_variable(name, value);
    }
  }

  bool assigned_by_recipe(const std::string& name) const {
    const Json* env = got().attributes.find("env");
    const Json* env_before = got().original.find("env");
    if (env && env->find(name) && env_before &&
        json_text(member_of(*env, name)) != json_text(member_of(*env_before, name)))
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
    if (!lines) return fail("sets variables to a value that cannot be written down");
    const auto own = std::ranges::find_if(result_.extra.attributes, [](const std::string& text) {
      return text.starts_with("preConfigure = ");
    });
    if (own == result_.extra.attributes.end())
      return bind("preConfigure", "(old.preConfigure or \"\") + " + *lines);
    own->pop_back();
    *own += " + " + *lines + ";";
  }

  ShellVariables said_;  // variables that verbatim phases set
  std::string exports_;  // shell lines
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
  TwoRecipes two(got, folder, made, made_folder);
  if (!two.compare_parts()) return two.result();
  return AttributeComparison(std::move(two)).run();
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
