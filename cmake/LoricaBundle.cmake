# Target bundle: a relocatable folder of programs for a bare GPU machine, build/PRESET/bundle. It wants code for any x86-64
# CPU with AVX2, so LORICA_NATIVE=OFF (preset bundle).
if(LORICA_HAS_CUDA AND NOT LORICA_NATIVE)
  # RPATH, not RUNPATH: the carried libraries find each other by it too.
  set(CMAKE_BUILD_RPATH "$ORIGIN/../lib")
  add_link_options(LINKER:--disable-new-dtags)
endif()

# lorica_bundle(PROGRAM...): defines the target, with those of the programs that this build has.
function(lorica_bundle)
  if(NOT LORICA_HAS_CUDA OR LORICA_NATIVE)
    add_custom_target(bundle COMMAND ${CMAKE_COMMAND} -E echo
      "the bundle needs CUDA and LORICA_NATIVE=OFF: cmake --preset bundle && cmake --build --preset bundle --target bundle"
      COMMAND ${CMAKE_COMMAND} -E false)
    return()
  endif()
  foreach(program ${ARGN})
    if(TARGET ${program})
      list(APPEND programs ${program})
      list(APPEND files $<TARGET_FILE:${program}>)
    endif()
  endforeach()
  add_custom_target(bundle COMMAND ${CMAKE_SOURCE_DIR}/scripts/make_bundle.sh ${CMAKE_BINARY_DIR}/bundle ${files}
                    DEPENDS ${programs} USES_TERMINAL VERBATIM)
  if(LORICA_TESTS)
    # Also its size, and that it starts after it was moved: make_bundle.sh fails on either.
    add_test(NAME bundle COMMAND ${CMAKE_SOURCE_DIR}/scripts/make_bundle.sh ${CMAKE_BINARY_DIR}/bundle_test ${files})
  endif()
endfunction()
