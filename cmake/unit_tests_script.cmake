# SPDX-License-Identifier: MIT
# Run by unit_tests.cmake: writes to LIST a ctest test for each suite of PROGRAM.
execute_process(COMMAND ${EMULATOR} ${PROGRAM} --gtest_list_tests OUTPUT_VARIABLE said COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "\n[^ \n]+\\.[^\n]*" suites "\n${said}")
cmake_policy(SET CMP0057 NEW) # IN_LIST
set(tests)
# A first run has no times of an earlier one to order by: those that take more than ten seconds are begun first.
set(longest CarvedWheels FatbinOfNvcc InspectOfNvcc KilledCarve KilledFolder Record Files/CarveKind Kinds/RecordBad CpuScan Import
            Mutations RunProcess Diagnose)
if(EMULATOR)
  set(EMULATOR "[=[${EMULATOR}]=] ")
endif()
foreach(suite IN LISTS suites)
  # "Kinds/RecordBad.  # TypeParam = ..."
  string(REGEX REPLACE "^\n([^ ]+)\\..*$" "\\1" suite "${suite}")
  string(APPEND tests "add_test([=[${suite}]=] ${EMULATOR}[=[${PROGRAM}]=] [=[--gtest_filter=${suite}.*]=])\n")
  if(suite IN_LIST longest)
    string(APPEND tests "set_tests_properties([=[${suite}]=] PROPERTIES COST 20)\n")
  endif()
endforeach()
file(WRITE ${LIST} "${tests}")
