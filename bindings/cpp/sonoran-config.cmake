# CMake package of the sonoran library, for find_package(sonoran). Defines the target sonoran::sonoran.
#
# Lies in PREFIX/lib/cmake/sonoran and takes header and library from the same PREFIX, wherever that was unpacked.

get_filename_component(_sonoran_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)

if(WIN32)
  set(_sonoran_library "${_sonoran_prefix}/bin/sonoran.dll")
  set(_sonoran_import "${_sonoran_prefix}/lib/sonoran.dll.lib")
  if(NOT EXISTS "${_sonoran_import}")
    set(_sonoran_import "${_sonoran_prefix}/lib/libsonoran.dll.a")
  endif()
else()
  set(_sonoran_library "${_sonoran_prefix}/lib/libsonoran.so")
  set(_sonoran_import)
endif()

foreach(_sonoran_file "${_sonoran_prefix}/include/sonoran.h" "${_sonoran_library}" ${_sonoran_import})
  if(NOT EXISTS "${_sonoran_file}")
    set(sonoran_FOUND FALSE)
    set(sonoran_NOT_FOUND_MESSAGE "there is no ${_sonoran_file}: unpack a whole release for this system in one place")
    return()
  endif()
endforeach()

if(NOT TARGET sonoran::sonoran)
  add_library(sonoran::sonoran SHARED IMPORTED)
  set_target_properties(sonoran::sonoran PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${_sonoran_prefix}/include"
    IMPORTED_LOCATION "${_sonoran_library}"
    IMPORTED_IMPLIB "${_sonoran_import}")
endif()
