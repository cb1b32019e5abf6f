// SPDX-License-Identifier: MIT
#include "select/select.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "host/host_info.h"
#include "select/advice.h"
#include "select/rank.h"

namespace lathe {
namespace {

bool wanted(const std::vector<std::string>& globs, std::string_view text) {
  return globs.empty() ||
         std::ranges::any_of(globs, [&](const std::string& glob) { return glob_match(glob, text); });
}

bool wanted(const Candidate& candidate, const SelectOptions& options) {
  return wanted(options.names, candidate.name) && wanted(options.python, candidate.python) &&
         wanted(options.pytorch, candidate.pytorch) &&
         wanted(options.cuda, candidate.cuda ? candidate.cuda->text() : "none");
}

HostInfo narrowed(const HostInfo& host, std::optional<std::size_t> gpu) {
  HostInfo one = host;
  if (!gpu) return one;
  if (*gpu >= host.gpus.size()) {
    throw Error({.what = fmt::format("there is no GPU {}: the machine has {}", *gpu, host.gpus.size()),
                 .next = "list their numbers with: torchlathe detect"});
  }
  one.gpus = {host.gpus[*gpu]};
  return one;
}

void check_preference(const std::string& prefer) {
  const auto known = preferences();
  if (prefer.empty() || std::ranges::find(known, prefer) != known.end()) return;
  throw Error({.what = fmt::format("no instruction set is for \"{}\"", printable(prefer)),
               .next = did_you_mean_text(prefer, known, fmt::format("one of {}", fmt::join(known, ", ")))});
}

void rank(Selection& out, std::string_view prefer) {
  std::ranges::stable_sort(out.starting, [&](const Choice& a, const Choice& b) {
    return better(a.candidate, a.judgement, b.candidate, b.judgement, prefer);
  });
  for (std::size_t i = 1; i < out.starting.size(); ++i) {
    Choice& other = out.starting[i];
    const Choice& best = out.starting.front();
    other.why = why_not_better(other.candidate, other.judgement, best.candidate, best.judgement, prefer);
  }
}

std::string fit_text(const Judgement& on, const HostInfo& host) {
  if (on.fit == Fit::exact)
    return fmt::format("has code for exactly {}", host.gpus.size() > 1 ? "these GPUs" : "this GPU");
  if (on.fit == Fit::ptx)
    return fmt::format("its PTX ({}) is compiled by the driver at the first start", on.through);
  return fmt::format("its {} code runs here; none is made for exactly this GPU", on.through);
}

}  // namespace

std::vector<std::string> preferences() {
  std::vector<std::string> known;
  for (auto isa = catalog().isas.rbegin(); isa != catalog().isas.rend(); ++isa) {
    if (!isa->suits.empty()) known.push_back(isa->suits);
  }
  return known;
}

Selection select_variant(const HostInfo& host, const std::vector<Candidate>& candidates,
                         const SelectOptions& options) {
  check_preference(options.prefer);
  Selection out = {.host = narrowed(host, options.gpu)};
  for (const Candidate& candidate : candidates) {
    if (!wanted(candidate, options)) continue;
    Choice choice = {.candidate = candidate, .judgement = judge(candidate, out.host), .why = {}};
    (choice.judgement.starts() ? out.starting : out.excluded).push_back(std::move(choice));
  }
  rank(out, options.prefer);
  if (!out.starting.empty()) return out;
  std::vector<Candidate> considered;
  for (const Choice& choice : out.excluded) considered.push_back(choice.candidate);
  out.changes = what_would_help(out.host, considered, options.prefer);
  return out;
}

std::string reason_for(const Choice& choice, const HostInfo& host) {
  std::vector<std::string> parts;
  const Judgement& on = choice.judgement;
  if (choice.candidate.is_gpu()) {
    parts.push_back(fit_text(on, host));
  } else {
    parts.emplace_back("there is no GPU to use");
  }
  if (choice.candidate.isa) {
    const auto usable = usable_isas(host.cpu);
    const bool top = !usable.empty() && usable.back()->level == choice.candidate.isa->level;
    parts.push_back(top ? fmt::format("{} is the best that the CPU runs", choice.candidate.isa->name)
                        : fmt::format("{} is the best on offer; the CPU runs {}", choice.candidate.isa->name,
                                      usable.back()->name));
  }
  if (!on.driver_matches)
    parts.emplace_back("the driver is older than its toolkit: it cannot compile PTX of it");
  return fmt::format("{}", fmt::join(parts, "; "));
}

}  // namespace lathe
