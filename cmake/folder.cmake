# SPDX-License-Identifier: MIT
# lathe_folder(SOURCES FILE... [TESTS FILE...] [LIBRARIES TARGET...]): the library of one folder of src/, lathe_FOLDER (its / is _),
# linked to those of a lower rank alone (src/folders.txt), so that the linker holds the layers too; its tests, part of lathe_unit;
# and what it takes from Debian, which nobody else sees.
file(STRINGS ${CMAKE_SOURCE_DIR}/src/folders.txt LATHE_FOLDERS REGEX "^[a-z]")
set_property(DIRECTORY ${CMAKE_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/folders.txt)

# Headers that nearly every file reads, compiled once for all folders.
file(WRITE ${CMAKE_BINARY_DIR}/headers.cpp "")
add_library(lathe_headers OBJECT ${CMAKE_BINARY_DIR}/headers.cpp)
target_link_libraries(lathe_headers PRIVATE fmt::fmt Threads::Threads)
target_precompile_headers(lathe_headers PRIVATE <fmt/format.h> <algorithm> <cstdint> <filesystem> <map> <optional> <span>
                          <string> <string_view> <vector>)

function(lathe_target folder result)
  string(REPLACE "/" "_" name ${folder})
  set(${result} lathe_${name} PARENT_SCOPE)
endfunction()

function(lathe_folder)
  cmake_parse_arguments(PARSE_ARGV 0 folder "" "" "SOURCES;TESTS;LIBRARIES")
  cmake_path(RELATIVE_PATH CMAKE_CURRENT_SOURCE_DIR BASE_DIRECTORY ${CMAKE_SOURCE_DIR}/src OUTPUT_VARIABLE here)
  lathe_target(${here} target)
  add_library(${target} STATIC ${folder_SOURCES})
  target_include_directories(${target} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(${target} PUBLIC fmt::fmt Threads::Threads)
  target_precompile_headers(${target} REUSE_FROM lathe_headers)
  lathe_folders_below(${here} below)
  foreach(other IN LISTS below)
    lathe_target(${other} other_target)
    target_link_libraries(${target} PUBLIC ${other_target})
  endforeach()
  target_link_libraries(${target} PRIVATE ${folder_LIBRARIES})
  if(BUILD_TESTING)
    target_sources(lathe_unit PRIVATE ${folder_TESTS})
  endif()
endfunction()

# Folders of a lower rank than `folder`.
function(lathe_folders_below folder result)
  list(FILTER LATHE_FOLDERS INCLUDE REGEX "^[a-z/]+ [0-9]+$")
  set(own ${LATHE_FOLDERS})
  list(FILTER own INCLUDE REGEX "^${folder} ")
  if(NOT own)
    message(FATAL_ERROR "src/folders.txt gives ${folder} no rank")
  endif()
  string(REGEX REPLACE ".* " "" rank ${own})
  set(below)
  foreach(line IN LISTS LATHE_FOLDERS)
    string(REPLACE " " ";" words ${line})
    list(GET words 0 other)
    list(GET words 1 other_rank)
    if(other_rank LESS rank)
      list(APPEND below ${other})
    endif()
  endforeach()
  set(${result} ${below} PARENT_SCOPE)
endfunction()
