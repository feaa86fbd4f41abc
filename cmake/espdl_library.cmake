# The runtime library in plain CMake, and how kernels and generated code are compiled everywhere.

include_guard(GLOBAL)

# Sets `out` to the chips for which port/<chip> has kernels (python/espdl/chips says the same).
function(_espdl_own_kernels out)
    set(${out} esp32 esp32s3 PARENT_SCOPE)
endfunction()

# Sets `out` to the compiler options for kernels and generated code: their own level of optimisation whatever the project's,
# and no fused multiply-add, which would round otherwise than the reference.
function(_espdl_compile_options out optimize)
    set(level -O2)
    if(optimize STREQUAL "size")
        set(level -Os)
    endif()
    set(${out} "${level};-ffp-contract=off" PARENT_SCOPE)
endfunction()

# Sets `out` to whether menuconfig wants the component espressif/esp-dl for `target`: the rules of idf_component.yml.
function(_espdl_wants_esp_dl target out)
    set(${out} FALSE PARENT_SCOPE)
    if((target MATCHES "^esp32(p4|s31)$" AND CONFIG_ESPDL_KERNELS MATCHES "^(auto|esp_dl)$") OR
       (target STREQUAL "esp32s3" AND CONFIG_ESPDL_KERNELS STREQUAL "esp_dl"))
        set(${out} TRUE PARENT_SCOPE)
    endif()
endfunction()

# Sets `out` to whether a build of ESP-IDF for `target` wants it and has it: there may be no component manager.
function(_espdl_has_esp_dl target out)
    set(${out} FALSE PARENT_SCOPE)
    _espdl_wants_esp_dl("${target}" wanted)
    if(wanted)
        idf_build_get_property(components COMPONENTS_DISCOVERED) # build system v2, which refuses the other property
        if(NOT components)
            idf_build_get_property(components BUILD_COMPONENTS)
        endif()
        if("esp-dl" IN_LIST components OR "espressif__esp-dl" IN_LIST components)
            set(${out} TRUE PARENT_SCOPE)
        endif()
    endif()
endfunction()

# Sets `out_sources` and `out_include` to the C files and include folders of the runtime, of the portable kernels, and of
# those that belong to `target`, a chip or linux. A computer imitates the chips, so it takes all of them.
function(_espdl_runtime_files component_dir target out_sources out_include)
    file(GLOB sources "${component_dir}/src/*.c" "${component_dir}/src/kernels/*.c")
    set(include "${component_dir}/include")
    _espdl_own_kernels(chips)
    foreach(chip IN LISTS chips)
        if(target MATCHES "^(linux|${chip})$")
            file(GLOB port_sources "${component_dir}/port/${chip}/src/*.c")
            list(APPEND sources ${port_sources})
            list(APPEND include "${component_dir}/port/${chip}/include")
        endif()
    endforeach()
    _espdl_has_esp_dl("${target}" has_esp_dl)
    if(target STREQUAL "linux")
        file(GLOB port_sources "${component_dir}/port/esp_dl/src/*.c")
        list(APPEND sources ${port_sources})
    elseif(has_esp_dl)
        set(calls_esp_dl "${component_dir}/port/esp_dl/src/esp_dl.cpp")
        list(APPEND sources "${calls_esp_dl}" "${component_dir}/port/esp_dl/src/dl_gemm_s8.c")
        # Warnings of ESP-DL's headers, which ESP-DL switches off for itself.
        set_source_files_properties("${calls_esp_dl}" PROPERTIES COMPILE_OPTIONS
            "-Wno-array-bounds;-Wno-deprecated-copy;-Wno-strict-aliasing;-Wno-overloaded-virtual")
    endif()
    if(target STREQUAL "linux" OR has_esp_dl)
        list(APPEND include "${component_dir}/port/esp_dl/include")
    endif()
    set(${out_sources} "${sources}" PARENT_SCOPE)
    set(${out_include} "${include}" PARENT_SCOPE)
endfunction()

# The library targets of a plain CMake project, made at first use: `espdl_onnx`, and for each chip with kernels of its own
# `espdl_onnx_<chip>`, which only models for it need. Compiling an emulation can take longer than all the rest.
function(_espdl_add_library)
    if(TARGET espdl_onnx)
        return()
    endif()
    get_filename_component(component_dir "${CMAKE_CURRENT_FUNCTION_LIST_DIR}" DIRECTORY)
    _espdl_runtime_files("${component_dir}" linux sources include)
    _espdl_compile_options(options "${ESPDL_OPTIMIZE}")
    _espdl_own_kernels(chips)
    foreach(chip IN LISTS chips)
        set(imitated_${chip} "${sources}")
        list(FILTER imitated_${chip} INCLUDE REGEX "/port/${chip}/src/[^/]*$")
        list(REMOVE_ITEM sources ${imitated_${chip}})
    endforeach()
    add_library(espdl_onnx STATIC ${sources})
    target_include_directories(espdl_onnx PUBLIC ${include})
    target_compile_features(espdl_onnx PUBLIC c_std_11)
    target_compile_options(espdl_onnx PRIVATE ${options})
    foreach(chip IN LISTS chips)
        add_library(espdl_onnx_${chip} STATIC EXCLUDE_FROM_ALL ${imitated_${chip}})
        target_compile_options(espdl_onnx_${chip} PRIVATE ${options})
        target_link_libraries(espdl_onnx_${chip} PUBLIC espdl_onnx)
    endforeach()
    if(UNIX)
        set(THREADS_PREFER_PTHREAD_FLAG ON)
        find_package(Threads REQUIRED) # for models of two cores
        target_link_libraries(espdl_onnx PUBLIC m Threads::Threads)
    endif()
endfunction()

# Links a target against the runtime: the libraries above, or the component of ESP-IDF under whatever name it is known there.
# Profile and taps are functions of the runtime and macros in its headers: they are switched on for all that use it.
function(_espdl_link_runtime target)
    if(COMMAND idf_component_get_property)
        idf_component_get_property(library espdl_onnx COMPONENT_LIB)
    else()
        _espdl_add_library()
        set(library espdl_onnx)
    endif()
    foreach(feature PROFILE TAPS)
        string(TOLOWER "${feature}" lower)
        if(setting_${lower})
            target_compile_definitions(${library} PUBLIC CONFIG_ESPDL_${feature}=1)
        endif()
    endforeach()
    if(TARGET "espdl_onnx_${setting_chip}")
        list(PREPEND library "espdl_onnx_${setting_chip}")
    endif()
    # What target_link_libraries() does, which would refuse a target whose owner used its form without PUBLIC.
    set_property(TARGET "${target}" APPEND PROPERTY LINK_LIBRARIES ${library})
    set_property(TARGET "${target}" APPEND PROPERTY INTERFACE_LINK_LIBRARIES ${library})
endfunction()
