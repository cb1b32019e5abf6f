// SPDX-License-Identifier: MIT
#include "cpu/isa/isa.h"

#include <array>

#include "base/text.h"

namespace lathe {
namespace {

enum class Weight : std::uint8_t { decides, counted };

struct Row {
  Extension extension;
  std::string_view name;
  Machine machine;
  Weight weight = Weight::decides;
};

constexpr Machine x86 = Machine::x86_64;
constexpr Machine arm = Machine::aarch64;

// The remarks beside `counted` say why the instruction needs nothing.
constexpr Row rows[] = {
    // `rep bsf` on older processors; gcc emits it without -mbmi
    {Extension::tzcnt, "tzcnt", x86, Weight::counted},
    {Extension::sse3, "sse3", x86},
    {Extension::cx16, "cx16", x86},
    {Extension::sahf, "sahf", x86},
    {Extension::ssse3, "ssse3", x86},
    {Extension::sse4_1, "sse4.1", x86},
    {Extension::sse4_2, "sse4.2", x86},
    {Extension::popcnt, "popcnt", x86},
    {Extension::movbe, "movbe", x86},
    {Extension::avx, "avx", x86},
    {Extension::f16c, "f16c", x86},
    {Extension::fma, "fma", x86},
    {Extension::avx2, "avx2", x86},
    {Extension::bmi, "bmi", x86},
    {Extension::bmi2, "bmi2", x86},
    {Extension::lzcnt, "lzcnt", x86},  // `rep bsr` on older processors: no fault, but another result
    {Extension::avx512f, "avx512f", x86},
    {Extension::avx512cd, "avx512cd", x86},
    {Extension::avx512bw, "avx512bw", x86},
    {Extension::avx512dq, "avx512dq", x86},
    {Extension::avx512vl, "avx512vl", x86},
    {Extension::avx512ifma, "avx512ifma", x86},
    {Extension::avx512vbmi, "avx512vbmi", x86},
    {Extension::avx512vbmi2, "avx512vbmi2", x86},
    {Extension::avx512vnni, "avx512vnni", x86},
    {Extension::avx512bitalg, "avx512bitalg", x86},
    {Extension::avx512vpopcntdq, "avx512vpopcntdq", x86},
    {Extension::avx512bf16, "avx512bf16", x86},
    {Extension::avx512fp16, "avx512fp16", x86},
    {Extension::avx512vp2intersect, "avx512vp2intersect", x86},
    {Extension::avx512er, "avx512er", x86},
    {Extension::avx512pf, "avx512pf", x86},
    {Extension::avx5124fmaps, "avx5124fmaps", x86},
    {Extension::avx5124vnniw, "avx5124vnniw", x86},
    {Extension::avxvnni, "avxvnni", x86},
    {Extension::avxifma, "avxifma", x86},
    {Extension::avxvnniint8, "avxvnniint8", x86},
    {Extension::avxneconvert, "avxneconvert", x86},
    {Extension::avxvnniint16, "avxvnniint16", x86},
    {Extension::amx_tile, "amx-tile", x86},
    {Extension::amx_int8, "amx-int8", x86},
    {Extension::amx_bf16, "amx-bf16", x86},
    {Extension::amx_fp16, "amx-fp16", x86},
    {Extension::amx_complex, "amx-complex", x86},
    {Extension::aes, "aes", x86},
    {Extension::pclmul, "pclmul", x86},
    {Extension::vaes, "vaes", x86},
    {Extension::vpclmulqdq, "vpclmulqdq", x86},
    {Extension::gfni, "gfni", x86},
    {Extension::sha, "sha", x86},
    {Extension::sha512, "sha512", x86},
    {Extension::sm3, "sm3", x86},
    {Extension::sm4, "sm4", x86},
    {Extension::adx, "adx", x86},
    {Extension::rdrnd, "rdrnd", x86},
    {Extension::rdseed, "rdseed", x86},
    {Extension::rdpid, "rdpid", x86},
    {Extension::rdtscp, "rdtscp", x86},
    {Extension::fsgsbase, "fsgsbase", x86},
    {Extension::pku, "pku", x86},
    {Extension::ptwrite, "ptwrite", x86},
    {Extension::xsave, "xsave", x86},
    {Extension::xsavec, "xsavec", x86},
    {Extension::xsaveopt, "xsaveopt", x86},
    {Extension::xsaves, "xsaves", x86, Weight::counted},  // privileged
    {Extension::clflushopt, "clflushopt", x86},
    {Extension::clwb, "clwb", x86},
    {Extension::movdir, "movdir", x86},
    {Extension::enqcmd, "enqcmd", x86},
    {Extension::waitpkg, "waitpkg", x86},
    {Extension::serialize, "serialize", x86},
    {Extension::tsxldtrk, "tsxldtrk", x86},
    {Extension::uintr, "uintr", x86},
    {Extension::rtm, "rtm", x86},
    {Extension::cmpccxadd, "cmpccxadd", x86},
    {Extension::raoint, "raoint", x86},
    {Extension::kl, "kl", x86},
    {Extension::widekl, "widekl", x86},
    // runs only where RDSSP, a hint elsewhere, gave an address
    {Extension::shstk, "shstk", x86, Weight::counted},
    {Extension::hreset, "hreset", x86, Weight::counted},  // privileged
    {Extension::sse4a, "sse4a", x86},
    {Extension::threednow, "3dnow", x86},
    {Extension::fma4, "fma4", x86},
    {Extension::xop, "xop", x86},
    {Extension::tbm, "tbm", x86},
    {Extension::lwp, "lwp", x86},
    {Extension::clzero, "clzero", x86},
    {Extension::mwaitx, "mwaitx", x86},
    {Extension::rdpru, "rdpru", x86},
    {Extension::padlock, "padlock", x86},
    {Extension::system, "system", x86, Weight::counted},  // VMX, SVM, SGX, SMX, TDX, SNP, MONITOR, SMAP...
    {Extension::lse, "lse", arm},
    {Extension::rdma, "rdma", arm},
    {Extension::crc, "crc", arm},
    {Extension::rcpc, "rcpc", arm},
    {Extension::rcpc2, "rcpc2", arm},
    {Extension::fp16, "fp16", arm},
    {Extension::fp16fml, "fp16fml", arm},
    {Extension::dotprod, "dotprod", arm},
    {Extension::jscvt, "jscvt", arm},
    {Extension::fcma, "fcma", arm},
    {Extension::frintts, "frintts", arm},
    {Extension::flagm, "flagm", arm},
    {Extension::flagm2, "flagm2", arm},
    {Extension::pauth, "pauth", arm},
    {Extension::i8mm, "i8mm", arm},
    {Extension::bf16, "bf16", arm},
    {Extension::arm_aes, "aes", arm},
    {Extension::arm_sha2, "sha2", arm},
    {Extension::arm_sha3, "sha3", arm},
    {Extension::arm_sm4, "sm4", arm},
    {Extension::sve, "sve", arm},
    {Extension::sve2, "sve2", arm},
    {Extension::sve2_aes, "sve2-aes", arm},
    {Extension::sve2_bitperm, "sve2-bitperm", arm},
    {Extension::sve2_sha3, "sve2-sha3", arm},
    {Extension::sve2_sm4, "sve2-sm4", arm},
    {Extension::sve_f32mm, "f32mm", arm},
    {Extension::sve_f64mm, "f64mm", arm},
    {Extension::sme, "sme", arm},
    {Extension::memtag, "memtag", arm},
    {Extension::ls64, "ls64", arm},
    {Extension::mops, "mops", arm},
    {Extension::rng, "rng", arm},
    {Extension::sb, "sb", arm},
    {Extension::ssbs, "ssbs", arm},
    {Extension::predres, "predres", arm},
    {Extension::wfxt, "wfxt", arm},
    {Extension::tme, "tme", arm},
    {Extension::cssc, "cssc", arm},
    {Extension::lor, "lor", arm},
    {Extension::hbc, "hbc", arm},
};
static_assert(std::size(rows) == extension_count, "one row for each extension");

constexpr bool rows_in_order() {
  for (std::size_t i = 0; i < std::size(rows); ++i) {
    if (static_cast<std::size_t>(rows[i].extension) != i) return false;
  }
  return true;
}
static_assert(rows_in_order(), "the rows stand in the order of the enumeration");

const Row& row_of(Extension extension) { return rows[static_cast<std::size_t>(extension)]; }

}  // namespace

std::string_view name_of(Extension extension) { return row_of(extension).name; }

std::optional<Extension> find_extension(std::string_view name, Machine machine) {
  for (const Row& row : rows) {
    if (row.machine == machine && row.name == name) return row.extension;
  }
  return std::nullopt;
}

bool decides(Extension extension) { return row_of(extension).weight == Weight::decides; }

ExtensionSet deciding_extensions() {
  ExtensionSet set;
  for (std::size_t i = 0; i < extension_count; ++i) set[i] = decides(static_cast<Extension>(i));
  return set;
}

std::string names_of(const ExtensionSet& set) {
  std::string text;
  for (const Row& row : rows) {
    if (!set.test(static_cast<std::size_t>(row.extension))) continue;
    if (!text.empty()) text += '+';
    text += row.name;
  }
  return text.empty() ? "base" : text;
}

std::optional<ExtensionSet> parse_extensions(std::string_view text, Machine machine) {
  ExtensionSet set;
  if (text == "base") return set;
  for (const std::string_view name : split(text, '+')) {
    const auto extension = find_extension(name, machine);
    if (!extension) return std::nullopt;
    set.set(static_cast<std::size_t>(*extension));
  }
  return set;
}

}  // namespace lathe
