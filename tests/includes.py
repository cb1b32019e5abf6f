#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a file uses it includes: for each name of the standard library and of fmt, and for each type of this project, the header that
declares it, by the file itself or by the header beside it. So a file compiles whatever another one stops including, and without the
precompiled header. With --mend the missing lines are added."""
import re
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path

root = Path(__file__).resolve().parent.parent

# Names that several headers declare, or that come with every other one (std::size_t), are left out.
STANDARD = {
    "algorithm": "adjacent_find all_of any_of binary_search clamp copy copy_if copy_n count count_if equal equal_range fill fill_n find "
                 "find_first_of find_if find_if_not for_each includes inplace_merge is_permutation is_sorted lexicographical_compare "
                 "lower_bound max max_element merge min min_element minmax minmax_element mismatch move_backward next_permutation none_of "
                 "nth_element partial_sort partition partition_point remove_if replace reverse rotate search set_difference "
                 "set_intersection set_union shuffle sort stable_partition stable_sort swap_ranges transform unique upper_bound",
    "any": "any any_cast",
    "array": "array to_array",
    "atomic": "atomic atomic_bool atomic_flag memory_order_acquire memory_order_relaxed memory_order_release memory_order_seq_cst",
    "bit": "bit_cast bit_ceil bit_floor bit_width countl_one countl_zero countr_one countr_zero endian has_single_bit popcount rotl rotr",
    "bitset": "bitset",
    "cctype": "isalnum isalpha isdigit islower isprint ispunct isspace isupper isxdigit tolower toupper",
    "cerrno": "",
    "charconv": "chars_format from_chars to_chars",
    "chrono": "",
    "cmath": "ceil exp exp2 floor isfinite isinf isnan lerp llround log log10 log2 lround pow round sqrt trunc",
    "compare": "is_eq is_gt is_gteq is_lt is_lteq is_neq partial_ordering strong_ordering weak_ordering",
    "condition_variable": "condition_variable condition_variable_any cv_status",
    "csignal": "raise sig_atomic_t signal",
    "cstdint": "int16_t int32_t int64_t int8_t intptr_t uint16_t uint32_t uint64_t uint8_t uintptr_t",
    "cstdio": "FILE fclose fflush fgets fopen fprintf fputs fread fwrite printf snprintf sscanf",
    "cstdlib": "abort atexit atoi calloc div free getenv malloc mkstemp quick_exit realloc strtod strtol strtoll strtoul strtoull system",
    "cstring": "memchr memcmp memcpy memmove memset strchr strcmp strerror strlen strncmp strrchr strstr",
    "ctime": "gmtime localtime mktime strftime time_t tm",
    "deque": "deque",
    "exception": "current_exception exception exception_ptr make_exception_ptr rethrow_exception terminate uncaught_exceptions",
    "filesystem": "",
    "forward_list": "forward_list",
    "fstream": "filebuf fstream ifstream ofstream",
    "functional": "bind_front bit_or cref divides equal_to function greater greater_equal hash identity invoke less less_equal logical_not "
                  "mem_fn minus multiplies negate not_fn plus ref reference_wrapper",
    "future": "async future launch packaged_task promise",
    "initializer_list": "initializer_list",
    "iomanip": "put_time quoted setfill setprecision setw",
    "iostream": "cerr cin clog cout",
    "iterator": "advance back_insert_iterator back_inserter distance forward_iterator_tag input_iterator_tag inserter istream_iterator "
                "istreambuf_iterator make_move_iterator next ostream_iterator ostreambuf_iterator prev reverse_iterator ssize",
    "latch": "latch",
    "limits": "numeric_limits",
    "list": "list",
    "map": "map multimap",
    "memory": "addressof allocator default_delete destroy_at enable_shared_from_this make_shared make_unique make_unique_for_overwrite "
              "shared_ptr static_pointer_cast to_address uninitialized_copy unique_ptr weak_ptr",
    "mutex": "call_once lock_guard mutex once_flag recursive_mutex scoped_lock try_to_lock unique_lock",
    "new": "bad_alloc launder nothrow set_new_handler",
    "numbers": "numbers",
    "numeric": "accumulate adjacent_difference exclusive_scan gcd inclusive_scan inner_product iota lcm midpoint partial_sum reduce "
               "transform_reduce",
    "optional": "make_optional nullopt nullopt_t optional",
    "queue": "priority_queue queue",
    "random": "bernoulli_distribution default_random_engine discrete_distribution mt19937 mt19937_64 normal_distribution random_device "
              "seed_seq uniform_int_distribution uniform_real_distribution",
    "regex": "cmatch cregex_iterator regex regex_error regex_match regex_replace regex_search smatch sregex_iterator "
             "sregex_token_iterator sub_match",
    "semaphore": "binary_semaphore counting_semaphore",
    "set": "multiset set",
    "shared_mutex": "shared_lock shared_mutex shared_timed_mutex",
    "source_location": "source_location",
    "span": "as_bytes as_writable_bytes dynamic_extent span",
    "sstream": "istringstream ostringstream stringbuf stringstream",
    "stack": "stack",
    "stdexcept": "domain_error invalid_argument length_error logic_error out_of_range overflow_error range_error runtime_error",
    "stop_token": "stop_callback stop_source stop_token",
    "string": "basic_string char_traits getline stod stof stoi stol stoll stoul stoull string to_string u16string u32string u8string wstring",
    "string_view": "basic_string_view string_view u8string_view",
    "system_error": "error_category error_code error_condition errc generic_category make_error_code system_category system_error",
    "thread": "jthread this_thread thread",
    "tuple": "apply forward_as_tuple ignore make_tuple tie tuple tuple_cat",
    "type_traits": "add_const_t common_type_t conditional_t decay_t enable_if_t false_type invoke_result_t is_base_of_v is_class_v is_const_v "
                   "is_convertible_v is_enum_v is_floating_point_v is_integral_v is_invocable_r_v is_invocable_v is_lvalue_reference_v "
                   "is_pointer_v is_same is_same_v is_signed_v is_trivially_copyable_v is_trivially_destructible_v is_unsigned_v is_void_v "
                   "make_signed_t make_unsigned_t remove_const_t remove_cv_t remove_cvref_t remove_pointer_t remove_reference_t true_type "
                   "underlying_type_t void_t",
    "typeindex": "type_index",
    "unordered_map": "unordered_map unordered_multimap",
    "unordered_set": "unordered_multiset unordered_set",
    "utility": "as_const cmp_equal cmp_greater cmp_greater_equal cmp_less cmp_less_equal declval exchange forward in_place in_place_t "
               "index_sequence integer_sequence make_index_sequence make_pair move pair piecewise_construct swap to_underlying unreachable",
    "variant": "get_if holds_alternative in_place_type monostate variant visit",
    "vector": "vector",
}
HEADER_OF = {f"std::{name}": f"<{header}>" for header, names in STANDARD.items() for name in names.split()}
NAMESPACES = {"std::chrono": "<chrono>", "std::filesystem": "<filesystem>", "std::ranges": "<algorithm>", "std::this_thread": "<thread>",
              "std::numbers": "<numbers>", "fmt": "<fmt/format.h>"}
# std::ranges:: has a few that are declared elsewhere.
RANGES = {"<iterator>": "advance begin data distance end next prev size ssize empty", "<functional>": "equal_to greater greater_equal less less_equal",
          "<ranges>": "input_range range range_value_t"}
RANGES = {name: header for header, names in RANGES.items() for name in names.split()}
# One of these does as well: they must declare it.
AS_WELL = {"<string_view>": (), "<fmt/format.h>": ("<fmt/ranges.h>", "<fmt/chrono.h>"), "<cstdint>": ("<stdint.h>",),
           "<cstring>": ("<string.h>",), "<cstdlib>": ("<stdlib.h>",), "<cstdio>": ("<stdio.h>",), "<csignal>": ("<signal.h>",),
           "<iostream>": ("<ostream>", "<istream>"), "<utility>": (), "<ctime>": ("<time.h>",)}
DECLARED = re.compile(r"^(?:class|struct|enum class|enum)\s+(?:\[\[\w+\]\]\s*)?(\w+)\b(?!\s*;)|^using\s+(\w+)\s*=", re.M)


@cache
def code_of(path):
    """Its text without comments and strings, and its includes."""
    text = path.read_text()
    includes = set(re.findall(r'^\s*#\s*include\s+(<[^>]+>|"[^"]+")', text, re.M))
    text = re.sub(r'R"(\w*)\((?:.|\n)*?\)\1"', '""', text)
    text = re.sub(r'//[^\n]*|/\*(?:.|\n)*?\*/|"(?:[^"\\\n]|\\.)*"|(?<![0-9a-fA-F])\'(?:[^\'\\\n]|\\.)+\'', " ", text)
    return re.sub(r"^\s*#\s*include[^\n]*", "", text, flags=re.M), includes


@cache
def reached(header):
    """All headers of this project that one leads to, itself too."""
    seen, open_ = set(), [header]
    while open_:
        name = open_.pop()
        if name not in seen and (root / "src" / name).exists():
            seen.add(name)
            open_ += [include.strip('"') for include in code_of(root / "src" / name)[1] if include[0] == '"']
    return seen


def standard_uses(code):
    uses = set()
    for name in re.findall(r"\b(std::\w+)\b", code):
        uses |= {HEADER_OF[name]} if name in HEADER_OF else set()
    for space, header in NAMESPACES.items():
        for name in re.findall(rf"(?<![\w:]){space}::(\w+)", code):
            uses.add(RANGES.get(name, header) if space == "std::ranges" else header)
    return uses


def own_header(path):
    """The header beside it: of x.cpp and x_test.cpp it is x.h."""
    for stem in (path.stem, path.stem.removesuffix("_test")):
        header = path.with_name(stem + ".h")
        if header.exists() and header != path:
            return header
    return None


def project_types():
    """Those that one header declares, and that are not also the name of something inside of another type or file."""
    homes, elsewhere = defaultdict(set), set()
    for file in sorted(p for p in (root / "src").rglob("*") if p.suffix in (".cpp", ".h")):
        code, _ = code_of(file)
        outer = {a or b for a, b in DECLARED.findall(code)} if file.suffix == ".h" else set()
        for name in outer:
            homes[name].add(file.relative_to(root / "src").as_posix())
        elsewhere |= set(re.findall(r"\b(?:class|struct|enum|using)\s+(\w+)\s*[:={]", code)) - outer
        elsewhere |= {word for body in re.findall(r"\benum\b[^{};]*\{([^}]*)\}", code) for word in re.findall(r"\w+", body)}
    return {name: f'"{min(where)}"' for name, where in homes.items() if len(where) == 1 and name not in elsewhere}


def with_lines(text, headers, beside):
    """The text with these includes, each in its place among its like: the header beside, libraries, the standard's, this project's."""
    for header in sorted(headers):
        kind = kind_of(header, beside)
        every = list(re.finditer(r'^#include (<[^>]+>|"[^"]+")[^\n]*\n', text, re.M))
        like = [m for m in every if kind_of(m.group(1), beside) == kind]
        before = [m for m in every if kind_of(m.group(1), beside) < kind]
        lower = [m for m in like if m.group(1) < header]
        line = f"#include {header}\n"
        if like:
            at = lower[-1].end() if lower else like[0].start()
        elif before:
            at, line = before[-1].end(), "\n" + line
        elif every:
            at, line = every[0].start(), line + "\n"
        else:
            at, line = re.search(r"^#pragma once\n|\A(?://[^\n]*\n)+", text, re.M).end(), "\n" + line
        text = text[:at] + line + text[at:]
    return text


def kind_of(header, beside):
    if header == beside:
        return 0
    return 3 if header[0] == '"' else 1 if "." in header or "/" in header else 2


mend = "--mend" in sys.argv
ranks = {line.split()[0]: int(line.split()[1]) for line in (root / "src/folders.txt").read_text().splitlines()
         if line and not line.startswith("#")}


def may_include(path, header):
    """By the folders' ranks: a name out of a higher folder is another one of the same spelling. And what leads to this header is only
    named in it, as something declared."""
    if path.relative_to(root / "src").as_posix() in reached(header.strip('"')):
        return False
    this, other = path.parent.relative_to(root / "src").as_posix(), header.strip('"').rpartition("/")[0]
    return this == other or ranks.get(this, 99) > ranks[other]


types, problems, seen = project_types(), [], 0
for path in sorted(p for folder in ("include", "src", "tests", "fuzz", "bench") for p in (root / folder).rglob("*") if p.suffix in (".cpp", ".h")):
    code, includes = code_of(path)
    beside = own_header(path)
    if beside:
        includes = includes | code_of(beside)[1] | {f'"{beside.relative_to(root / "src").as_posix()}"' if beside.is_relative_to(root / "src") else ""}
    uses = standard_uses(code)
    if path.is_relative_to(root / "src"):
        this = f'"{path.relative_to(root / "src").as_posix()}"'
        words = set(re.findall(r"(?<![\w.>])(?<!::)([A-Z]\w+)\b|\blathe::([A-Z]\w+)", code))
        declared = {a or b for a, b in DECLARED.findall(code)} | set(re.findall(r"\b(?:class|struct|enum class|using)\s+(\w+)", code))
        uses |= {types[word] for pair in words for word in pair if word in types and word not in declared
                 and may_include(path, types[word])} - {this}
    seen += 1
    missing = {header for header in uses if header not in includes and not includes & set(AS_WELL.get(header, ()))}
    problems += [f"{path.relative_to(root)}: uses what {header} declares and does not include it" for header in sorted(missing)]
    if mend and missing:
        path.write_text(with_lines(path.read_text(), missing, beside and f'"{beside.relative_to(root / "src").as_posix()}"'))
print("\n".join(problems) or f"{seen} files")
sys.exit(1 if problems or seen < 500 else 0)
