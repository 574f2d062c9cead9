# SPDX-License-Identifier: BSD-3-Clause
# The library: compiled once (position independent), linked three ways.
#   gamp_internal  plain archive; hidden symbols can be called, so unit tests link it
#   gamp_static    libgamp.a: one object whose symbols other than gamp_* are local, so that a
#                  program may have a `schedule` or `chanrecv` of its own
#   gamp_shared    libgamp.so, exports by src/gamp.map

set(globs)
foreach(floor base arch os lock event mem sched sync std diag api)
  list(APPEND globs ${CMAKE_SOURCE_DIR}/src/${floor}/*.c)
endforeach()
file(GLOB gamp_sources CONFIGURE_DEPENDS ${globs}
  ${CMAKE_SOURCE_DIR}/src/os/linux/*.c
  ${CMAKE_SOURCE_DIR}/src/arch/${GAMP_ARCH}/*.c
  ${CMAKE_SOURCE_DIR}/src/arch/${GAMP_ARCH}/*.S)
# rt0 is an entry point of programs linked with -nostartfiles, not a part of the library.
set(gamp_rt0 ${CMAKE_SOURCE_DIR}/src/arch/${GAMP_ARCH}/rt0.S)
list(REMOVE_ITEM gamp_sources ${gamp_rt0})
if(NOT gamp_sources)
  message(WARNING "src/ holds no sources: the library is empty")
  file(WRITE ${CMAKE_BINARY_DIR}/none.c "extern int gamp_none; int gamp_none;\n")
  set(gamp_sources ${CMAKE_BINARY_DIR}/none.c)
endif()

include(cmake/backtrace.cmake)

add_library(gamp_objects OBJECT ${gamp_sources})
set_target_properties(gamp_objects PROPERTIES POSITION_INDEPENDENT_CODE ON)
target_include_directories(gamp_objects PUBLIC ${CMAKE_SOURCE_DIR}/include
                           PRIVATE ${CMAKE_SOURCE_DIR}/src)
target_link_libraries(gamp_objects PRIVATE gamp_warnings gamp_flags)
# Its header alone: requests that do nothing where valgrind does not run the program.
find_path(valgrind_include valgrind/valgrind.h NO_CACHE)
set(HAVE_VALGRIND OFF)
if(valgrind_include)
  set(HAVE_VALGRIND ON)
  target_compile_definitions(gamp_objects PRIVATE HAVE_VALGRIND=1)
endif()
if(HAVE_LIBBACKTRACE)
  target_compile_definitions(gamp_objects PRIVATE HAVE_LIBBACKTRACE=1)
  # After the compiler's own directories: gcc's folder shadows stdint.h and the like for clang.
  target_compile_options(gamp_objects PRIVATE
    "$<$<COMPILE_LANGUAGE:C>:SHELL:-idirafter ${backtrace_include}>")
endif()

add_library(gamp_internal STATIC $<TARGET_OBJECTS:gamp_objects> ${backtrace_object})
target_include_directories(gamp_internal PUBLIC ${CMAKE_SOURCE_DIR}/include
                           ${CMAKE_SOURCE_DIR}/src)
set_target_properties(gamp_internal PROPERTIES LINKER_LANGUAGE C)

# Its code is in one section named gamp_text, whose bounds the linker then knows: so reports tell
# the library's functions from the program's.
# Groups of sections that other objects may have too (the reference to the unwinder's function) are
# dissolved: made local in here, they would still keep libc's out of a static program.
set(one ${CMAKE_BINARY_DIR}/gamp.o)
set(text)
foreach(name .text .text.unlikely .text.hot .text.startup .text.exit)
  list(APPEND text --rename-section ${name}=gamp_text)
endforeach()
add_custom_command(OUTPUT ${one}
  COMMAND ${CMAKE_C_COMPILER} -r -nostdlib -Wl,--force-group-allocation -o ${one}.all
          $<TARGET_OBJECTS:gamp_objects> ${backtrace_object}
  COMMAND ${CMAKE_OBJCOPY} --wildcard --keep-global-symbol=gamp_* ${text} ${one}.all ${one}.named
  COMMAND ${CMAKE_OBJCOPY} --localize-hidden ${one}.named ${one}
  COMMAND ${CMAKE_COMMAND} -E rm ${one}.all ${one}.named
  DEPENDS gamp_objects $<TARGET_OBJECTS:gamp_objects> ${backtrace_object}
  COMMAND_EXPAND_LISTS VERBATIM COMMENT "Linking gamp.o")
add_library(gamp_static STATIC ${one})
set_source_files_properties(${one} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
set_target_properties(gamp_static PROPERTIES OUTPUT_NAME gamp LINKER_LANGUAGE C
                      EXPORT_NAME gamp_static)
target_include_directories(gamp_static INTERFACE $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include>)

add_library(gamp_shared SHARED $<TARGET_OBJECTS:gamp_objects> ${backtrace_object})
set_target_properties(gamp_shared PROPERTIES OUTPUT_NAME gamp LINKER_LANGUAGE C
  VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR} EXPORT_NAME gamp
  LINK_DEPENDS ${CMAKE_SOURCE_DIR}/src/gamp.map)
target_include_directories(gamp_shared INTERFACE $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include>)
target_link_options(gamp_shared PRIVATE
  -Wl,--version-script=${CMAKE_SOURCE_DIR}/src/gamp.map -Wl,-z,relro -Wl,-z,now
  -Wl,--exclude-libs,ALL)
if(NOT GAMP_SANITIZE)  # a sanitizer's runtime is in the program
  target_link_options(gamp_shared PRIVATE -Wl,-z,defs)
endif()

if(EXISTS ${gamp_rt0})
  add_library(gamp_rt0_object OBJECT ${gamp_rt0})
  target_include_directories(gamp_rt0_object PRIVATE ${CMAKE_SOURCE_DIR}/src)
  add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/gamp_rt0.o
    COMMAND ${CMAKE_COMMAND} -E copy $<TARGET_OBJECTS:gamp_rt0_object>
            ${CMAKE_BINARY_DIR}/gamp_rt0.o
    DEPENDS gamp_rt0_object $<TARGET_OBJECTS:gamp_rt0_object> VERBATIM)
  add_custom_target(gamp_rt0 ALL DEPENDS ${CMAKE_BINARY_DIR}/gamp_rt0.o)
endif()

# What is installed, and in programs.cmake the examples: what plain `make` builds.
add_custom_target(product DEPENDS gamp_static gamp_shared)
if(TARGET gamp_rt0)
  add_dependencies(product gamp_rt0)
endif()

# An editor looks for compile_commands.json at the root; the last preset configured wins.
if(CMAKE_EXPORT_COMPILE_COMMANDS)
  file(CREATE_LINK ${CMAKE_BINARY_DIR}/compile_commands.json
       ${CMAKE_SOURCE_DIR}/compile_commands.json SYMBOLIC)
endif()
