# find_package(feedforward) reads this file in lib/cmake/feedforward of an installation.
if(TARGET feedforward::feedforward)
  return()
endif()
get_filename_component(FEEDFORWARD_LIB "${CMAKE_CURRENT_LIST_DIR}/../.." ABSOLUTE)
get_filename_component(FEEDFORWARD_INCLUDE "${FEEDFORWARD_LIB}/../include" ABSOLUTE)
include("${CMAKE_CURRENT_LIST_DIR}/feedforward-targets.cmake")
