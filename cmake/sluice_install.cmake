# What `cmake --install` gives other programs (docs/library.md): two libraries, the public headers, find_package(sluice) and
# pkg-config. A module's objects go into one archive or shared library (BUILD_SHARED_LIBS) as they are: nothing is compiled twice.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# sluice_installed_library(NAME EXPORTED name MODULES module ...)
function(sluice_installed_library name)
  cmake_parse_arguments(arg "" "EXPORTED" "MODULES" ${ARGN})
  set(objects)
  foreach(module IN LISTS arg_MODULES)
    list(APPEND objects $<TARGET_OBJECTS:sluice_${module}>)
  endforeach()
  add_library(${name} ${objects})
  add_library(sluice::${arg_EXPORTED} ALIAS ${name})
  # Before 1.0 every minor version may break programs that were linked with another.
  set_target_properties(${name} PROPERTIES
    LINKER_LANGUAGE CXX
    EXPORT_NAME ${arg_EXPORTED}
    VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  target_compile_features(${name} INTERFACE cxx_std_20)
  target_include_directories(${name} INTERFACE
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  if(SLUICE_SANITIZE)
    target_link_options(${name} PRIVATE -fsanitize=${SLUICE_SANITIZE})
  endif()
  install(TARGETS ${name} EXPORT sluice-${arg_EXPORTED}
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
  install(EXPORT sluice-${arg_EXPORTED} NAMESPACE sluice:: FILE sluice-${arg_EXPORTED}.cmake
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/sluice COMPONENT development)
endfunction()

# The primitives need libc and libstdc++ alone.
sluice_installed_library(sluice_splice EXPORTED splice MODULES library relay sys)
sluice_installed_library(sluice_proxy EXPORTED sluice MODULES server accept balance connect loop log config)
set_target_properties(sluice_proxy PROPERTIES OUTPUT_NAME sluice)
target_link_libraries(sluice_proxy
  PUBLIC sluice_splice
  PRIVATE fmt::fmt spdlog::spdlog Boost::json PkgConfig::cares OpenSSL::SSL Threads::Threads)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/sluice DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  COMPONENT development FILES_MATCHING PATTERN "*.hpp")

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/sluiceConfig.cmake.in ${PROJECT_BINARY_DIR}/sluiceConfig.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/sluice NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/sluiceConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/sluiceConfig.cmake ${PROJECT_BINARY_DIR}/sluiceConfigVersion.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/sluice COMPONENT development)

# pkg-config: who links an archive needs what is in it by name; who links a shared library does not.
if(BUILD_SHARED_LIBS)
  set(requires_what_is_inside Requires.private)
  set(boost_json_of_archive)
else()
  set(requires_what_is_inside Requires)
  set(boost_json_of_archive "-lboost_json -lboost_container")  # Boost has no pkg-config files
endif()
# The prefix may be chosen at install time (--prefix), so the files find it from where they are.
file(RELATIVE_PATH prefix_from_pc /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" prefix_from_pc "${prefix_from_pc}")
foreach(name sluice sluice-splice)
  configure_file(${CMAKE_CURRENT_LIST_DIR}/${name}.pc.in ${PROJECT_BINARY_DIR}/${name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
endforeach()
