# FFTW 3 in double and single precision: FFTW3::fftw3, FFTW3::fftw3f. Debian's package has no config file for CMake.
include(FindPackageHandleStandardArgs)

find_path(FFTW3_INCLUDE_DIR fftw3.h)
find_library(FFTW3_LIBRARY fftw3)
find_library(FFTW3F_LIBRARY fftw3f)
mark_as_advanced(FFTW3_INCLUDE_DIR FFTW3_LIBRARY FFTW3F_LIBRARY)

find_package_handle_standard_args(FFTW3 REQUIRED_VARS FFTW3_LIBRARY FFTW3F_LIBRARY FFTW3_INCLUDE_DIR)

if(FFTW3_FOUND AND NOT TARGET FFTW3::fftw3)
  foreach(library fftw3 fftw3f)
    string(TOUPPER ${library} upper)
    add_library(FFTW3::${library} UNKNOWN IMPORTED)
    set_target_properties(FFTW3::${library} PROPERTIES
      IMPORTED_LOCATION "${${upper}_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES "${FFTW3_INCLUDE_DIR}")
  endforeach()
endif()
