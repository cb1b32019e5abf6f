# SPDX-License-Identifier: MIT
# lathe_embed(TARGET NAMESPACE NAME FILE...): compiles files into TARGET as
#   std::span<const lathe::EmbeddedFile> lathe::NAMESPACE::NAME();
# each with the file's name (without folder) and its text.
set(LATHE_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_DIR}/embed_script.cmake)

function(lathe_embed target namespace name)
  set(files)
  foreach(file IN LISTS ARGN)
    cmake_path(ABSOLUTE_PATH file OUTPUT_VARIABLE absolute)
    list(APPEND files ${absolute})
  endforeach()
  set(output ${CMAKE_BINARY_DIR}/embedded/${namespace}_${name}.cpp)
  list(JOIN files "|" joined)
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${output} -DNAMESPACE=${namespace} -DNAME=${name} "-DFILES=${joined}"
            -P ${LATHE_EMBED_SCRIPT}
    DEPENDS ${files} ${LATHE_EMBED_SCRIPT}
    VERBATIM)
  target_sources(${target} PRIVATE ${output})
  set_source_files_properties(${output} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
endfunction()
