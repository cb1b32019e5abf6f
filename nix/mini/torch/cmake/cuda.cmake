# SPDX-License-Identifier: MIT
# libtorch_cuda: each .cu through nvcc for the GPUs of TORCH_CUDA_ARCH_LIST; the matrix kernels for the architecture-specific
# code of those that have it, as PyTorch does with CUTLASS.
if("$ENV{CUDA_HOME}" STREQUAL "" OR NOT EXISTS "$ENV{CUDA_NVCC}/bin/nvcc")
  message(STATUS "Could NOT find CUDA (missing: CUDA_TOOLKIT_ROOT_DIR CUDA_NVCC_EXECUTABLE)")
  message(WARNING "PyTorch: CUDA cannot be found.  Depending on whether you are building PyTorch or a PyTorch dependent library, the next warning / error will give you more info.")
  message(WARNING "Not compiling with CUDA. Suppress this warning with -DUSE_CUDA=OFF.")
  return()
endif()
set(toolkit $ENV{CUDA_HOME})
set(nvcc $ENV{CUDA_NVCC}/bin/nvcc)
message(STATUS "Found CUDA: ${toolkit} (found version \"$ENV{TORCH_CUDA_VERSION}\")")

include(cmake/Modules_CUDA_fix/upstream/FindCUDA/select_compute_arch.cmake)
cuda_select_nvcc_arch_flags(plain "$ENV{TORCH_CUDA_ARCH_LIST}")

function(gencode result)
  set(flags "")
  foreach(number IN LISTS ARGN)
    list(APPEND flags -gencode arch=compute_${number},code=sm_${number})
  endforeach()
  set(${result} "${flags}" PARENT_SCOPE)
endfunction()
list(JOIN plain " " gencode_text)

set(specific "")
foreach(number IN LISTS arch_numbers)
  if(number MATCHES "^(90|100|103|120|121)$")
    list(APPEND specific ${number}a)
  else()
    list(APPEND specific ${number})
  endif()
endforeach()
gencode(specific ${specific})

# CMAKE_CXX_FLAGS stay away from nvcc, as in PyTorch: CUDA is a language of its own there, and CMake gives it CUDAFLAGS only.
separate_arguments(launcher UNIX_COMMAND "$ENV{CMAKE_CUDA_COMPILER_LAUNCHER}")
set(objects "")
function(add_cu file)
  get_filename_component(name ${file} NAME)
  set(object ${CMAKE_CURRENT_BINARY_DIR}/${name}.o)
  add_custom_command(OUTPUT ${object} DEPENDS ${file} VERBATIM
    COMMAND ${launcher} ${nvcc} -O2 -std=c++17 -Xcompiler=-fPIC -I${CMAKE_CURRENT_SOURCE_DIR}/include ${ARGN}
            -c ${file} -o ${object}
    WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} COMMENT "Building CUDA object ${file}.o")
  set(objects ${objects} ${object} PARENT_SCOPE)
endfunction()
add_cu(aten/cuda/pointwise.cu ${plain})
add_cu(aten/cuda/reduce.cu ${plain})
add_cu(aten/cuda/softmax.cu ${plain})
add_cu(aten/cuda/matmul.cu ${specific})

list(JOIN arch_numbers " sm_" arch_flags)
add_library(torch_cuda SHARED aten/cuda/context.cpp ${objects})
set_target_properties(torch_cuda PROPERTIES LINKER_LANGUAGE CXX INSTALL_RPATH "$ORIGIN" BUILD_WITH_INSTALL_RPATH ON)
target_include_directories(torch_cuda PRIVATE ${toolkit}/include)
target_compile_definitions(torch_cuda PRIVATE TORCH_ARCH_FLAGS="sm_${arch_flags}" TORCH_CUDA_VERSION="$ENV{TORCH_CUDA_VERSION}")
find_library(cudart_static cudart_static PATHS ${toolkit}/lib64 ${toolkit}/targets/x86_64-linux/lib ${toolkit}/lib REQUIRED NO_DEFAULT_PATH)
target_link_libraries(torch_cuda torch_cpu ${cudart_static} dl rt pthread)
if(NOT "$ENV{MAGMA}" STREQUAL "")
  target_link_libraries(torch_cuda -Wl,--whole-archive $ENV{MAGMA}/lib/libmagma.a -Wl,--no-whole-archive)
endif()
