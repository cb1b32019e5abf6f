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
  # A custom command belongs to its folder, the target to the top one: so a target of its own carries the command over.
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${output} -DNAMESPACE=${namespace} -DNAME=${name} "-DFILES=${joined}"
            -P ${LATHE_EMBED_SCRIPT}
    DEPENDS ${files} ${LATHE_EMBED_SCRIPT}
    VERBATIM)
  add_custom_target(embed_${namespace}_${name} DEPENDS ${output})
  add_dependencies(${target} embed_${namespace}_${name})
  target_sources(${target} PRIVATE ${output})
  set_source_files_properties(${output} TARGET_DIRECTORY ${target}
                              PROPERTIES GENERATED ON SKIP_PRECOMPILE_HEADERS ON)
endfunction()
