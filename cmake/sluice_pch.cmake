# Three precompiled headers, each made once and reused by every target that asks: Asio for the modules that link Boost::headers,
# the standard library for the others, Catch2 for the tests. A file still includes what it uses; header_check and clang-tidy see
# the code without them.
function(sluice_precompile name)
  cmake_parse_arguments(arg "" "" "HEADERS;USES" ${ARGN})
  file(WRITE ${CMAKE_BINARY_DIR}/pch/${name}.cpp "")
  add_library(${name} OBJECT EXCLUDE_FROM_ALL ${CMAKE_BINARY_DIR}/pch/${name}.cpp)
  target_link_libraries(${name} PRIVATE ${arg_USES})
  target_precompile_headers(${name} PRIVATE ${arg_HEADERS})
endfunction()

if(SLUICE_PCH)
  sluice_precompile(sluice_asio_pch USES Boost::headers Threads::Threads sluice_options HEADERS
    <boost/asio/io_context.hpp> <boost/asio/posix/stream_descriptor.hpp> <boost/asio/post.hpp>
    <boost/asio/signal_set.hpp> <boost/asio/steady_timer.hpp>)
  sluice_precompile(sluice_std_pch USES Threads::Threads sluice_options HEADERS
    <algorithm> <chrono> <filesystem> <functional> <map> <memory> <optional> <stdexcept> <string> <system_error> <thread> <vector>)
  if(SLUICE_BUILD_TESTS)
    sluice_precompile(sluice_catch_pch USES Catch2::Catch2 sluice_test_options HEADERS
      ${PROJECT_SOURCE_DIR}/test/support/catch.hpp)
  endif()
endif()
