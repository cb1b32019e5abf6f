// SPDX-License-Identifier: MIT
#include "cpu/cpu_scan_built.h"

#include <algorithm>
#include <bit>
#include <iterator>
#include <vector>

#include "cpu/cpu_scan_levels.h"
#include "cpu/isa/isa.h"

namespace lathe::cpu {
namespace {

// A sample of this many functions tells how a file's vector instructions are encoded.
constexpr std::size_t sample_size = 4000;

// In a file compiled for AVX the compiler encodes no vector instruction for SSE. Some are left in what was
// linked in ready-made: at most one function for so many with AVX. And of all functions at least one in so
// many uses vectors, be it to copy a structure. Measured in samples, AVX to SSE: jaxlib 0.10 945 to 1, polars
// 2.1 2149 to 0; picked at run time, faiss 1.15 795 to 805, simsimd 66 to 93.
constexpr std::size_t avx_for_each_sse = 8, functions_for_each_avx = 16;

// The functions are cut into so many blocks of at least so many, in the order of their addresses. A file was
// compiled for what half of the blocks use, and one function in so many: of those with vectors for vector
// extensions, else of all; in fewer blocks than `few`, one in `few_functions_for_each_use`. Measured: AVX2 in
// polars 2.1 6134 of 68477, in jax-cuda12-pjrt 0.12 7894 of 102591; AVX-512 in this library compiled for it
// 108 of 650; SSE3 in lxml 6.1 95 of 4640, which faults without. Beside those F16C in tensorflow-cpu, which
// only half-precision numbers use and which runs without: 2633 of 207352, in 39 of 64 blocks.
constexpr std::size_t most_blocks = 64, least_block = 32, few_blocks = 4;
constexpr std::size_t vectors_for_each_use = 32, functions_for_each_use = 64, few_functions_for_each_use = 8;

constexpr bool is_vector(Extension e) {
  return e == Extension::avx || e == Extension::f16c || e == Extension::fma || e == Extension::avx2 ||
         (e >= Extension::avx512f && e <= Extension::avxvnniint16);
}

// Of the step below AVX: what a file may be compiled for whose vectors are SSE's.
const ExtensionSet& lesser_extensions(Machine machine) {
  static const ExtensionSet all = ~ExtensionSet{};
  const auto& levels = cpu_levels(machine);
  return machine == Machine::x86_64 ? levels[1].features : all;
}

const ExtensionSet& vector_extensions() {
  static const ExtensionSet set = [] {
    ExtensionSet vectors;
    for (std::size_t i = 0; i < extension_count; ++i) vectors[i] = is_vector(static_cast<Extension>(i));
    return vectors;
  }();
  return set;
}

// Where in a sequence the uses of one extension lie.
class Spread {
 public:
  Spread(std::size_t functions, std::size_t for_each_use)
      : functions_(functions),
        blocks_(std::clamp<std::size_t>(functions / least_block, 1, most_blocks)),
        for_each_use_(blocks_ < few_blocks ? few_functions_for_each_use : for_each_use) {}

  void add(std::size_t place) {
    ++uses_;
    hit_ |= std::uint64_t{1} << (place * blocks_ / functions_);
  }
  bool throughout() const {
    const auto hits = static_cast<std::size_t>(std::popcount(hit_));
    return uses_ > 0 && hits * 2 >= blocks_ && uses_ * for_each_use_ >= functions_;
  }

 private:
  std::size_t functions_, blocks_, for_each_use_, uses_ = 0;
  std::uint64_t hit_ = 0;
};

class Builder {
 public:
  Builder(const CpuCode& code, const Functions& functions, const Facts& facts, const Reach& reach)
      : code_(code), functions_(functions), facts_(facts), reach_(reach) {}

  BuiltFor find() {
    for (std::uint32_t f = 0; f < functions_.size(); ++f) {
      if (is_ordinary(f)) ordinary_.push_back(f);
    }
    if (is_too_small()) return found_;
    if (sample()) {
      std::vector<std::uint32_t> vectors;
      std::ranges::copy_if(ordinary_, std::back_inserter(vectors),
                           [&](std::uint32_t f) { return uses_vectors(f); });
      add_spread(vectors, vector_extensions(), vectors_for_each_use);
      add_spread(ordinary_, ~vector_extensions(), functions_for_each_use);
    } else {
      // A function that needs more was compiled apart from the rest, and says nothing of it.
      const ExtensionSet& lesser = lesser_extensions(code_.machine);
      std::erase_if(ordinary_, [&](std::uint32_t f) { return (reach_.needs(f) & ~lesser).any(); });
      add_spread(ordinary_, lesser, functions_for_each_use);
    }
    const CpuLevel* level = least_cpu_level(code_.machine, found_.extensions & known_features(code_.machine));
    found_.with_level = found_.extensions;
    if (level && found_.extensions.any()) found_.with_level |= level->features;
    return found_;
  }

 private:
  // Picked neither by its name nor by what it or its callers ask.
  bool is_ordinary(std::uint32_t f) const {
    if (functions_[f].gap || reach_.rule(f) || facts_.asks[f]) return false;
    if (reach_.needs(f).none()) return true;
    const CpuReach reach = reach_.of(f);
    return reach != CpuReach::dispatched && reach != CpuReach::doubtful;
  }

  // In a small file a table of kernels is most of the code; one that asks the processor may pick among them.
  bool is_too_small() const {
    return ordinary_.size() < few_blocks * least_block &&
           std::ranges::any_of(facts_.asks, [](std::uint8_t asks) { return asks != 0; });
  }

  bool uses_vectors(std::uint32_t f) const { return (reach_.needs(f) & vector_extensions()).any(); }

  // Is the file compiled for AVX?
  bool sample() {
    if (code_.machine != Machine::x86_64) return false;
    const std::size_t step = ordinary_.size() / sample_size + 1;
    std::size_t sampled = 0;
    for (std::size_t i = 0; i < ordinary_.size(); i += step, ++sampled) {
      if (uses_vectors(ordinary_[i])) {
        ++found_.sampled_avx;
      } else if (uses_legacy_sse(code_, functions_[ordinary_[i]])) {
        ++found_.sampled_sse;
      }
    }
    return found_.sampled_avx > 0 && found_.sampled_sse * avx_for_each_sse <= found_.sampled_avx &&
           found_.sampled_avx * functions_for_each_avx >= sampled;
  }

  void add_spread(const std::vector<std::uint32_t>& sequence, const ExtensionSet& extensions,
                  std::size_t for_each_use) {
    if (sequence.empty()) return;
    std::vector<Spread> spreads(extension_count, Spread(sequence.size(), for_each_use));
    for (std::size_t place = 0; place < sequence.size(); ++place) {
      const ExtensionSet needs = reach_.needs(sequence[place]) & extensions;
      if (needs.none()) continue;
      for (std::size_t i = 0; i < extension_count; ++i) {
        if (needs[i]) spreads[i].add(place);
      }
    }
    for (std::size_t i = 0; i < extension_count; ++i) {
      if (spreads[i].throughout()) found_.extensions.set(i);
    }
  }

  const CpuCode& code_;
  const Functions& functions_;
  const Facts& facts_;
  const Reach& reach_;
  std::vector<std::uint32_t> ordinary_;
  BuiltFor found_;
};

}  // namespace

BuiltFor built_for(const CpuCode& code, const Functions& functions, const Facts& facts, const Reach& reach) {
  return Builder(code, functions, facts, reach).find();
}

}  // namespace lathe::cpu
