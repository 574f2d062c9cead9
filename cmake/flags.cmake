# SPDX-License-Identifier: BSD-3-Clause
# Compiler flags: gamp_warnings for everything, gamp_flags for the library, sanitizers for both.

if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64)$")
  set(GAMP_ARCH amd64)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
  set(GAMP_ARCH arm64)
else()
  message(FATAL_ERROR "gamp runs on amd64 and arm64, not on ${CMAKE_SYSTEM_PROCESSOR}")
endif()

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_EXTENSIONS ON)
set(CMAKE_CXX_STANDARD_REQUIRED ON)

add_library(gamp_warnings INTERFACE)
target_compile_options(gamp_warnings INTERFACE
  $<$<COMPILE_LANGUAGE:C,CXX>:-Wall -Wextra>
  $<$<COMPILE_LANGUAGE:C>:-Wshadow -Wstrict-prototypes -Wmissing-prototypes>)
if(GAMP_WERROR)
  target_compile_options(gamp_warnings INTERFACE $<$<COMPILE_LANGUAGE:C,CXX>:-Werror>)
endif()

# The library's own flags, each for a reason:
#   -fvisibility=hidden            only what GAMP_API marks leaves the shared library
#   -fno-semantic-interposition    a public function called from inside is called directly
#   -ftls-model=initial-exec       the thread-local g is one load, in the shared library as well;
#                                  the linker turns it into a constant offset in a program
#   -fstack-clash-protection       a large frame touches each page, so it meets the guard
#   -fasynchronous-unwind-tables   a report unwinds from any instruction a signal stopped at
#   -fexceptions                   C++ exceptions pass through frames of the library
#   -fno-omit-frame-pointer        sampling walks frame pointers
#   -mno-red-zone                  arch_switch, inlined anywhere, pushes (amd64)
#   -fno-strict-aliasing           stack slots, cells and list links are one memory under several
#                                  types in turn; the hot paths are atomics, which gain nothing
#                                  from type-based aliasing
add_library(gamp_flags INTERFACE)
target_compile_options(gamp_flags INTERFACE
  $<$<COMPILE_LANGUAGE:C>:-fvisibility=hidden -fno-semantic-interposition
    -ftls-model=initial-exec -fstack-clash-protection -fasynchronous-unwind-tables
    -fexceptions -fno-omit-frame-pointer -fno-strict-aliasing>)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|amd64")
  set(gamp_switch_flags -mno-red-zone)
endif()
target_compile_options(gamp_flags INTERFACE ${gamp_switch_flags})
target_compile_definitions(gamp_flags INTERFACE GAMP_BUILDING=1 _GNU_SOURCE
  $<$<BOOL:${GAMP_DEBUG}>:GAMP_DEBUG=1>)

# Sanitizers go to every program; a finding ends it, so no test passes over one.
if(GAMP_SANITIZE)
  add_compile_options(-fsanitize=${GAMP_SANITIZE} -fno-sanitize-recover=all
                      -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${GAMP_SANITIZE})
endif()
# Under ThreadSanitizer the library is not instrumented: its protocols are proved by models and
# stress; it tells the sanitizer what users may rely on (src/base/race.h).
if(GAMP_SANITIZE STREQUAL thread)
  target_compile_options(gamp_flags INTERFACE -fno-sanitize=thread)
  target_compile_definitions(gamp_flags INTERFACE GAMP_TSAN=1)
endif()
# What a fuzzer calls must tell it which way it went.
if(GAMP_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
