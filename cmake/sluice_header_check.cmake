# Target header_check: every header of ours compiles alone. Not part of `all`; `./dev lint` builds it. A header with a .cpp of
# its own is left out: that file includes it before anything else (clang-format's order), and clang-tidy reads it without
# precompiled headers.
file(GLOB_RECURSE headers RELATIVE ${PROJECT_SOURCE_DIR} CONFIGURE_DEPENDS
  include/*.hpp src/*.hpp test/*.hpp)
set(sources)
foreach(header IN LISTS headers)
  string(REGEX REPLACE "\\.hpp$" ".cpp" of_its_own ${header})
  if(EXISTS ${PROJECT_SOURCE_DIR}/${of_its_own})
    continue()
  endif()
  set(source ${CMAKE_BINARY_DIR}/header_check/${header}.cpp)
  file(CONFIGURE OUTPUT ${source} CONTENT "#include \"${PROJECT_SOURCE_DIR}/${header}\"\n" @ONLY)
  list(APPEND sources ${source})
endforeach()
add_library(header_check OBJECT EXCLUDE_FROM_ALL ${sources})
target_include_directories(header_check PRIVATE src include test)
target_link_libraries(header_check PRIVATE
  Boost::headers fmt::fmt spdlog::spdlog toml11::toml11 PkgConfig::cares OpenSSL::SSL Threads::Threads sluice_options)
if(SLUICE_BUILD_TESTS)
  target_link_libraries(header_check PRIVATE Catch2::Catch2)
endif()
