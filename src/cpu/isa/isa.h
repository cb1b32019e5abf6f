// SPDX-License-Identifier: MIT
// The instruction-set extensions that the scanners tell apart, under gcc's names, and sets of them.
// Knows names only. How an instruction is found to need one is isa_x86.h and isa_arm64.h; which processors
// have it is hardware/catalog.h.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "hardware/catalog.h"

namespace lathe {

// In the order in which reports list them: from old to new, per machine. Names and remarks are rows in
// isa.cpp.
// clang-format off
enum class Extension : std::uint8_t {
  // x86-64, beyond its baseline (x87, MMX, SSE, SSE2, CMOV, FXSR, SYSCALL)
  tzcnt, sse3, cx16, sahf, ssse3, sse4_1, sse4_2, popcnt, movbe,
  avx, f16c, fma, avx2, bmi, bmi2, lzcnt,
  avx512f, avx512cd, avx512bw, avx512dq, avx512vl, avx512ifma, avx512vbmi, avx512vbmi2, avx512vnni,
  avx512bitalg, avx512vpopcntdq, avx512bf16, avx512fp16, avx512vp2intersect, avx512er, avx512pf, avx5124fmaps,
  avx5124vnniw, avxvnni, avxifma, avxvnniint8, avxneconvert, avxvnniint16,
  amx_tile, amx_int8, amx_bf16, amx_fp16, amx_complex,
  aes, pclmul, vaes, vpclmulqdq, gfni, sha, sha512, sm3, sm4,
  adx, rdrnd, rdseed, rdpid, rdtscp, fsgsbase, pku, ptwrite,
  xsave, xsavec, xsaveopt, xsaves, clflushopt, clwb, movdir, enqcmd, waitpkg, serialize, tsxldtrk, uintr,
  rtm, cmpccxadd, raoint, kl, widekl, shstk, hreset,
  sse4a, threednow, fma4, xop, tbm, lwp, clzero, mwaitx, rdpru, padlock, system,
  // AArch64, beyond Armv8.0-A with floating point and Advanced SIMD
  lse, rdma, crc, rcpc, rcpc2, fp16, fp16fml, dotprod, jscvt, fcma, frintts, flagm, flagm2, pauth, i8mm, bf16,
  arm_aes, arm_sha2, arm_sha3, arm_sm4, sve, sve2, sve2_aes, sve2_bitperm, sve2_sha3, sve2_sm4, sve_f32mm,
  sve_f64mm, sme, memtag, ls64, mops, rng, sb, ssbs, predres, wfxt, tme, cssc, lor, hbc,
  count,
};
// clang-format on
inline constexpr std::size_t extension_count = static_cast<std::size_t>(Extension::count);

using ExtensionSet = std::bitset<extension_count>;

std::string_view name_of(Extension extension);  // "avx512vnni", "sse4.1", "lse"
std::optional<Extension> find_extension(std::string_view name, Machine machine);

// False for instructions that older processors execute as something harmless, and for those that only an
// operating system runs: they are counted but say nothing about the processor that a program needs.
bool decides(Extension extension);
ExtensionSet deciding_extensions();

std::string names_of(const ExtensionSet& set);  // "avx2+fma"; "base" when empty
// The set that such a text names; nullopt at an unknown name.
std::optional<ExtensionSet> parse_extensions(std::string_view text, Machine machine);

}  // namespace lathe
