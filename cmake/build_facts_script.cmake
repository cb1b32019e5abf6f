# SPDX-License-Identifier: MIT
# Writes OUTPUT, when it would change: VERSION, COMMIT, COMPILER, MACHINE and PARTS (separated by |) as src/cli/build_facts.h declares them.
if(COMMIT STREQUAL "git")
  set(COMMIT "")
  if(EXISTS ${SOURCE}/.git)
    execute_process(COMMAND git -C ${SOURCE} describe --always --dirty --abbrev=12 --exclude=* OUTPUT_VARIABLE COMMIT ERROR_QUIET
                    OUTPUT_STRIP_TRAILING_WHITESPACE)
  endif()
endif()
string(REPLACE "|" ";" PARTS "${PARTS}")
set(rows "")
foreach(part IN LISTS PARTS)
  string(REGEX MATCH "^([^ ]+) (.*)$" part "${part}")
  string(APPEND rows "    {\"${CMAKE_MATCH_1}\", \"${CMAKE_MATCH_2}\"},\n")
endforeach()
set(text "// Made by cmake/build_facts_script.cmake.
#include \"cli/build_facts.h\"
namespace lathe {
namespace {
constexpr LinkedPart parts[] = {
${rows}};
}  // namespace
const BuildFacts& build_facts() {
  static constexpr BuildFacts facts = {\"${VERSION}\", \"${COMMIT}\", \"${COMPILER}\", \"${MACHINE}\", parts};
  return facts;
}
}  // namespace lathe
")
set(old "")
if(EXISTS ${OUTPUT})
  file(READ ${OUTPUT} old)
endif()
if(NOT old STREQUAL text)
  file(WRITE ${OUTPUT} "${text}")
endif()
