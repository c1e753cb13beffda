# How our own code is compiled. Linked PRIVATE by every target of ours, so that nobody who embeds sluice inherits it.
add_library(sluice_options INTERFACE)
target_compile_options(sluice_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough)
if(SLUICE_WERROR)
  target_compile_options(sluice_options INTERFACE -Werror)
endif()
if(SLUICE_SANITIZE)
  target_compile_options(sluice_options INTERFACE
    -fsanitize=${SLUICE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -O1 -g1
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)  # g++ 12 sees ghosts in instrumented library headers
  target_link_options(sluice_options INTERFACE -fsanitize=${SLUICE_SANITIZE})
  if(SLUICE_SANITIZE MATCHES undefined)
    # Its vptr check looks at memory through a pipe, and takes "no pipe to be had", which tests inject, for a wild pointer.
    # The function check of clang 14 cannot be put into a coroutine.
    target_compile_options(sluice_options INTERFACE -fno-sanitize=vptr
      $<$<CXX_COMPILER_ID:Clang>:-fno-sanitize=function>)
  endif()
  if(SLUICE_SANITIZE MATCHES thread)
    # ThreadSanitizer does not understand fences; without Asio's, its locks order everything all the same.
    target_compile_options(sluice_options INTERFACE -Wno-tsan)
    target_compile_definitions(sluice_options INTERFACE BOOST_ASIO_DISABLE_FENCED_BLOCK)
  endif()
endif()
target_compile_definitions(sluice_options INTERFACE
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_VISIBILITY)

# How tests are compiled. What they test is optimised in full; they themselves would take twice as long to build and run no faster.
add_library(sluice_test_options INTERFACE)
target_link_libraries(sluice_test_options INTERFACE sluice_options)
target_compile_options(sluice_test_options INTERFACE $<$<CONFIG:RelWithDebInfo>:-O1>)
