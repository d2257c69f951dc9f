# How our own programs are built: warnings, sanitizers, all components. Never installed, never seen by consumers.

if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(LONGWAVE_CCACHE ccache)
  mark_as_advanced(LONGWAVE_CCACHE)
  if(LONGWAVE_CCACHE)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${LONGWAVE_CCACHE})
  endif()
endif()

add_library(longwave_developer INTERFACE)
if(LONGWAVE_DEVELOPER)
  target_compile_options(longwave_developer INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wpedantic;-Wconversion;-Wshadow;-Werror>
    # clang counts signedness under -Wconversion, GCC does not; and a loop that clang cannot turn into SIMD is no fault.
    $<$<COMPILE_LANG_AND_ID:CXX,Clang,AppleClang>:-Wno-sign-conversion;-Wno-pass-failed>)
endif()
if(LONGWAVE_SANITIZE)
  target_compile_options(longwave_developer INTERFACE
    -fsanitize=${LONGWAVE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(longwave_developer INTERFACE -fsanitize=${LONGWAVE_SANITIZE})
endif()

# Everything that was found, for programs that use all of the library, and the same on the FFT that always works.
add_library(longwave_without_fftw INTERFACE)
target_link_libraries(longwave_without_fftw INTERFACE longwave::longwave longwave_developer)
foreach(component openmp zlib json zarr)
  if(TARGET longwave::${component})
    target_link_libraries(longwave_without_fftw INTERFACE longwave::${component})
  endif()
endforeach()
if(LONGWAVE_NATIVE AND TARGET longwave::native)
  target_link_libraries(longwave_without_fftw INTERFACE longwave::native)
endif()

add_library(longwave_everything INTERFACE)
target_link_libraries(longwave_everything INTERFACE longwave_without_fftw)
if(TARGET longwave::fftw)
  target_link_libraries(longwave_everything INTERFACE longwave::fftw)
endif()
