# sluice_module(NAME SOURCES ... [USES target ...])
#
# One folder of src/ as a static library `sluice_NAME`. USES is what it may link; test/layout holds the includes to the same rule.
# A module that uses Boost::headers gets the precompiled Asio headers, another one the standard library's.
function(sluice_module name)
  cmake_parse_arguments(arg "" "" "SOURCES;USES" ${ARGN})
  add_library(sluice_${name} STATIC ${arg_SOURCES})
  target_include_directories(sluice_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
  target_link_libraries(sluice_${name} PUBLIC ${arg_USES} PRIVATE sluice_options)
  if(SLUICE_PCH AND "Boost::headers" IN_LIST arg_USES)
    target_precompile_headers(sluice_${name} REUSE_FROM sluice_asio_pch)
  elseif(SLUICE_PCH)
    target_precompile_headers(sluice_${name} REUSE_FROM sluice_std_pch)
  endif()
endfunction()

# sluice_test_library(NAME SOURCES ... [USES target ...])
#
# What several test programs share, as a static library `sluice_NAME`.
function(sluice_test_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;USES" ${ARGN})
  add_library(sluice_${name} STATIC ${arg_SOURCES})
  target_include_directories(sluice_${name} PUBLIC ${PROJECT_SOURCE_DIR}/test)
  target_link_libraries(sluice_${name} PUBLIC ${arg_USES} PRIVATE sluice_test_options)
  if(SLUICE_PCH)
    target_precompile_headers(sluice_${name} REUSE_FROM sluice_catch_pch)
  endif()
endfunction()

# sluice_test(NAME LABEL label ... SOURCES ... [USES target ...] [TIMEOUT seconds])
#
# One test program `test_NAME`, registered with ctest as NAME. The label `threads` has it run under ThreadSanitizer, too:
# target threads_tests builds those alone.
add_custom_target(threads_tests)
function(sluice_test name)
  cmake_parse_arguments(arg "" "TIMEOUT" "LABEL;SOURCES;USES" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  add_executable(test_${name} ${arg_SOURCES})
  target_link_libraries(test_${name} PRIVATE sluice_test_support ${arg_USES} sluice_test_options)
  if(SLUICE_PCH)
    target_precompile_headers(test_${name} REUSE_FROM sluice_catch_pch)
  endif()
  add_test(NAME ${name} COMMAND test_${name})
  set_tests_properties(${name} PROPERTIES LABELS "${arg_LABEL}" TIMEOUT ${arg_TIMEOUT})
  if("threads" IN_LIST arg_LABEL)
    add_dependencies(threads_tests test_${name})
  endif()
endfunction()

# sluice_script_test(NAME SCRIPT LABEL [argument ...])
#
# A script of Python's unittest that gets the built program. It is skipped where it ends with 77, and not there without Python.
function(sluice_script_test name script label)
  find_package(Python3 3.11 COMPONENTS Interpreter)
  if(NOT Python3_FOUND)
    message(STATUS "Python is not installed: no test ${name}")
    return()
  endif()
  add_test(NAME ${name} COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/${script} ${ARGN})
  set_tests_properties(${name} PROPERTIES LABELS "${label}" TIMEOUT 300 SKIP_RETURN_CODE 77 ENVIRONMENT
    "SLUICE_BIN=$<TARGET_FILE:sluice>;SLUICE_BUILD_DIR=${PROJECT_BINARY_DIR};PYTHONDONTWRITEBYTECODE=1")
endfunction()
