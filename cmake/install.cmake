# SPDX-License-Identifier: BSD-3-Clause
# Installation.
install(TARGETS gamp_static gamp_shared
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
