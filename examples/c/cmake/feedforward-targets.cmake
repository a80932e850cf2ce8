# Defines the targets feedforward::shared and feedforward::static, from the folders
# FEEDFORWARD_INCLUDE and FEEDFORWARD_LIB. feedforward::feedforward is the static one.
include(CMakeFindDependencyMacro)
find_dependency(Threads)

add_library(feedforward::shared SHARED IMPORTED GLOBAL)
set_target_properties(feedforward::shared PROPERTIES
  IMPORTED_LOCATION
  "${FEEDFORWARD_LIB}/${CMAKE_SHARED_LIBRARY_PREFIX}feedforward${CMAKE_SHARED_LIBRARY_SUFFIX}"
  INTERFACE_INCLUDE_DIRECTORIES "${FEEDFORWARD_INCLUDE}")

add_library(feedforward::static STATIC IMPORTED GLOBAL)
set_target_properties(feedforward::static PROPERTIES
  IMPORTED_LOCATION
  "${FEEDFORWARD_LIB}/${CMAKE_STATIC_LIBRARY_PREFIX}feedforward${CMAKE_STATIC_LIBRARY_SUFFIX}"
  INTERFACE_INCLUDE_DIRECTORIES "${FEEDFORWARD_INCLUDE}"
  INTERFACE_LINK_LIBRARIES "Threads::Threads;${CMAKE_DL_LIBS}")
if(UNIX)
  set_property(TARGET feedforward::static APPEND PROPERTY INTERFACE_LINK_LIBRARIES m)
endif()

add_library(feedforward::feedforward INTERFACE IMPORTED GLOBAL)
set_property(TARGET feedforward::feedforward PROPERTY
  INTERFACE_LINK_LIBRARIES feedforward::static)
