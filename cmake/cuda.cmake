# longwave::cuda, the device's side of the ops: a static library of all .cu files under cuda/launch and
# cuda/instantiate, built where nvcc is found. Consumers link it and need no nvcc of their own.

# CONFIGURE_DEPENDS here and in the other lists of sources: a new op brings its files and edits no list, and the
# build tool looks again each time, so nobody has to remember to configure anew.
file(GLOB_RECURSE cuda_sources CONFIGURE_DEPENDS
  ${CMAKE_CURRENT_SOURCE_DIR}/cuda/launch/*.cu ${CMAKE_CURRENT_SOURCE_DIR}/cuda/instantiate/*.cu)

if(NOT LONGWAVE_CUDA)
  return()
endif()
find_program(LONGWAVE_NVCC nvcc HINTS ${CUDAToolkit_ROOT}/bin $ENV{CUDA_PATH}/bin /usr/local/cuda/bin)
mark_as_advanced(LONGWAVE_NVCC)
if(NOT cuda_sources)
  return()
endif()

if(LONGWAVE_NVCC AND NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
  set(CMAKE_CUDA_COMPILER ${LONGWAVE_NVCC})
endif()
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES 80 90a-real)  # A100 and H100/H200; 80 brings its PTX, for what comes later
endif()
if(LONGWAVE_CUDA STREQUAL "AUTO")
  include(CheckLanguage)
  check_language(CUDA)
  if(NOT CMAKE_CUDA_COMPILER)
    return()
  endif()
endif()
enable_language(CUDA)
find_package(CUDAToolkit REQUIRED)

add_library(longwave_cuda STATIC ${cuda_sources})
add_library(longwave::cuda ALIAS longwave_cuda)
set_target_properties(longwave_cuda PROPERTIES EXPORT_NAME cuda POSITION_INDEPENDENT_CODE ON)
target_include_directories(longwave_cuda PUBLIC
  $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/cuda> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/longwave/cuda>)
target_compile_options(longwave_cuda PRIVATE $<$<BOOL:${LONGWAVE_DEVELOPER}>:-Werror=all-warnings>)
# cuBLAS and cuFFT as shared libraries: their static forms would make every program larger by hundreds of MB.
target_link_libraries(longwave_cuda PUBLIC longwave::longwave CUDA::cudart_static CUDA::cublas CUDA::cufft)

# Versions of the chunked scan and their times (cuda/lab/README.md): built by name only.
if(PROJECT_IS_TOP_LEVEL)
  file(GLOB lab_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/cuda/lab/*.cu)
  add_executable(longwave_lab EXCLUDE_FROM_ALL ${lab_sources})
  target_compile_options(longwave_lab PRIVATE $<$<BOOL:${LONGWAVE_DEVELOPER}>:-Werror=all-warnings>)
  target_link_libraries(longwave_lab PRIVATE longwave::cuda)
endif()
