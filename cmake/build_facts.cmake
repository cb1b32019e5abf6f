# SPDX-License-Identifier: MIT
# lathe_build_facts(TARGET): compiles into TARGET what src/cli/build_facts.h declares: version, commit, compiler, parts.
set(LATHE_BUILD_FACTS_SCRIPT ${CMAKE_CURRENT_LIST_DIR}/build_facts_script.cmake)

function(lathe_build_facts target)
  set(output ${CMAKE_BINARY_DIR}/embedded/build_facts.cpp)
  string(REPLACE "0.0.0" "" re2 ${RE2_VERSION}) # what Debian's re2.pc says
  set(parts "bzip2 ${BZIP2_VERSION_STRING}|CLI11 ${CLI11_VERSION}|fmt ${fmt_VERSION}|libdeflate ${DEFLATE_VERSION}|liblzma ${LZMA_VERSION}|libzstd ${ZSTD_VERSION}"
            "|lz4 ${LZ4_VERSION}|nlohmann-json ${nlohmann_json_VERSION}|OpenSSL ${OPENSSL_VERSION}|re2 ${re2}"
            "|SQLite ${SQLite3_VERSION}|toml++ ${tomlplusplus_VERSION}|zlib ${ZLIB_VERSION_STRING}")
  list(JOIN parts "" parts)
  # At each build, for Git says another commit then; what did not change is not written.
  add_custom_target(build_facts BYPRODUCTS ${output} VERBATIM
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${output} -DVERSION=${PROJECT_VERSION} -DCOMMIT=${LATHE_COMMIT} -DSOURCE=${CMAKE_SOURCE_DIR}
            "-DCOMPILER=${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}" -DMACHINE=${CMAKE_SYSTEM_PROCESSOR} "-DPARTS=${parts}"
            -P ${LATHE_BUILD_FACTS_SCRIPT})
  add_dependencies(${target} build_facts)
  target_sources(${target} PRIVATE ${output})
  set_source_files_properties(${output} TARGET_DIRECTORY ${target} PROPERTIES GENERATED ON SKIP_PRECOMPILE_HEADERS ON)
endfunction()
