# The version is that of the header in the same prefix. It satisfies requests for an older version of the same
# major version or, while that is 0, of the same minor version.

file(STRINGS "${CMAKE_CURRENT_LIST_DIR}/../../../include/sonoran.h" _sonoran_line REGEX "^#define SONORAN_VERSION \"")
string(REGEX REPLACE ".*\"(([0-9]+)\\.([0-9]+)\\..*)\"" "\\1;\\2;\\3" _sonoran_version "${_sonoran_line}")
list(GET _sonoran_version 0 PACKAGE_VERSION)
list(GET _sonoran_version 1 _sonoran_major)
list(GET _sonoran_version 2 _sonoran_minor)

if(PACKAGE_FIND_VERSION VERSION_EQUAL PACKAGE_VERSION)
  set(PACKAGE_VERSION_EXACT TRUE)
endif()
if(PACKAGE_FIND_VERSION VERSION_GREATER PACKAGE_VERSION
    OR NOT PACKAGE_FIND_VERSION_MAJOR EQUAL _sonoran_major
    OR (_sonoran_major EQUAL 0 AND NOT PACKAGE_FIND_VERSION_MINOR EQUAL _sonoran_minor))
  set(PACKAGE_VERSION_COMPATIBLE FALSE)
else()
  set(PACKAGE_VERSION_COMPATIBLE TRUE)
endif()
