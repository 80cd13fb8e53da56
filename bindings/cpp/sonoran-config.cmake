# CMake package of the sonoran library, for find_package(sonoran). Defines the target sonoran::sonoran.
#
# This file is in PREFIX/lib/cmake/sonoran and uses the header and library of the same PREFIX, wherever that is: an
# installation has the library in lib, an unpacked release in lib/<system>. SONORAN_SYSTEM selects a system other than
# the target, by the name of its folder.

get_filename_component(_sonoran_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)

if(SONORAN_SYSTEM)
  set(_sonoran_system "${SONORAN_SYSTEM}")
else()
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64|ARM64)$")
    set(_sonoran_system "arm64")
  elseif(CMAKE_SIZEOF_VOID_P EQUAL 4)
    set(_sonoran_system "x86")
  else()
    set(_sonoran_system "x64")
  endif()
  if(WIN32)
    set(_sonoran_system "win-${_sonoran_system}")
  else()
    # only the compiler knows its target's C library
    set(_sonoran_compiler "${CMAKE_CXX_COMPILER}")
    if(NOT _sonoran_compiler)
      set(_sonoran_compiler "${CMAKE_C_COMPILER}")
    endif()
    execute_process(COMMAND "${_sonoran_compiler}" -dumpmachine OUTPUT_VARIABLE _sonoran_machine ERROR_QUIET)
    if("${_sonoran_machine}${CMAKE_CXX_COMPILER_TARGET}${CMAKE_C_COMPILER_TARGET}" MATCHES "musl")
      set(_sonoran_system "linux-musl-${_sonoran_system}")
    else()
      set(_sonoran_system "linux-${_sonoran_system}")
    endif()
  endif()
endif()

if(_sonoran_system MATCHES "^win")
  set(_sonoran_name "sonoran.dll")
  if(MSVC)
    set(_sonoran_import_name "sonoran.lib")
  else()
    set(_sonoran_import_name "libsonoran.dll.a")
  endif()
else()
  set(_sonoran_name "libsonoran.so")
  set(_sonoran_import_name)
endif()

set(_sonoran_import)
if(_sonoran_import_name AND EXISTS "${_sonoran_prefix}/bin/${_sonoran_name}")
  set(_sonoran_library "${_sonoran_prefix}/bin/${_sonoran_name}")
  set(_sonoran_import "${_sonoran_prefix}/lib/${_sonoran_import_name}")
elseif(NOT _sonoran_import_name AND EXISTS "${_sonoran_prefix}/lib/${_sonoran_name}")
  set(_sonoran_library "${_sonoran_prefix}/lib/${_sonoran_name}")
else()
  set(_sonoran_library "${_sonoran_prefix}/lib/${_sonoran_system}/${_sonoran_name}")
  if(_sonoran_import_name)
    set(_sonoran_import "${_sonoran_prefix}/lib/${_sonoran_system}/${_sonoran_import_name}")
  endif()
endif()

foreach(_sonoran_file "${_sonoran_prefix}/include/sonoran.h" "${_sonoran_library}" ${_sonoran_import})
  if(NOT EXISTS "${_sonoran_file}")
    set(sonoran_FOUND FALSE)
    set(sonoran_NOT_FOUND_MESSAGE "there is no ${_sonoran_file}: unpack a whole release in one place, or set SONORAN_SYSTEM to the name of a folder in ${_sonoran_prefix}/lib")
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
