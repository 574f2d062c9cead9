# SPDX-License-Identifier: BSD-3-Clause
# Tests, stress tests, models, fuzzers and examples; ctest knows them by labels
# unit, api, quick, example, model, consumer, tree. Stress is registered for `ctest -C stress` alone.

# What the examples of several files consist of, main apart, can be tested and fuzzed.
file(GLOB example_dirs CONFIGURE_DEPENDS LIST_DIRECTORIES true ${CMAKE_SOURCE_DIR}/examples/*)
set(example_parts)
set(example_part_dirs)
foreach(dir ${example_dirs})
  if(NOT IS_DIRECTORY ${dir})
    continue()
  endif()
  get_filename_component(name ${dir} NAME)
  file(GLOB sources CONFIGURE_DEPENDS ${dir}/*.c)
  set(main ${dir}/main.c)
  if(NOT EXISTS ${main})
    set(main ${dir}/${name}.c)
  endif()
  if(NOT sources OR NOT EXISTS ${main})
    continue()
  endif()
  list(REMOVE_ITEM sources ${main})
  if(sources)
    add_library(example_${name}_parts STATIC ${sources})
    target_link_libraries(example_${name}_parts PUBLIC gamp_warnings)
    target_include_directories(example_${name}_parts PUBLIC ${CMAKE_SOURCE_DIR}/include ${dir})
    list(APPEND example_parts example_${name}_parts)
    list(APPEND example_part_dirs ${CMAKE_SOURCE_DIR}/examples)
  endif()
  if(GAMP_TESTS)
    add_executable(example_${name} ${main})
    target_link_libraries(example_${name} PRIVATE gamp_warnings)
    if(sources)
      target_link_libraries(example_${name} PRIVATE example_${name}_parts)
    endif()
    target_link_libraries(example_${name} PRIVATE gamp_static)
    set_target_properties(example_${name} PROPERTIES OUTPUT_NAME ${name}
      RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/examples)
    add_dependencies(product example_${name})
  endif()
endforeach()

if(GAMP_FUZZ)
  file(GLOB fuzzers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/fuzz/*.c)
  foreach(source ${fuzzers})
    get_filename_component(name ${source} NAME_WE)
    add_executable(fuzz_${name} ${source})
    target_compile_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    target_link_libraries(fuzz_${name} PRIVATE gamp_warnings ${example_parts} gamp_internal)
    target_include_directories(fuzz_${name} PRIVATE ${example_part_dirs})
    set_target_properties(fuzz_${name} PROPERTIES OUTPUT_NAME ${name}
      RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
  endforeach()
endif()
if(NOT GAMP_TESTS)
  return()
endif()

list(JOIN CMAKE_CROSSCOMPILING_EMULATOR " " emulator)
set(test_environment TEST_TIMEOUT=${GAMP_TEST_SLOWNESS})
if(emulator)
  list(APPEND test_environment "TEST_EMULATOR=${emulator}")
  # qemu-user forks itself for a fork of the program, whatever its other threads do: when one of them
  # holds the lock of GLib's slices (before 2.76), the child waits for it for ever. malloc's locks
  # are sound after a fork.
  list(APPEND test_environment G_SLICE=always-malloc)
  # Its malloc counts the CPUs, in a file, when many threads have come; and then a low descriptor is
  # taken for a moment. With a given number it does not.
  list(APPEND test_environment MALLOC_ARENA_MAX=64)
endif()
# The library reports faults itself; a sanitizer's handlers would come first.
# A sanitizer's own exit status must differ from a panic's 2 and from a failed CHECK's 1.
set(sanitizer_options exitcode=99:handle_segv=0:handle_sigbus=0:handle_sigfpe=0)
list(APPEND test_environment
  "ASAN_OPTIONS=${sanitizer_options}:detect_stack_use_after_return=1:$ENV{ASAN_OPTIONS}"
  "UBSAN_OPTIONS=${sanitizer_options}:print_stacktrace=1:$ENV{UBSAN_OPTIONS}"
  "TSAN_OPTIONS=${sanitizer_options}:atexit_sleep_ms=20:$ENV{TSAN_OPTIONS}")
# Of an entry; its cases have limits of their own (tests/harness/test.h). Those of a stress program
# are for the long run of it.
math(EXPR test_limit_stress "600 * ${GAMP_TEST_SLOWNESS}")
set(test_limit_quick 240)
set(test_limit 600)

add_library(gamp_harness STATIC ${CMAKE_SOURCE_DIR}/tests/harness/test.c
            ${CMAKE_SOURCE_DIR}/tests/harness/linear.c ${CMAKE_SOURCE_DIR}/tests/harness/threads.c)
target_include_directories(gamp_harness PUBLIC ${CMAKE_SOURCE_DIR}/tests
                           ${CMAKE_SOURCE_DIR}/tests/harness)
target_link_libraries(gamp_harness PUBLIC gamp_warnings)

# gamp_test(NAME label [ENV...] [COMMAND ...]): one ctest entry.
function(gamp_test name label)
  cmake_parse_arguments(PARSE_ARGV 2 arg "STRESS" "" "ENV;COMMAND")
  set(stress)
  if(arg_STRESS)
    set(stress CONFIGURATIONS stress)
  endif()
  set(limit ${test_limit})
  if(DEFINED test_limit_${label})
    set(limit ${test_limit_${label}})
  endif()
  add_test(NAME ${name} COMMAND ${arg_COMMAND} ${stress})
  set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT ${limit}
    SKIP_RETURN_CODE 77 ENVIRONMENT "${test_environment};${arg_ENV}")
endfunction()

# gamp_programs(kind libraries...): a program for each tests/kind/*.{c,cc}; sets kind_programs.
# A source may ask for a library with a line `/* link: NAME... */`; where there is none (a cross
# build), the program is left out.
function(gamp_programs kind)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/${kind}/*.c
       ${CMAKE_SOURCE_DIR}/tests/${kind}/*.cc)
  set(names)
  foreach(source ${sources})
    get_filename_component(name ${source} NAME_WE)
    file(STRINGS ${source} wanted REGEX "^/\\* link: .* \\*/$")
    string(REGEX REPLACE "^/\\* link: (.*) \\*/$" "\\1" wanted "${wanted}")
    separate_arguments(wanted)
    set(found)
    foreach(library ${wanted})
      find_library(library_${library} ${library})
      if(library_${library})
        list(APPEND found ${library_${library}})
      endif()
    endforeach()
    list(LENGTH wanted n_wanted)
    list(LENGTH found n_found)
    if(n_found LESS n_wanted)
      message(STATUS "tests/${kind}/${name} is left out: no ${wanted}")
      continue()
    endif()
    add_executable(${kind}_${name} ${source})
    set_target_properties(${kind}_${name} PROPERTIES OUTPUT_NAME ${name}
      RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/${kind})
    target_link_libraries(${kind}_${name} PRIVATE gamp_harness ${ARGN} ${found})
    list(APPEND names ${name})
  endforeach()
  set(${kind}_programs ${names} PARENT_SCOPE)
endfunction()

# Unit tests see the inside, so they are compiled with the library's definitions. A test may bring
# stubs of what a floor calls; being first on the command line they win over the archive's. Those
# named *_faults and *_checked need what debug builds have: system calls that fail on demand
# (tests/unit/faults.h), and checks of ranks and states. In the other builds they get a library of
# their own.
if(NOT GAMP_DEBUG)
  add_library(gamp_checked STATIC ${gamp_sources} ${backtrace_object})
  foreach(property COMPILE_DEFINITIONS COMPILE_OPTIONS INCLUDE_DIRECTORIES LINK_LIBRARIES)
    get_target_property(value gamp_objects ${property})
    if(value)
      set_target_properties(gamp_checked PROPERTIES ${property} "${value}")
    endif()
  endforeach()
  target_compile_definitions(gamp_checked PUBLIC GAMP_DEBUG=1)
  target_include_directories(gamp_checked PUBLIC ${CMAKE_SOURCE_DIR}/include
                             ${CMAKE_SOURCE_DIR}/src)
  set_target_properties(gamp_checked PROPERTIES LINKER_LANGUAGE C)
else()
  add_library(gamp_checked ALIAS gamp_internal)
endif()
gamp_programs(unit ${example_parts})
foreach(name ${unit_programs})
  if(name MATCHES "_(faults|checked)$")
    target_link_libraries(unit_${name} PRIVATE gamp_checked)
    if(name MATCHES "_faults$")
      target_link_options(unit_${name} PRIVATE
        -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=aligned_alloc)
    endif()
  else()
    target_link_libraries(unit_${name} PRIVATE gamp_internal)
  endif()
  target_include_directories(unit_${name} PRIVATE ${example_part_dirs})
  target_link_options(unit_${name} PRIVATE -Wl,--allow-multiple-definition)
  target_compile_options(unit_${name} PRIVATE ${gamp_switch_flags})
  target_compile_definitions(unit_${name} PRIVATE _GNU_SOURCE
    $<$<BOOL:${HAVE_LIBBACKTRACE}>:HAVE_LIBBACKTRACE=1>
    $<$<BOOL:${GAMP_DEBUG}>:GAMP_DEBUG=1>)
  gamp_test(unit/${name} unit COMMAND unit_${name})
endforeach()

gamp_programs(api gamp_static)
foreach(name ${api_programs})
  foreach(procs 1 2 8)
    gamp_test(api/${name}@p${procs} api ENV GAMPMAXPROCS=${procs} COMMAND api_${name})
  endforeach()
  gamp_test(api/${name}@nodirect api ENV GAMPMAXPROCS=2 GAMPDEBUG=directswitch=0
            COMMAND api_${name})
endforeach()
file(GLOB scripts CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/api/*.sh)
foreach(script ${scripts})
  get_filename_component(name ${script} NAME_WE)
  gamp_test(api/${name}.sh api COMMAND sh ${script} ENV SRC=${CMAKE_SOURCE_DIR}
    BUILD=${CMAKE_BINARY_DIR} CC=${CMAKE_C_COMPILER} CXX=${CMAKE_CXX_COMPILER}
    GAMP_SANITIZE=${GAMP_SANITIZE} $<$<BOOL:${HAVE_VALGRIND}>:VALGRIND_HEADER=1>)
endforeach()

# One that has a line `/* quick: VAR=VALUE... */` runs as a test as well, alone, with that in its
# environment; `/* quick at 1, 2 and 8 Ps: ... */`: with each, beside others.
gamp_programs(stress gamp_static)
foreach(name ${stress_programs})
  file(GLOB source ${CMAKE_SOURCE_DIR}/tests/stress/${name}.c
       ${CMAKE_SOURCE_DIR}/tests/stress/${name}.cc)
  file(STRINGS ${source} line REGEX "^/\\* quick[^:]*: .* \\*/$")
  string(REGEX REPLACE "^/\\* quick[^:]*: (.*) \\*/$" "\\1" quick "${line}")
  separate_arguments(quick)
  if(quick AND NOT line MATCHES "quick at")
    gamp_test(quick/${name} quick ENV ${quick} COMMAND stress_${name})
    set_tests_properties(quick/${name} PROPERTIES RUN_SERIAL ON)
  endif()
  foreach(procs 1 2 8)
    gamp_test(stress/${name}@p${procs} stress STRESS ENV GAMPMAXPROCS=${procs}
              COMMAND stress_${name})
    if(line MATCHES "quick at")
      gamp_test(quick/${name}@p${procs} quick ENV GAMPMAXPROCS=${procs} ${quick}
                COMMAND stress_${name})
    endif()
  endforeach()
endforeach()

# Examples of one file. rt0*.c start at gamp's own entry, without the C library's start files.
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/examples/*.c
     ${CMAKE_SOURCE_DIR}/examples/*.cc)
foreach(source ${sources})
  get_filename_component(name ${source} NAME_WE)
  if(name MATCHES "^rt0" AND NOT TARGET gamp_rt0)
    continue()
  endif()
  add_executable(example_${name} ${source})
  set_target_properties(example_${name} PROPERTIES OUTPUT_NAME ${name}
    RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/examples)
  target_link_libraries(example_${name} PRIVATE gamp_warnings gamp_static)
  add_dependencies(product example_${name})
  if(name MATCHES "^rt0")
    add_dependencies(example_${name} gamp_rt0)
    target_link_options(example_${name} PRIVATE -nostartfiles ${CMAKE_BINARY_DIR}/gamp_rt0.o)
    set_target_properties(example_${name} PROPERTIES LINK_DEPENDS
                          ${CMAKE_BINARY_DIR}/gamp_rt0.o)
  endif()
endforeach()
file(GLOB outputs CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/examples/*.expected)
foreach(expected ${outputs})
  get_filename_component(name ${expected} NAME_WE)
  if(TARGET example_${name})
    gamp_test(example/${name} example COMMAND ${CMAKE_SOURCE_DIR}/tools/check-output
              ${expected} ${CMAKE_CROSSCOMPILING_EMULATOR} $<TARGET_FILE:example_${name}>)
  endif()
endforeach()

file(GLOB models CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/model/*.pml)
foreach(model ${models})
  get_filename_component(name ${model} NAME_WE)
  gamp_test(model/${name} model
            COMMAND ${CMAKE_SOURCE_DIR}/tools/model-check ${model})
endforeach()

# Packaging is tested where the install is what users get: by the host's own compiler.
if(NOT GAMP_SANITIZE AND NOT CMAKE_CROSSCOMPILING)
  gamp_test(consumer consumer COMMAND ${CMAKE_SOURCE_DIR}/tests/consumer/run
    ENV SRC=${CMAKE_SOURCE_DIR} BUILD=${CMAKE_BINARY_DIR}
    CC=${CMAKE_C_COMPILER} CXX=${CMAKE_CXX_COMPILER})
endif()

# The tests of the tests: the harness fails where it must, each sanitizer finds a planted bug,
# each rule of the tree is seen broken.
find_package(Threads REQUIRED)
add_executable(selftest ${CMAKE_SOURCE_DIR}/tests/harness/selftest.c)
target_link_libraries(selftest PRIVATE gamp_harness Threads::Threads)
gamp_test(harness unit COMMAND sh ${CMAKE_SOURCE_DIR}/tests/harness/selftest.sh
          ${CMAKE_CROSSCOMPILING_EMULATOR} $<TARGET_FILE:selftest>)
if(GAMP_SANITIZE)
  add_executable(planted ${CMAKE_SOURCE_DIR}/tests/harness/planted.c)
  target_link_libraries(planted PRIVATE Threads::Threads)
  string(REPLACE "," ";" sanitizers ${GAMP_SANITIZE})
  foreach(sanitizer ${sanitizers})
    gamp_test(planted/${sanitizer} unit
              COMMAND ${CMAKE_SOURCE_DIR}/tools/check-status 99 $<TARGET_FILE:planted> ${sanitizer})
  endforeach()
endif()
set(if_python "command -v python3 >/dev/null || exit 77; exec \"$0\" \"$@\"")
gamp_test(tree/rules tree COMMAND sh -c "${if_python}" ${CMAKE_SOURCE_DIR}/tools/check-layers)
gamp_test(tree/rules-fire tree COMMAND sh -c "${if_python}" ${CMAKE_SOURCE_DIR}/tools/check-layers
          --self-test)
