# sluice_module(NAME SOURCES ... [USES target ...])
#
# One folder of src/ as a static library `sluice_NAME`. USES is what it may link; test/layout holds the includes to the same rule.
function(sluice_module name)
  cmake_parse_arguments(arg "" "" "SOURCES;USES" ${ARGN})
  add_library(sluice_${name} STATIC ${arg_SOURCES})
  target_include_directories(sluice_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
  target_link_libraries(sluice_${name} PUBLIC ${arg_USES} PRIVATE sluice_options)
endfunction()

# sluice_test(NAME LABEL label SOURCES ... [USES target ...])
#
# One test program `test_NAME`, registered with ctest as NAME.
function(sluice_test name)
  cmake_parse_arguments(arg "" "LABEL;TIMEOUT" "SOURCES;USES" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  add_executable(test_${name} ${arg_SOURCES})
  target_link_libraries(test_${name} PRIVATE sluice_test_support ${arg_USES} sluice_options)
  add_test(NAME ${name} COMMAND test_${name})
  set_tests_properties(${name} PROPERTIES LABELS "${arg_LABEL}" TIMEOUT ${arg_TIMEOUT})
endfunction()
