# SPDX-License-Identifier: CC0-1.0
# The few functions of ESP-IDF's build system that the component calls, so that its path through them is tested everywhere.
# Expects IDF_TARGET, BUILD_COMPONENTS, and STAND_IN_PYTHON with the component's packages.

function(idf_build_get_property variable property)
    set(PYTHON "${STAND_IN_PYTHON}")
    set(PROJECT_DIR "${CMAKE_SOURCE_DIR}")
    set(${variable} "${${property}}" PARENT_SCOPE)
endfunction()

# ESP-IDF reads each component's CMakeLists.txt in script mode first, to learn what it requires; registering ends that.
if(CMAKE_BUILD_EARLY_EXPANSION)
    macro(idf_component_register)
        message(STATUS "registered: ${ARGN}")
        return()
    endmacro()
    return()
endif()

# A change of sdkconfig configures anew, and its header compiles anew what includes it.
set(sdkconfig "${CMAKE_SOURCE_DIR}/sdkconfig")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${sdkconfig}")
file(STRINGS "${sdkconfig}" lines REGEX "^CONFIG_")
list(TRANSFORM lines REPLACE "^(CONFIG_[A-Z0-9_]+)=(.*)$" "#define \\1 \\2\n")
list(TRANSFORM lines REPLACE " y\n$" " 1\n")
string(CONCAT header ${lines} "#define ESPDL_CORES_NONE 1 /* there is no FreeRTOS here */\n")
file(GENERATE OUTPUT "${CMAKE_BINARY_DIR}/config/sdkconfig.h" CONTENT "${header}")
include_directories("${CMAKE_BINARY_DIR}/config")

function(idf_component_get_property variable component property)
    if(NOT property STREQUAL "COMPONENT_LIB")
        message(FATAL_ERROR "the stand-in knows no ${property}")
    endif()
    set(${variable} "__idf_${component}" PARENT_SCOPE)
endfunction()

macro(idf_component_register)
    cmake_parse_arguments(_ "" "" "SRCS;INCLUDE_DIRS;REQUIRES" ${ARGN})
    get_filename_component(_name "${CMAKE_CURRENT_SOURCE_DIR}" NAME)
    set(COMPONENT_LIB "__idf_${_name}")
    add_library(${COMPONENT_LIB} STATIC ${__SRCS})
    target_include_directories(${COMPONENT_LIB} PUBLIC ${__INCLUDE_DIRS})
    target_compile_definitions(${COMPONENT_LIB} PUBLIC ESP_PLATFORM=1)
    foreach(_required ${__REQUIRES})
        target_link_libraries(${COMPONENT_LIB} PUBLIC __idf_${_required})
    endforeach()
endmacro()
