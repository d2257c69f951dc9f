# The optional parts of Longwave, each a target that exists where what it needs was found. Read by CMakeLists.txt
# and, installed, by longwave-config.cmake, so that add_subdirectory, FetchContent and find_package give the same names.
#
#   longwave::openmp   threads for parallel_for                                (else: serial)
#   longwave::fftw     FFTW for the CPU's transforms; GPL, so it is never implied (else: Eigen's)
#   longwave::zlib     io/npz.hpp and gz files
#   longwave::json     io/json.hpp
#   longwave::zarr     data/zarr.hpp: zlib, JSON, libzstd and c-blosc
#   longwave::native   the instruction set of the machine that compiles
#
# In: longwave_core, the target behind longwave::longwave.

function(longwave_component name)
  cmake_parse_arguments(arg "" "" "LINK;INCLUDE;DEFINE;OPTIONS" ${ARGN})
  if(longwave_core STREQUAL "longwave::longwave")
    add_library(longwave::${name} INTERFACE IMPORTED)
    set(target longwave::${name})
  else()
    add_library(longwave_${name} INTERFACE)
    add_library(longwave::${name} ALIAS longwave_${name})
    set(target longwave_${name})
  endif()
  target_link_libraries(${target} INTERFACE longwave::longwave ${arg_LINK})
  target_compile_definitions(${target} INTERFACE ${arg_DEFINE})
  target_compile_options(${target} INTERFACE ${arg_OPTIONS})
  foreach(folder ${arg_INCLUDE})
    if(NOT folder IN_LIST CMAKE_CXX_IMPLICIT_INCLUDE_DIRECTORIES)
      target_include_directories(${target} SYSTEM INTERFACE ${folder})
    endif()
  endforeach()
endfunction()

# What cxx_std_20 is to .cpp files, for .cu files of projects that use CUDA; CMake knows the feature from 3.26 on.
if(CMAKE_CUDA_COMPILER_LOADED)
  if("cuda_std_20" IN_LIST CMAKE_CUDA_COMPILE_FEATURES)
    target_compile_features(${longwave_core} INTERFACE $<BUILD_INTERFACE:cuda_std_20>)
  else()
    target_compile_options(${longwave_core} INTERFACE $<BUILD_INTERFACE:$<$<COMPILE_LANGUAGE:CUDA>:-std=c++20>>)
  endif()
endif()

# Random123 is headers only and has no package file. The compiler's own folders need no mention, and naming
# /usr/include with -isystem would break the standard library's include_next.
find_path(LONGWAVE_RANDOM123_INCLUDE_DIR Random123/philox.h)
mark_as_advanced(LONGWAVE_RANDOM123_INCLUDE_DIR)
if(NOT LONGWAVE_RANDOM123_INCLUDE_DIR)
  message(WARNING "Longwave needs the headers of Random123 (Debian: librandom123-dev) and they were not found; "
                  "set LONGWAVE_RANDOM123_INCLUDE_DIR to the folder that holds Random123/philox.h")
elseif(NOT LONGWAVE_RANDOM123_INCLUDE_DIR IN_LIST CMAKE_CXX_IMPLICIT_INCLUDE_DIRECTORIES)
  target_include_directories(${longwave_core} SYSTEM INTERFACE $<BUILD_INTERFACE:${LONGWAVE_RANDOM123_INCLUDE_DIR}>)
endif()

# Eigen: dense products and the FFT that works everywhere. Headers only, so it comes with longwave::longwave.
find_package(Eigen3 QUIET CONFIG)
if(TARGET Eigen3::Eigen)
  target_link_libraries(${longwave_core} INTERFACE $<BUILD_INTERFACE:Eigen3::Eigen>)
endif()

if(CMAKE_CXX_COMPILER_LOADED)
  find_package(OpenMP QUIET COMPONENTS CXX)
  if(TARGET OpenMP::OpenMP_CXX)
    longwave_component(openmp LINK OpenMP::OpenMP_CXX)
  endif()

  include(CheckCXXCompilerFlag)
  check_cxx_compiler_flag(-march=native LONGWAVE_HAS_MARCH_NATIVE)
  check_cxx_compiler_flag(-mprefer-vector-width=512 LONGWAVE_HAS_VECTOR_WIDTH)
  if(LONGWAVE_HAS_MARCH_NATIVE)
    set(flags -march=native)
    if(LONGWAVE_HAS_VECTOR_WIDTH)
      # Compilers default to half registers on many AVX-512 machines, from the days when full ones slowed the clock.
      list(APPEND flags -mprefer-vector-width=512)
    endif()
    longwave_component(native OPTIONS "$<$<COMPILE_LANGUAGE:CXX>:${flags}>")
  endif()
endif()

find_package(FFTW3 QUIET MODULE)
if(FFTW3_FOUND)
  longwave_component(fftw LINK FFTW3::fftw3 FFTW3::fftw3f DEFINE LONGWAVE_FFTW)
endif()

find_package(ZLIB QUIET MODULE)
if(ZLIB_FOUND)
  longwave_component(zlib LINK ZLIB::ZLIB)
endif()

find_package(nlohmann_json QUIET CONFIG)
if(TARGET nlohmann_json::nlohmann_json)
  longwave_component(json LINK nlohmann_json::nlohmann_json)
endif()

find_path(LONGWAVE_ZSTD_INCLUDE_DIR zstd.h)
find_library(LONGWAVE_ZSTD_LIBRARY zstd)
find_path(LONGWAVE_BLOSC_INCLUDE_DIR blosc.h)
find_library(LONGWAVE_BLOSC_LIBRARY blosc)
mark_as_advanced(LONGWAVE_ZSTD_INCLUDE_DIR LONGWAVE_ZSTD_LIBRARY LONGWAVE_BLOSC_INCLUDE_DIR LONGWAVE_BLOSC_LIBRARY)
if(TARGET longwave::zlib AND TARGET longwave::json AND LONGWAVE_ZSTD_LIBRARY AND LONGWAVE_ZSTD_INCLUDE_DIR
   AND LONGWAVE_BLOSC_LIBRARY AND LONGWAVE_BLOSC_INCLUDE_DIR)
  longwave_component(zarr
    LINK longwave::zlib longwave::json ${LONGWAVE_ZSTD_LIBRARY} ${LONGWAVE_BLOSC_LIBRARY}
    INCLUDE ${LONGWAVE_ZSTD_INCLUDE_DIR} ${LONGWAVE_BLOSC_INCLUDE_DIR})
endif()
