// SPDX-License-Identifier: MIT
#include "select/rank.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "hardware/catalog.h"

namespace lathe {
namespace {

struct Contestant {
  const Candidate& candidate;
  const Judgement& judgement;
};

Version version_or_none(const std::string& text) { return Version::parse(text).value_or(Version{}); }

int isa_level(const Candidate& candidate) { return candidate.isa ? candidate.isa->level : 0; }

// Among sets of one level: the wished one, then the later one of the catalogue (it says so there).
std::ptrdiff_t preference(const Candidate& candidate, std::string_view prefer) {
  if (!candidate.isa) return -1;
  const std::ptrdiff_t all = std::ssize(catalog().isas);
  const auto place =
      std::ranges::find(catalog().isas, candidate.isa->name, &Isa::name) - catalog().isas.begin();
  return !prefer.empty() && candidate.isa->suits == prefer ? all : place;
}

std::string isa_name(const Candidate& candidate) { return candidate.isa ? candidate.isa->name : "any CPU"; }

// One criterion: below zero when `a` is worse than `b`; and what that means for `a`.
struct Criterion {
  int (*compare)(const Contestant& a, const Contestant& b, std::string_view prefer);
  std::string (*against)(const Contestant& a, const Contestant& b);
};

template <typename T>
int order(const T& a, const T& b) {
  if (a < b) return -1;
  return b < a ? 1 : 0;
}

constexpr Criterion criteria[] = {
    {[](const Contestant& a, const Contestant& b, std::string_view) {
       return order(b.candidate.no_machine, a.candidate.no_machine);
     },
     [](const Contestant&, const Contestant&) {
       return std::string("is for a GPU and a CPU that no machine of the catalogue has together");
     }},
    {[](const Contestant& a, const Contestant& b, std::string_view) {
       return order(a.judgement.fit, b.judgement.fit);
     },
     [](const Contestant& a, const Contestant&) {
       return a.judgement.fit == Fit::ptx
                  ? fmt::format("has only PTX ({}), which the driver must first compile", a.judgement.through)
                  : fmt::format("runs its {} code, not made for this GPU", a.judgement.through);
     }},
    {[](const Contestant& a, const Contestant& b, std::string_view) {
       return order(a.judgement.nearness, b.judgement.nearness);
     },
     [](const Contestant& a, const Contestant&) {
       return a.judgement.through.empty()
                  ? std::string("fits some of the GPUs less well")
                  : fmt::format("runs its {} code, the best has newer", a.judgement.through);
     }},
    {[](const Contestant& a, const Contestant& b, std::string_view) {
       return order(isa_level(a.candidate), isa_level(b.candidate));
     },
     [](const Contestant& a, const Contestant& b) {
       return fmt::format("stops at {}, the CPU runs {}", isa_name(a.candidate), isa_name(b.candidate));
     }},
    {[](const Contestant& a, const Contestant& b, std::string_view prefer) {
       return isa_level(a.candidate) == isa_level(b.candidate)
                  ? order(preference(a.candidate, prefer), preference(b.candidate, prefer))
                  : 0;
     },
     [](const Contestant& a, const Contestant& b) {
       return a.candidate.isa && b.candidate.isa && !a.candidate.isa->suits.empty()
                  ? fmt::format("is for {}, preferred is {}", a.candidate.isa->suits, b.candidate.isa->suits)
                  : fmt::format("is for {}", isa_name(a.candidate));
     }},
    {[](const Contestant& a, const Contestant& b, std::string_view) {
       return order(a.judgement.driver_matches, b.judgement.driver_matches);
     },
     [](const Contestant& a, const Contestant&) {
       return fmt::format("is of CUDA {}, newer than the driver, which cannot compile its PTX",
                          a.candidate.cuda->text());
     }},
    {[](const Contestant& a, const Contestant& b, std::string_view) {
       return order(version_or_none(a.candidate.pytorch), version_or_none(b.candidate.pytorch));
     },
     [](const Contestant& a, const Contestant& b) {
       return fmt::format("is PyTorch {}, the best is {}", a.candidate.pytorch, b.candidate.pytorch);
     }},
    {[](const Contestant& a, const Contestant& b, std::string_view) {
       return order(a.candidate.cuda.value_or(Version{}), b.candidate.cuda.value_or(Version{}));
     },
     [](const Contestant& a, const Contestant& b) {
       return fmt::format("is of CUDA {}, the best of {}",
                          a.candidate.cuda ? a.candidate.cuda->text() : "none", b.candidate.cuda->text());
     }},
    {[](const Contestant& a, const Contestant& b, std::string_view) {
       return order(b.candidate.code.size(), a.candidate.code.size());
     },
     [](const Contestant&, const Contestant&) {
       return std::string("is larger: it holds code for other GPUs too");
     }},
    {[](const Contestant& a, const Contestant& b, std::string_view) {
       return order(version_or_none(a.candidate.python), version_or_none(b.candidate.python));
     },
     [](const Contestant& a, const Contestant& b) {
       return fmt::format("is for Python {}, the best for {}", a.candidate.python, b.candidate.python);
     }},
    {[](const Contestant& a, const Contestant& b, std::string_view) {
       return order(b.candidate.name, a.candidate.name);
     },
     [](const Contestant&, const Contestant&) { return std::string("is as good; the names decide"); }},
};

}  // namespace

bool better(const Candidate& a, const Judgement& on_a, const Candidate& b, const Judgement& on_b,
            std::string_view prefer) {
  for (const Criterion& criterion : criteria) {
    const int result = criterion.compare({a, on_a}, {b, on_b}, prefer);
    if (result != 0) return result > 0;
  }
  return false;
}

std::string why_not_better(const Candidate& other, const Judgement& on_other, const Candidate& best,
                           const Judgement& on_best, std::string_view prefer) {
  for (const Criterion& criterion : criteria) {
    if (criterion.compare({other, on_other}, {best, on_best}, prefer) < 0)
      return criterion.against({other, on_other}, {best, on_best});
  }
  return "";
}

}  // namespace lathe
