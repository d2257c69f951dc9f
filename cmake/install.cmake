# install, the CMake package and the pkg-config files.

include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/longwave)

install(DIRECTORY include/longwave DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(TARGETS longwave EXPORT longwave-targets)
install(EXPORT longwave-targets NAMESPACE longwave:: DESTINATION ${package_dir})

if(TARGET longwave_cuda)
  # For those with nvcc who want further instantiations, and the library for all others.
  install(DIRECTORY cuda/kernels DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/longwave/cuda)
  install(TARGETS longwave_cuda EXPORT longwave-cuda-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(EXPORT longwave-cuda-targets NAMESPACE longwave:: DESTINATION ${package_dir})
endif()

configure_package_config_file(cmake/longwave-config.cmake.in longwave-config.cmake INSTALL_DESTINATION ${package_dir}
  NO_SET_AND_CHECK_MACRO)
# While the major version is 0, a minor version may break what was there before.
write_basic_package_version_file(longwave-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES
  ${CMAKE_CURRENT_BINARY_DIR}/longwave-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/longwave-config-version.cmake
  cmake/longwave-components.cmake cmake/FindFFTW3.cmake
  DESTINATION ${package_dir})

# The prefix is found from where the file lies, so an install tree can be moved.
file(RELATIVE_PATH pc_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" pc_prefix ${pc_prefix})
set(pc_eigen "")
if(TARGET Eigen3::Eigen)
  set(pc_eigen "eigen3")
endif()
configure_file(cmake/longwave.pc.in longwave.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/longwave.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(TARGET longwave::fftw)
  configure_file(cmake/longwave-fftw.pc.in longwave-fftw.pc @ONLY)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/longwave-fftw.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endif()
