# SPDX-License-Identifier: MIT
# lathe_unit_tests(TARGET): a ctest test for each suite of a GoogleTest program, listed when it is built. Not one for each of the
# tests, as gtest_discover_tests has it: with sanitizers the program takes longer to start than nearly every test in it runs.
# No expression marks a suite as skipped, which would hide what fails beside a skipped test; tests/what_was_lacking.py names both.
function(lathe_unit_tests target)
  set(list ${CMAKE_CURRENT_BINARY_DIR}/${target}_suites.cmake)
  add_custom_command(TARGET ${target} POST_BUILD BYPRODUCTS ${list} VERBATIM
    COMMAND ${CMAKE_COMMAND} -DPROGRAM=$<TARGET_FILE:${target}> "-DEMULATOR=${CMAKE_CROSSCOMPILING_EMULATOR}" -DLIST=${list}
            -P ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/unit_tests_script.cmake)
  file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/${target}_if_built.cmake
       "if(EXISTS \"${list}\")\n  include(\"${list}\")\nelse()\n  add_test(${target}_is_not_built ${target}_is_not_built)\nendif()\n")
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${CMAKE_CURRENT_BINARY_DIR}/${target}_if_built.cmake)
endfunction()
