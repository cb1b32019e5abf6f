# SPDX-License-Identifier: MIT
# The installed library: libtorchlathe.a with the objects of src/library and of all folders below it, the headers of
# include/torchlathe, and what CMake and pkg-config want to know of it.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

lathe_folders_below(library folders)
set(objects $<TARGET_OBJECTS:lathe_library> $<TARGET_OBJECTS:lathe_tables>)
foreach(folder IN LISTS folders)
  lathe_target(${folder} target)
  if(TARGET ${target})
    list(APPEND objects $<TARGET_OBJECTS:${target}>)
  endif()
endforeach()
add_library(torchlathe_archive STATIC ${objects})
set_target_properties(torchlathe_archive PROPERTIES OUTPUT_NAME torchlathe EXPORT_NAME torchlathe LINKER_LANGUAGE CXX)
target_compile_features(torchlathe_archive INTERFACE cxx_std_20)
target_include_directories(torchlathe_archive INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(torchlathe_archive PRIVATE ${LATHE_FMT} ${LATHE_TOML} OpenSSL::Crypto PkgConfig::ZSTD
                      PkgConfig::LZ4 PkgConfig::DEFLATE PkgConfig::LZMA ZLIB::ZLIB BZip2::BZip2 Threads::Threads)

set(place ${CMAKE_INSTALL_LIBDIR}/cmake/torchlathe)
install(TARGETS torchlathe_archive EXPORT torchlatheTargets COMPONENT library ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT torchlatheTargets NAMESPACE torchlathe:: COMPONENT library DESTINATION ${place})
install(DIRECTORY ${CMAKE_SOURCE_DIR}/include/torchlathe COMPONENT library DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
configure_file(${CMAKE_SOURCE_DIR}/cmake/torchlathe.pc.in ${CMAKE_BINARY_DIR}/torchlathe.pc @ONLY)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/torchlatheConfigVersion.cmake COMPATIBILITY SameMajorVersion)
install(FILES ${CMAKE_SOURCE_DIR}/cmake/torchlatheConfig.cmake ${CMAKE_BINARY_DIR}/torchlatheConfigVersion.cmake
        COMPONENT library DESTINATION ${place})
install(FILES ${CMAKE_BINARY_DIR}/torchlathe.pc COMPONENT library DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
