// SPDX-License-Identifier: MIT
// How: only functions count from which something that needs more than the baseline can be reached. Three
// walks over the calls follow each other, and what an earlier one saw stays its own: from constructors and
// resolvers (runs at load), from what is exported (runs when asked for), from addresses in tables. A walk
// stops at a call that a dispatch guards (may_enter()); what no walk saw is reached by dispatch alone.
#include "cpu/cpu_scan_reach.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/parallel.h"
#include "cpu/isa/isa.h"

namespace lathe::cpu {
namespace {

// How many callers an explanation names.
constexpr int longest_chain = 5;

}  // namespace

Reach::Reach(const CpuCode& code, const Functions& functions, const Facts& facts, unsigned threads)
    : code_(code),
      functions_(functions),
      facts_(facts),
      graph_(facts.edges, functions.size()),
      guards_(code, functions, facts, graph_, threads),
      needs_(functions.size()),
      only_doubtful_(functions.size()),
      relevant_(functions.size()),
      rules_(functions.size()),
      disbelieved_(functions.size()),
      visits_(functions.size()),
      trusted_depth_(functions.size()) {
  find_needs();
  find_relevant();
  find_rules(threads);
  find_families();
  walk_load();
  walk_ordinary();
  walk_pointers();
}

void Reach::find_needs() {
  const ExtensionSet counting = deciding_extensions();
  for (const Use& use : facts_.uses) {
    const ExtensionSet needs = needs_of(code_.machine, use.needs) & counting;
    if (needs.none()) continue;
    if (demanding_.empty() || demanding_.back() != use.function) {
      demanding_.push_back(use.function);
      only_doubtful_[use.function] = 1;
    }
    if (!use.doubtful && only_doubtful_[use.function]) {
      only_doubtful_[use.function] = 0;
      needs_[use.function].reset();
    }
    if (use.doubtful == (only_doubtful_[use.function] != 0)) needs_[use.function] |= needs;
  }
}

// Everything that calls, or takes the address of, what is relevant.
void Reach::find_relevant() {
  std::vector<std::uint32_t> queue = demanding_;
  for (const std::uint32_t function : queue) relevant_[function] = 1;
  while (!queue.empty()) {
    const std::uint32_t function = queue.back();
    queue.pop_back();
    for (const Edge& edge : graph_.to(function)) {
      if (relevant_[edge.from]) continue;
      relevant_[edge.from] = 1;
      queue.push_back(edge.from);
    }
  }
}

void Reach::find_rules(unsigned threads) {
  constexpr std::uint32_t part = 8192;
  parallel_for_all((functions_.size() + part - 1) / part,
                   [&](std::size_t i) {
                     const auto begin = static_cast<std::uint32_t>(i) * part,
                                end = std::min(functions_.size(), begin + part);
                     for (std::uint32_t f = begin; f < end; ++f) find_rule(f);
                   },
                   threads);
}

void Reach::find_rule(std::uint32_t f) {
  if (!relevant_[f] || functions_[f].name.empty()) return;
  rules_[f] = dispatch_names().find(functions_[f].name, functions_[f].source);
  if (rules_[f] && (needs_[f] & ~rules_[f]->believed).any()) {
    rules_[f] = nullptr;
    disbelieved_[f] = 1;
  }
}

// A template over an enumeration that was made for several instruction sets: who calls it picks by the
// enumeration's value. The sign is a sibling, alike but for that value, that does without something.
void Reach::find_families() {
  static const DispatchRule family{.library = "template made for several instruction sets"};
  constexpr std::size_t start = 16;       // of a name: tells most others apart at once
  constexpr std::size_t most_needs = 64;  // more kinds of needs than there are instruction sets to pick from
  struct Family {
    std::vector<std::uint32_t> members;
    std::vector<ExtensionSet> needs;  // of all that are alike, each once
  };
  std::unordered_map<std::string, Family> families;
  std::unordered_set<std::string_view> starts;
  for (const std::uint32_t f : demanding_) {
    if (rules_[f] || disbelieved_[f] || functions_[f].name.empty()) continue;
    std::string shared = without_enumerators(functions_[f].name);
    if (shared.empty()) continue;
    starts.insert(functions_[f].name.substr(0, start));
    families[std::move(shared)].members.push_back(f);
  }
  for (std::uint32_t f = 0; f < functions_.size() && !starts.empty(); ++f) {
    if (!starts.contains(functions_[f].name.substr(0, start))) continue;
    const auto found = families.find(without_enumerators(functions_[f].name));
    if (found == families.end() || found->second.needs.size() == most_needs) continue;
    std::vector<ExtensionSet>& needs = found->second.needs;
    if (std::ranges::find(needs, needs_[f]) == needs.end()) needs.push_back(needs_[f]);
  }
  for (const auto& [name, found] : families) {
    for (const std::uint32_t member : found.members) {
      const auto lacks = [&](const ExtensionSet& needs) { return (needs_[member] & ~needs).any(); };
      if (std::ranges::any_of(found.needs, lacks)) rules_[member] = &family;
    }
  }
}

// A call from what needs less to what needs more, by somebody who asks: that is a dispatch.
bool Reach::may_enter(const Edge& edge, bool at_load) {
  if (!relevant_[edge.to]) return false;
  const bool needs_more = (needs_[edge.to] & ~needs_[edge.from]).any();
  if (rules_[edge.to]) {
    // Whoever picks a function by its name does so at run time. A constructor that was built with its callee
    // does not pick.
    const bool built_alike = at_load && needs_[edge.from].any() && !needs_more;
    if (!built_alike) return false;
  }
  return !needs_more || !guards_.asks(edge.from);
}

void Reach::enter(std::uint32_t function, Visit visit, std::vector<std::uint32_t>& queue) {
  if (visits_[function].seen != Seen::no) return;
  visits_[function] = visit;
  queue.push_back(function);
}

void Reach::walk_load() {
  std::vector<std::uint32_t> queue;
  for (const auto* roots : {&code_.constructors, &code_.resolvers}) {
    for (const std::uint64_t address : *roots) {
      const std::uint32_t function = functions_.at(address);
      if (function != none && relevant_[function]) enter(function, {.seen = Seen::load}, queue);
    }
  }
  for (std::size_t i = 0; i < queue.size(); ++i) {
    const Visit& from = visits_[queue[i]];
    if (from.depth >= deepest_load || facts_.asks[queue[i]]) continue;
    for (const Edge& edge : graph_.from(queue[i])) {
      if (!edge.call || !may_enter(edge, true)) continue;
      enter(edge.to, {.seen = Seen::load, .parent = edge.from, .depth = visits_[edge.from].depth + 1}, queue);
    }
  }
}

bool Reach::has_callers(std::uint32_t function) const {
  return std::ranges::any_of(graph_.to(function), [](const Edge& edge) { return edge.call; });
}

bool Reach::is_root_for_others(std::uint32_t function) const {
  const Function& f = functions_[function];
  // A copy of a template that something in the file calls was made for those callers.
  if (f.weak && has_callers(function)) return false;
  return (f.exported && !f.resolver) || f.whole;
}

void Reach::spread(std::vector<std::uint32_t> queue, bool through_pointers) {
  for (std::size_t i = 0; i < queue.size() || !trusted_.empty(); ++i) {
    if (i == queue.size()) follow_trusted(through_pointers, queue);
    if (i == queue.size()) return;
    const std::uint32_t from = queue[i];
    if (rules_[from] && visits_[from].seen != Seen::load) continue;
    follow(from, through_pointers, queue);
  }
}

void Reach::follow(std::uint32_t from, bool through_pointers, std::vector<std::uint32_t>& queue) {
  const Seen seen = through_pointers ? Seen::pointer : Seen::ordinary;
  for (const Edge& edge : graph_.from(from)) {
    if (!edge.call && !through_pointers) continue;
    if (visits_[edge.to].seen != Seen::no || !may_enter(edge, false)) continue;
    if (needs_[edge.to].none() && guards_.asks(from)) {
      trusted_.push_back(edge);
    } else {
      enter(edge.to, {.seen = seen, .parent = from, .by_pointer = !edge.call}, queue);
    }
  }
}

// Walks on from the callees of those who ask. What needs something there is dispatched; where the trust
// ends, the ordinary walk goes on.
void Reach::follow_trusted(bool through_pointers, std::vector<std::uint32_t>& queue) {
  const Seen seen = through_pointers ? Seen::pointer : Seen::ordinary;
  std::vector<Edge> level = std::exchange(trusted_, {});
  for (std::uint8_t depth = 1; !level.empty(); ++depth) {
    std::vector<Edge> next;
    for (const Edge& edge : level) {
      std::uint8_t& known = trusted_depth_[edge.to];
      if (visits_[edge.to].seen != Seen::no || (known != 0 && known <= depth)) continue;
      known = depth;
      if (depth == deepest_trust) {
        enter(edge.to, {.seen = seen, .parent = edge.from, .by_pointer = !edge.call}, queue);
        continue;
      }
      for (const Edge& on : graph_.from(edge.to)) {
        if ((on.call || through_pointers) && relevant_[on.to] && needs_[on.to].none() && !rules_[on.to])
          next.push_back(on);
      }
    }
    level = std::move(next);
  }
}

void Reach::walk_ordinary() {
  std::vector<std::uint32_t> queue;
  for (std::uint32_t f = 0; f < functions_.size(); ++f) {
    if (visits_[f].seen == Seen::load) queue.push_back(f);
    if (relevant_[f] && !rules_[f] && is_root_for_others(f)) enter(f, {.seen = Seen::ordinary}, queue);
  }
  for (const std::uint64_t address : code_.entries) {
    const std::uint32_t entry = functions_.at(address);
    if (entry == none || !relevant_[entry]) continue;
    enter(entry, {.seen = Seen::ordinary}, queue);
    // A program's entry hands the address of main() to the C library.
    for (const Edge& edge : graph_.from(entry)) {
      if (may_enter(edge, false)) enter(edge.to, {.seen = Seen::ordinary, .parent = entry}, queue);
    }
  }
  spread(std::move(queue), false);
}

void Reach::walk_pointers() {
  std::vector<std::uint32_t> queue;
  for (std::uint32_t f = 0; f < functions_.size(); ++f) {
    if (visits_[f].seen != Seen::no) queue.push_back(f);
    if (!relevant_[f] || rules_[f]) continue;
    if (facts_.pointed[f]) enter(f, {.seen = Seen::pointer, .by_pointer = true}, queue);
  }
  spread(std::move(queue), true);
}

CpuReach Reach::of(std::uint32_t function) const {
  if (only_doubtful_[function]) return CpuReach::doubtful;
  const Seen seen = visits_[function].seen;
  if (facts_.asks[function]) return CpuReach::dispatched;
  if (seen == Seen::load) return CpuReach::at_load;
  if (rules_[function]) return CpuReach::dispatched;
  if (seen == Seen::ordinary) return functions_[function].weak ? CpuReach::leaked : CpuReach::unguarded;
  if (seen == Seen::pointer || functions_[function].gap) return CpuReach::by_pointer;
  return CpuReach::dispatched;
}

// "called by f, called by g (constructor)"
std::string Reach::chain(std::uint32_t function) const {
  std::string text;
  std::uint32_t at = function;
  for (int i = 0; i < longest_chain && visits_[at].parent != none; ++i) {
    text += text.empty() ? "" : ", ";
    text += visits_[at].by_pointer ? "its address is taken by " : "called by ";
    at = visits_[at].parent;
    text += functions_.name_of(at);
  }
  if (visits_[at].parent != none) return text + ", and so on";
  const Visit& root = visits_[at];
  std::string what = "exported";
  if (root.seen == Seen::load) {
    const bool constructor =
        std::ranges::any_of(code_.constructors, [&](auto a) { return functions_.at(a) == at; });
    what = constructor ? "constructor" : "IFUNC resolver";
  } else if (root.by_pointer) {
    what = "in a table of pointers";
  } else if (functions_[at].whole) {
    what = "in a section without symbols";
  } else if (!functions_[at].exported) {
    what = "entry of the program";
  }
  return text.empty() ? what : text + " (" + what + ")";
}

std::string Reach::why(std::uint32_t function) const {
  const std::string doubt = disbelieved_[function] ? "needs more than its name says; " : "";
  switch (of(function)) {
    case CpuReach::at_load:
    case CpuReach::unguarded:
    case CpuReach::leaked: return doubt + chain(function);
    case CpuReach::by_pointer:
      return visits_[function].seen == Seen::no ? "in code that no symbol names" : doubt + chain(function);
    case CpuReach::doubtful: return "among bytes that are not all instructions";
    case CpuReach::unknown:  // what only the verdict tells apart
    case CpuReach::dispatched: break;
  }
  if (facts_.asks[function]) return "asks the processor itself";
  if (rules_[function]) return rules_[function]->library;
  return graph_.to(function).empty() ? "nothing in the file calls it or takes its address"
                                     : "reached only by dispatch";
}

}  // namespace lathe::cpu
