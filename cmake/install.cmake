# SPDX-License-Identifier: BSD-3-Clause
# Installation: headers, both libraries, the entry object, gamp.pc, the CMake package, and what
# tools/ holds for users. Everything is relative to the prefix given at install time.
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/gamp)
set(pc_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

if(EXISTS ${CMAKE_SOURCE_DIR}/include)
  install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
          FILES_MATCHING PATTERN *.h PATTERN *.hpp)
endif()
target_include_directories(gamp_static INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_include_directories(gamp_shared INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
install(TARGETS gamp_static gamp_shared EXPORT gampTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(TARGET gamp_rt0)
  install(FILES ${CMAKE_BINARY_DIR}/gamp_rt0.o DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()

install(EXPORT gampTargets NAMESPACE gamp:: DESTINATION ${package_dir})
configure_package_config_file(cmake/gampConfig.cmake.in ${CMAKE_BINARY_DIR}/gampConfig.cmake
  INSTALL_DESTINATION ${package_dir} PATH_VARS CMAKE_INSTALL_LIBDIR)
# Before 1.0 a minor version may break what an earlier one promised.
write_basic_package_version_file(${CMAKE_BINARY_DIR}/gampConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/gampConfig.cmake ${CMAKE_BINARY_DIR}/gampConfigVersion.cmake
        DESTINATION ${package_dir})

file(RELATIVE_PATH pc_to_prefix /p/${pc_dir} /p)
string(REGEX REPLACE "/$" "" pc_to_prefix "${pc_to_prefix}")
configure_file(cmake/gamp.pc.in ${CMAKE_BINARY_DIR}/gamp.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/gamp.pc DESTINATION ${pc_dir})
install(FILES tools/gdb/gamp-gdb.py DESTINATION ${CMAKE_INSTALL_DATADIR}/gamp)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
