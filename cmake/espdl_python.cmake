# The Python interpreter that runs the compiler: the user's, or an environment that the build makes itself.

include_guard(GLOBAL)

# Sets `out_python` to an interpreter that can run now, and `out_dependency` to what makes it again should it be gone when
# the project is built, or to nothing.
#
# The first of these wins: the variable ESPDL_PYTHON, the environment variable ESPDL_PYTHON, menuconfig's ESPDL_PYTHON, and
# an environment made from python/requirements.lock, which all projects of the computer share. "idf" names ESP-IDF's own.
function(_espdl_python out_python out_dependency)
    get_property(python GLOBAL PROPERTY ESPDL_PYTHON)
    get_property(stamp GLOBAL PROPERTY ESPDL_PYTHON_STAMP)
    if(NOT python)
        _espdl_choose_python(python stamp)
        set_property(GLOBAL PROPERTY ESPDL_PYTHON "${python}")
        set_property(GLOBAL PROPERTY ESPDL_PYTHON_STAMP "${stamp}")
    endif()
    set(dependency "")
    if(stamp)
        set(dependency espdl-environment "${stamp}")
    endif()
    set(${out_python} "${python}" PARENT_SCOPE)
    set(${out_dependency} "${dependency}" PARENT_SCOPE)
endfunction()

function(_espdl_choose_python out_python out_stamp)
    set(script "${component_dir}/python/espdl/project/environment.py")
    set(lock "${component_dir}/python/requirements.lock")
    foreach(candidate "${ESPDL_PYTHON}" "$ENV{ESPDL_PYTHON}" "${CONFIG_ESPDL_PYTHON}")
        if(candidate)
            if(candidate STREQUAL "idf")
                _espdl_host_python(candidate)
            endif()
            _espdl_ask_python("${candidate}" ignored check "${lock}")
            set(${out_python} "${candidate}" PARENT_SCOPE)
            set(${out_stamp} "" PARENT_SCOPE)
            return()
        endif()
    endforeach()

    _espdl_host_python(host_python)
    # The environment's folder is named after the lock's content: another lock is another folder, and a new configuration.
    set_property(DIRECTORY "${CMAKE_SOURCE_DIR}" APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${lock}")
    _espdl_ask_python("${host_python}" place locate "${lock}")
    list(GET place 0 python)
    list(GET place 1 stamp)
    set(create "${host_python}" -I "${script}" create "${lock}")
    # Now, so that what is missing is told before the first file is compiled. It prints one line if it has to work.
    execute_process(COMMAND ${create} RESULT_VARIABLE failed ERROR_VARIABLE error)
    if(failed)
        message(FATAL_ERROR "espdl_add_onnx_model(${name}): there is no Python environment for the compiler.\n${error}")
    endif()
    # No DEPENDS: the environment is shared, so files of this project must not make it look old.
    add_custom_command(OUTPUT "${stamp}" COMMAND ${create} USES_TERMINAL VERBATIM
        COMMENT "espdl: Python environment of the compiler")
    add_custom_target(espdl-environment DEPENDS "${stamp}")
    set(${out_python} "${python}" PARENT_SCOPE)
    set(${out_stamp} "${stamp}" PARENT_SCOPE)
endfunction()

# Sets `out` to ESP-IDF's interpreter, or in plain CMake to one of the computer's. It needs no packages.
function(_espdl_host_python out)
    if(COMMAND idf_build_get_property)
        idf_build_get_property(host_python PYTHON)
    else()
        find_package(Python3 3.10 QUIET COMPONENTS Interpreter)
        set(host_python "${Python3_EXECUTABLE}")
        if(NOT Python3_Interpreter_FOUND)
            _espdl_fail("no Python 3.10 or newer was found." "install one, or pass -DESPDL_PYTHON=<path of python>.")
        endif()
    endif()
    set(${out} "${host_python}" PARENT_SCOPE)
endfunction()

# Runs environment.py with an interpreter and sets `out` to the list of lines it prints; its errors become CMake's.
function(_espdl_ask_python python out)
    execute_process(COMMAND "${python}" -I "${script}" ${ARGN}
        RESULT_VARIABLE result OUTPUT_VARIABLE lines ERROR_VARIABLE error OUTPUT_STRIP_TRAILING_WHITESPACE)
    if(NOT result EQUAL 0)
        if(NOT error)
            set(error "espdl: '${python}' cannot be run: ${result}.\n\
       Remedy: pass -DESPDL_PYTHON=<path of a Python 3.10 or newer>.")
        endif()
        message(FATAL_ERROR "espdl_add_onnx_model(${name}): no Python to run the compiler.\n${error}")
    endif()
    string(REPLACE "\n" ";" lines "${lines}")
    set(${out} "${lines}" PARENT_SCOPE)
endfunction()
