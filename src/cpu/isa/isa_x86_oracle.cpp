// SPDX-License-Identifier: MIT
#include "cpu/isa/isa_x86_oracle.h"

#include <Zydis/Zydis.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "cpu/isa/isa.h"
#include "cpu/isa/isa_x86.h"

namespace lathe {
namespace {

struct Name {
  ZydisISASet set;
  const char* needs;
};

// What is not listed is part of the baseline. VL is added to the 128 and 256 bit forms, not to the "N"
// forms, which AVX512F alone has.
constexpr Name names[] = {
    {ZYDIS_ISA_SET_ADOX_ADCX, "adx"},
    {ZYDIS_ISA_SET_AES, "aes"},
    {ZYDIS_ISA_SET_AMD3DNOW, "3dnow"},
    {ZYDIS_ISA_SET_AMD_INVLPGB, "system"},
    {ZYDIS_ISA_SET_AMX_BF16, "amx-bf16"},
    {ZYDIS_ISA_SET_AMX_INT8, "amx-int8"},
    {ZYDIS_ISA_SET_AMX_TILE, "amx-tile"},
    {ZYDIS_ISA_SET_AVX, "avx"},
    {ZYDIS_ISA_SET_AVX2, "avx2"},
    {ZYDIS_ISA_SET_AVX2GATHER, "avx2"},
    {ZYDIS_ISA_SET_AVX512BW_128, "avx512bw+avx512vl"},
    {ZYDIS_ISA_SET_AVX512BW_128N, "avx512bw"},
    {ZYDIS_ISA_SET_AVX512BW_256, "avx512bw+avx512vl"},
    {ZYDIS_ISA_SET_AVX512BW_512, "avx512bw"},
    {ZYDIS_ISA_SET_AVX512BW_KOP, "avx512bw"},
    {ZYDIS_ISA_SET_AVX512CD_128, "avx512cd+avx512vl"},
    {ZYDIS_ISA_SET_AVX512CD_256, "avx512cd+avx512vl"},
    {ZYDIS_ISA_SET_AVX512CD_512, "avx512cd"},
    {ZYDIS_ISA_SET_AVX512DQ_128, "avx512dq+avx512vl"},
    {ZYDIS_ISA_SET_AVX512DQ_128N, "avx512dq"},
    {ZYDIS_ISA_SET_AVX512DQ_256, "avx512dq+avx512vl"},
    {ZYDIS_ISA_SET_AVX512DQ_512, "avx512dq"},
    {ZYDIS_ISA_SET_AVX512DQ_KOP, "avx512dq"},
    {ZYDIS_ISA_SET_AVX512DQ_SCALAR, "avx512dq"},
    {ZYDIS_ISA_SET_AVX512ER_512, "avx512er"},
    {ZYDIS_ISA_SET_AVX512ER_SCALAR, "avx512er"},
    {ZYDIS_ISA_SET_AVX512F_128, "avx512f+avx512vl"},
    {ZYDIS_ISA_SET_AVX512F_128N, "avx512f"},
    {ZYDIS_ISA_SET_AVX512F_256, "avx512f+avx512vl"},
    {ZYDIS_ISA_SET_AVX512F_512, "avx512f"},
    {ZYDIS_ISA_SET_AVX512F_KOP, "avx512f"},
    {ZYDIS_ISA_SET_AVX512F_SCALAR, "avx512f"},
    {ZYDIS_ISA_SET_AVX512PF_512, "avx512pf"},
    {ZYDIS_ISA_SET_AVX512_4FMAPS_512, "avx5124fmaps"},
    {ZYDIS_ISA_SET_AVX512_4FMAPS_SCALAR, "avx5124fmaps"},
    {ZYDIS_ISA_SET_AVX512_4VNNIW_512, "avx5124vnniw"},
    {ZYDIS_ISA_SET_AVX512_BF16_128, "avx512bf16+avx512vl"},
    {ZYDIS_ISA_SET_AVX512_BF16_256, "avx512bf16+avx512vl"},
    {ZYDIS_ISA_SET_AVX512_BF16_512, "avx512bf16"},
    {ZYDIS_ISA_SET_AVX512_BITALG_128, "avx512bitalg+avx512vl"},
    {ZYDIS_ISA_SET_AVX512_BITALG_256, "avx512bitalg+avx512vl"},
    {ZYDIS_ISA_SET_AVX512_BITALG_512, "avx512bitalg"},
    {ZYDIS_ISA_SET_AVX512_FP16_128, "avx512fp16+avx512vl"},
    {ZYDIS_ISA_SET_AVX512_FP16_128N, "avx512fp16"},
    {ZYDIS_ISA_SET_AVX512_FP16_256, "avx512fp16+avx512vl"},
    {ZYDIS_ISA_SET_AVX512_FP16_512, "avx512fp16"},
    {ZYDIS_ISA_SET_AVX512_FP16_SCALAR, "avx512fp16"},
    {ZYDIS_ISA_SET_AVX512_GFNI_128, "avx512f+avx512vl+gfni"},
    {ZYDIS_ISA_SET_AVX512_GFNI_256, "avx512f+avx512vl+gfni"},
    {ZYDIS_ISA_SET_AVX512_GFNI_512, "avx512f+gfni"},
    {ZYDIS_ISA_SET_AVX512_IFMA_128, "avx512ifma+avx512vl"},
    {ZYDIS_ISA_SET_AVX512_IFMA_256, "avx512ifma+avx512vl"},
    {ZYDIS_ISA_SET_AVX512_IFMA_512, "avx512ifma"},
    {ZYDIS_ISA_SET_AVX512_VAES_128, "avx512f+avx512vl+vaes"},
    {ZYDIS_ISA_SET_AVX512_VAES_256, "avx512f+avx512vl+vaes"},
    {ZYDIS_ISA_SET_AVX512_VAES_512, "avx512f+vaes"},
    {ZYDIS_ISA_SET_AVX512_VBMI2_128, "avx512vbmi2+avx512vl"},
    {ZYDIS_ISA_SET_AVX512_VBMI2_256, "avx512vbmi2+avx512vl"},
    {ZYDIS_ISA_SET_AVX512_VBMI2_512, "avx512vbmi2"},
    {ZYDIS_ISA_SET_AVX512_VBMI_128, "avx512vbmi+avx512vl"},
    {ZYDIS_ISA_SET_AVX512_VBMI_256, "avx512vbmi+avx512vl"},
    {ZYDIS_ISA_SET_AVX512_VBMI_512, "avx512vbmi"},
    {ZYDIS_ISA_SET_AVX512_VNNI_128, "avx512vl+avx512vnni"},
    {ZYDIS_ISA_SET_AVX512_VNNI_256, "avx512vl+avx512vnni"},
    {ZYDIS_ISA_SET_AVX512_VNNI_512, "avx512vnni"},
    {ZYDIS_ISA_SET_AVX512_VP2INTERSECT_128, "avx512vl+avx512vp2intersect"},
    {ZYDIS_ISA_SET_AVX512_VP2INTERSECT_256, "avx512vl+avx512vp2intersect"},
    {ZYDIS_ISA_SET_AVX512_VP2INTERSECT_512, "avx512vp2intersect"},
    {ZYDIS_ISA_SET_AVX512_VPCLMULQDQ_128, "avx512f+avx512vl+vpclmulqdq"},
    {ZYDIS_ISA_SET_AVX512_VPCLMULQDQ_256, "avx512f+avx512vl+vpclmulqdq"},
    {ZYDIS_ISA_SET_AVX512_VPCLMULQDQ_512, "avx512f+vpclmulqdq"},
    {ZYDIS_ISA_SET_AVX512_VPOPCNTDQ_128, "avx512vl+avx512vpopcntdq"},
    {ZYDIS_ISA_SET_AVX512_VPOPCNTDQ_256, "avx512vl+avx512vpopcntdq"},
    {ZYDIS_ISA_SET_AVX512_VPOPCNTDQ_512, "avx512vpopcntdq"},
    {ZYDIS_ISA_SET_AVXAES, "avx+aes"},
    {ZYDIS_ISA_SET_AVX_GFNI, "avx+gfni"},
    {ZYDIS_ISA_SET_AVX_VNNI, "avxvnni"},
    {ZYDIS_ISA_SET_BMI1, "bmi"},
    {ZYDIS_ISA_SET_BMI2, "bmi2"},
    {ZYDIS_ISA_SET_CET, "shstk"},
    {ZYDIS_ISA_SET_CLFLUSHOPT, "clflushopt"},
    {ZYDIS_ISA_SET_CLWB, "clwb"},
    {ZYDIS_ISA_SET_CLZERO, "clzero"},
    {ZYDIS_ISA_SET_CMPXCHG16B, "cx16"},
    {ZYDIS_ISA_SET_ENQCMD, "enqcmd"},
    {ZYDIS_ISA_SET_F16C, "f16c"},
    {ZYDIS_ISA_SET_FMA, "fma"},
    {ZYDIS_ISA_SET_FMA4, "fma4"},
    {ZYDIS_ISA_SET_GFNI, "gfni"},
    {ZYDIS_ISA_SET_HRESET, "hreset"},
    {ZYDIS_ISA_SET_INVPCID, "system"},
    {ZYDIS_ISA_SET_KEYLOCKER, "kl"},
    {ZYDIS_ISA_SET_KEYLOCKER_WIDE, "widekl"},
    {ZYDIS_ISA_SET_KNCE, nullptr},
    {ZYDIS_ISA_SET_KNCJKBR, nullptr},
    {ZYDIS_ISA_SET_KNCSTREAM, nullptr},
    {ZYDIS_ISA_SET_KNCV, nullptr},
    {ZYDIS_ISA_SET_KNC_MISC, nullptr},
    {ZYDIS_ISA_SET_KNC_PF_HINT, nullptr},
    {ZYDIS_ISA_SET_LAHF, "sahf"},
    {ZYDIS_ISA_SET_LWP, "lwp"},
    {ZYDIS_ISA_SET_LZCNT, "lzcnt"},
    {ZYDIS_ISA_SET_MCOMMIT, "system"},
    {ZYDIS_ISA_SET_MONITOR, "system"},
    {ZYDIS_ISA_SET_MONITORX, "mwaitx"},
    {ZYDIS_ISA_SET_MOVBE, "movbe"},
    {ZYDIS_ISA_SET_MOVDIR, "movdir"},
    {ZYDIS_ISA_SET_PADLOCK_ACE, "padlock"},
    {ZYDIS_ISA_SET_PADLOCK_PHE, "padlock"},
    {ZYDIS_ISA_SET_PADLOCK_PMM, "padlock"},
    {ZYDIS_ISA_SET_PADLOCK_RNG, "padlock"},
    {ZYDIS_ISA_SET_PCLMULQDQ, "pclmul"},
    {ZYDIS_ISA_SET_PCONFIG, "system"},
    {ZYDIS_ISA_SET_PKU, "pku"},
    {ZYDIS_ISA_SET_POPCNT, "popcnt"},
    {ZYDIS_ISA_SET_PT, "ptwrite"},
    {ZYDIS_ISA_SET_RDPID, "rdpid"},
    {ZYDIS_ISA_SET_RDPRU, "rdpru"},
    {ZYDIS_ISA_SET_RDRAND, "rdrnd"},
    {ZYDIS_ISA_SET_RDSEED, "rdseed"},
    {ZYDIS_ISA_SET_RDTSCP, "rdtscp"},
    {ZYDIS_ISA_SET_RDWRFSGS, "fsgsbase"},
    {ZYDIS_ISA_SET_RTM, "rtm"},
    {ZYDIS_ISA_SET_SERIALIZE, "serialize"},
    {ZYDIS_ISA_SET_SGX, "system"},
    {ZYDIS_ISA_SET_SGX_ENCLV, "system"},
    {ZYDIS_ISA_SET_SHA, "sha"},
    {ZYDIS_ISA_SET_SMAP, "system"},
    {ZYDIS_ISA_SET_SMX, "system"},
    {ZYDIS_ISA_SET_SNP, "system"},
    {ZYDIS_ISA_SET_SSE3, "sse3"},
    {ZYDIS_ISA_SET_SSE3X87, "sse3"},
    {ZYDIS_ISA_SET_SSE4, "sse4.1"},
    {ZYDIS_ISA_SET_SSE42, "sse4.2"},
    {ZYDIS_ISA_SET_SSE4A, "sse4a"},
    {ZYDIS_ISA_SET_SSSE3, "ssse3"},
    {ZYDIS_ISA_SET_SSSE3MMX, "ssse3"},
    {ZYDIS_ISA_SET_SVM, "system"},
    {ZYDIS_ISA_SET_TBM, "tbm"},
    {ZYDIS_ISA_SET_TDX, "system"},
    {ZYDIS_ISA_SET_TSX_LDTRK, "tsxldtrk"},
    {ZYDIS_ISA_SET_UINTR, "uintr"},
    {ZYDIS_ISA_SET_VAES, "avx+vaes"},
    {ZYDIS_ISA_SET_VMFUNC, "system"},
    {ZYDIS_ISA_SET_VPCLMULQDQ, "avx+vpclmulqdq"},
    {ZYDIS_ISA_SET_VTX, "system"},
    {ZYDIS_ISA_SET_WAITPKG, "waitpkg"},
    {ZYDIS_ISA_SET_XOP, "xop"},
    {ZYDIS_ISA_SET_XSAVE, "xsave"},
    {ZYDIS_ISA_SET_XSAVEC, "xsavec"},
    {ZYDIS_ISA_SET_XSAVEOPT, "xsaveopt"},
    {ZYDIS_ISA_SET_XSAVES, "xsaves"},
};

using NameTable = std::array<const char*, ZYDIS_ISA_SET_MAX_VALUE + 1>;

constexpr NameTable make_table() {
  NameTable table{};
  for (auto& needs : table) needs = "base";
  for (const Name& name : names) table[name.set] = name.needs;
  return table;
}
constexpr NameTable needs_of = make_table();

ZydisDecoder make_decoder() {
  ZydisDecoder decoder;
  ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
  return decoder;
}

const char* needs_of_instruction(const ZydisDecodedInstruction& instruction) {
  if (instruction.encoding == ZYDIS_INSTRUCTION_ENCODING_MVEX) return nullptr;
  const bool vex = instruction.encoding == ZYDIS_INSTRUCTION_ENCODING_VEX;
  if (vex && instruction.meta.isa_set == ZYDIS_ISA_SET_PCLMULQDQ) return "avx+pclmul";
  switch (instruction.mnemonic) {
    case ZYDIS_MNEMONIC_TZCNT:  // `rep bsf` where there is no BMI, and compilers use it as such
      return instruction.encoding == ZYDIS_INSTRUCTION_ENCODING_LEGACY ? "tzcnt" : nullptr;
    case ZYDIS_MNEMONIC_ENDBR32:  // hints: no operation where there is no CET
    case ZYDIS_MNEMONIC_ENDBR64:
    case ZYDIS_MNEMONIC_RDSSPD:
    case ZYDIS_MNEMONIC_RDSSPQ: return "base";
    default: return needs_of[instruction.meta.isa_set];
  }
}

// The extensions in data/x86_newer.txt.
bool is_newer_than_zydis(const ExtensionSet& needs) {
  static const ExtensionSet newer = *parse_extensions(
      "avxifma+avxvnniint8+avxvnniint16+avxneconvert+sha512+sm3+sm4+cmpccxadd+raoint+amx-fp16+amx-complex",
      Machine::x86_64);
  return (needs & newer).any();
}

// The extensions' names are read once for each of Zydis' sets: the pointers stand for them.
const ExtensionSet& set_of(const char* needs) {
  thread_local std::map<const char*, ExtensionSet> known;
  const auto [entry, is_new] = known.try_emplace(needs);
  if (is_new) entry->second = parse_extensions(needs, Machine::x86_64).value();
  return entry->second;
}

}  // namespace

std::string difference_from_zydis(ByteSpan bytes) {
  const auto* const begin = reinterpret_cast<const std::uint8_t*>(bytes.data());
  const X86Instruction ours = decode_x86(bytes);
  const auto theirs = ask_zydis(begin, bytes.size());
  const ExtensionSet& our_needs = x86_needs(ours.needs);
  if (!theirs && (!ours || is_newer_than_zydis(our_needs))) return "";
  if (theirs && theirs->length == ours.length && set_of(theirs->needs) == our_needs) return "";
  std::string text = "bytes";
  for (std::size_t i = 0; i < std::min<std::size_t>(bytes.size(), 15); ++i)
    text += fmt::format(" {:02x}", begin[i]);
  text += ours ? fmt::format(": {} bytes, {}", ours.length, names_of(our_needs)) : ": invalid";
  return text +
         (theirs ? fmt::format("; Zydis: {} bytes, {}", theirs->length, theirs->needs) : "; Zydis: invalid");
}

std::optional<ZydisAnswer> ask_zydis(const std::uint8_t* bytes, std::size_t size) {
  static const ZydisDecoder decoder = make_decoder();
  ZydisDecodedInstruction instruction;
  if (!ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&decoder, nullptr, bytes, size, &instruction)))
    return std::nullopt;
  const char* needs = needs_of_instruction(instruction);
  if (!needs) return std::nullopt;
  return ZydisAnswer{.length = instruction.length,
                     .has_modrm = (instruction.attributes & ZYDIS_ATTRIB_HAS_MODRM) != 0,
                     .needs = needs};
}

}  // namespace lathe
