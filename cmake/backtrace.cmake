# SPDX-License-Identifier: BSD-3-Clause
# A copy of gcc's libbacktrace for reports: one object whose calls into the C library go to
# src/diag/btlibc.c, so that it takes no lock of libc or of the loader. Made when the tree is
# configured, because the sources depend on whether there is one.
#
# In:  GAMP_LIBBACKTRACE  the archive; empty: none, reports then have names without lines
# Out: HAVE_LIBBACKTRACE, backtrace_object, backtrace_include

if(NOT DEFINED GAMP_LIBBACKTRACE)
  execute_process(COMMAND ${CMAKE_C_COMPILER} -print-file-name=libbacktrace.a
    OUTPUT_VARIABLE found OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(NOT IS_ABSOLUTE "${found}")
    file(GLOB found /usr/lib/gcc/${CMAKE_C_LIBRARY_ARCHITECTURE}/*/libbacktrace.a)
    list(SORT found COMPARE NATURAL ORDER DESCENDING)
  endif()
  if(found)
    list(GET found 0 found)
  endif()
  set(GAMP_LIBBACKTRACE "${found}" CACHE FILEPATH "libbacktrace.a, or empty")
endif()

# What it calls, by the names that C libraries and their checking headers have for it.
set(backtrace_calls
  __errno_location=bt_errno_location
  open=bt_open open64=bt_open __open_2=bt_open_2 __open64_2=bt_open_2 close=bt_close
  fcntl=bt_fcntl fcntl64=bt_fcntl fstat=bt_fstat fstat64=bt_fstat lstat=bt_lstat lstat64=bt_lstat
  readlink=bt_readlink __readlink_chk=bt_readlink_chk
  mmap=bt_mmap mmap64=bt_mmap munmap=bt_munmap getpagesize=bt_getpagesize getpid=bt_getpid
  snprintf=bt_snprintf __snprintf_chk=bt_snprintf_chk dl_iterate_phdr=bt_dl_iterate_phdr
  memcpy=bt_memcpy memset=bt_memset)
# What it may call besides: memory and strings take no lock.
set(backtrace_harmless
  "^(_GLOBAL_OFFSET_TABLE_|__aarch64_.*|__stack_chk_fail|(__)?(mem|str)[a-z]+(_chk)?)$")

# The names that an object leaves undefined.
function(gamp_undefined object out)
  execute_process(COMMAND ${CMAKE_NM} -u -P ${object} OUTPUT_VARIABLE lines)
  string(REGEX REPLACE " [^\n]*\n" ";" names "${lines}")
  list(FILTER names EXCLUDE REGEX "^$")
  set(${out} ${names} PARENT_SCOPE)
endfunction()

# Makes the object; why: what stood in the way, or empty.
function(gamp_make_backtrace object why)
  set(kept backtrace_create_state backtrace_pcinfo)
  list(TRANSFORM kept PREPEND -Wl,-u, OUTPUT_VARIABLE wanted)
  list(TRANSFORM kept PREPEND --keep-global-symbol= OUTPUT_VARIABLE globals)
  execute_process(
    COMMAND ${CMAKE_C_COMPILER} -r -nostdlib ${wanted} -o ${object}.all ${GAMP_LIBBACKTRACE}
    RESULT_VARIABLE failed ERROR_VARIABLE error)
  if(failed)
    set(${why} "${error}" PARENT_SCOPE)
    return()
  endif()
  gamp_undefined(${object}.all undefined)
  set(renames)
  foreach(name ${undefined})
    set(call ${backtrace_calls})
    list(FILTER call INCLUDE REGEX "^${name}=")
    if(call)
      list(APPEND renames --redefine-sym ${call})
    elseif(NOT name MATCHES "${backtrace_harmless}")
      set(${why} "it calls ${name}" PARENT_SCOPE)
      return()
    endif()
  endforeach()
  execute_process(COMMAND ${CMAKE_OBJCOPY} ${renames} ${globals} ${object}.all ${object}
    RESULT_VARIABLE failed ERROR_VARIABLE error)
  if(NOT failed) # It must be position independent, to be in libgamp.so.
    execute_process(COMMAND ${CMAKE_C_COMPILER} -shared -nostdlib -o ${object}.so ${object}
      RESULT_VARIABLE failed ERROR_VARIABLE error)
  endif()
  file(REMOVE ${object}.all ${object}.so)
  if(failed)
    set(${why} "${error}" PARENT_SCOPE)
  endif()
endfunction()

set(HAVE_LIBBACKTRACE OFF)
set(backtrace_object)
set(problem "there is none")
if(GAMP_LIBBACKTRACE AND EXISTS "${GAMP_LIBBACKTRACE}")
  set(problem)
  gamp_make_backtrace(${CMAKE_BINARY_DIR}/backtrace.o problem)
endif()
if(problem)
  message(STATUS "libbacktrace: not used, reports will have no lines: ${problem}")
else()
  message(STATUS "libbacktrace: ${GAMP_LIBBACKTRACE}")
  set(HAVE_LIBBACKTRACE ON)
  set(backtrace_object ${CMAKE_BINARY_DIR}/backtrace.o)
  get_filename_component(backtrace_include ${GAMP_LIBBACKTRACE}/../include ABSOLUTE)
  set_source_files_properties(${backtrace_object} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
endif()
