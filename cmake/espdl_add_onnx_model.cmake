# espdl_add_onnx_model(): compile an ONNX model to C during the build, in ESP-IDF projects and in plain CMake ones.

if(CMAKE_VERSION VERSION_LESS 3.20)
    message(FATAL_ERROR "espdl_onnx: CMake ${CMAKE_VERSION} is too old, it has no depfiles outside Ninja.\n"
        "Remedy: use CMake 3.20 or newer.")
endif()

# The weights are an assembler file. A language is enabled for a folder and those below it, so this comes before the guard.
if(NOT COMMAND idf_component_register AND NOT CMAKE_ASM_COMPILE_OBJECT)
    enable_language(ASM)
endif()

include_guard(GLOBAL)

# What a depfile's paths are relative to. Projects of ESP-IDF declare CMake 3.16, whose choice would regenerate at every build.
cmake_policy(PUSH)
cmake_policy(SET CMP0116 NEW)

include("${CMAKE_CURRENT_LIST_DIR}/espdl_library.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/espdl_options.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/espdl_python.cmake")

# Sets `rows` in the calling function: the options of the compiler. A row is a keyword; who gives it; its kind; its values.
#
# By `model`: an argument of espdl_add_onnx_model(). By `any`: an argument, else the variable ESPDL_<KEYWORD>
# (-DESPDL_SCHEME=affine), else menuconfig or the sdkconfig that ESPDL_SDKCONFIG names. By `project`: not an argument.
#
# file    a path, relative to the calling folder
# choice  one of the values, of which the first is the default; a pattern of file names stands for the files' names, and
#         <bytes> for any whole number
# count   a whole number, 0 if it is not given; the words end the sentence "use a number"
# flag    y or nothing
# sizes, numbers, names, text: as the words behind say
#
# The compiler's side is python/espdl/options.py, the menu's Kconfig; python/tests/project/test_settings.py compares.
macro(_espdl_list_options)
    set(rows
        "MODEL               model   file"    # The .onnx file.
        "NAME                model   text"    # C identifier, prefix of everything generated. Default: the file's name.
        "CALIBRATION         any     file"    # Representative inputs: .npy [N, input shape], .npz with one array for each
                                              # input, or a folder of such files. Models that carry Q/DQ nodes need none.
        "SHAPES              model   sizes    <input>=<sizes>"   # For inputs with dynamic dimensions besides the batch,
                                              # such as image=1,3,96,96; one or several.
        "INPUT               model   numbers  <input>=<numbers>" # Makes a constant of an input that never changes, such as
                                              # sr=16000; one or several. What depends on it, an If too, is folded.
        "SCHEME              any     choice   default affine power_of_two"     # How integers stand for real numbers.
        "PRECISION           any     choice   int8 int16x8 float32"            # Of the values between layers.
        "FLOAT               model   names    <node>" # Nodes that stay in floats in a quantised network.
        "INT16               model   names    <node>" # Nodes that get 16-bit activations in a network of PRECISION int8.
        "CALIBRATION_METHOD  any     choice   default quantize/methods/[a-z]*.py"  # From calibration data to ranges.
        "CALIBRATION_SAMPLES any     count    of samples, 0 for all" # How many to use, from the first on.
        "DATA_CACHE          any     count    of bytes, 0 for no limit" # The chip's cache for data in flash; of the sdkconfig.
        "DEAD_CHANNELS       any     choice   remove keep"            # Channels that cannot change the outputs.
        "EFFORT              any     choice   default fast best"      # How long the compiler may search.
        "KERNELS             any     choice   auto portable own esp_dl" # Which implementations of layers may be used.
        "IO                  any     choice   int8 uint8 float32"     # The type of inputs and outputs.
        "INPUT_LAYOUT        any     choice   model nhwc"             # The order of an image input's dimensions.
        "ARENA               any     choice   caller static"          # Who provides the working memory.
        "WEIGHTS             any     choice   flash ram psram"        # Where the weights are during a run.
        "MEMORY              any     choice   plain smallest auto <bytes>" # Of the arena: whether large layers run a few
                                              # rows at a time.
        "FLASH_BUDGET        any     choice   default none <bytes>"   # Which faster kernels may take more for their weights,
                                              # for the whole model; OPTIMIZE size never does. Default: 65536.
        "INPUT_MEMORY        any     choice   arena caller rows"      # Where a run reads its inputs; rows: a function of
                                              # the application gives them row by row.
        "CORES               any     choice   1 2 auto"               # That share a run; auto: as many as the chip has.
        "STREAM              model   text     <input>[:<axis>]" # The input of which rows are pushed as they come, and the
                                              # axis of time; what was computed of older rows stays.
        "HOP                 model   count    of rows" # That a push of STREAM brings.
        "EDGES               any     choice   default window stream"  # What is padded in a stream: the ends of each
                                              # window, or its begin alone. Needed where that makes a difference.
        "STATE               model   names    <input>=<output>" # Inputs that are outputs of the run before, and zero in
                                              # the first one, such as h=hn c=cn: nothing is copied or rescaled outside.
        "TEST_VECTORS        model   file"    # .npy or .npz with inputs to build into the program as <NAME>_test.h, with
                                              # the outputs that they must give and a function that compares.
        "CHIP                project choice   generic chips/esp*.py"  # Whose arithmetic and kernels; a target of ESP-IDF.
        "OPTIMIZE            project choice   speed size"             # Of kernels and generated code.
        "PROFILE             project flag"    # Measure the time of every layer.
        "TAPS                project flag"    # Print what every layer computes.
    )
endmacro()

# @brief Compile an ONNX model to C and add it to a target, as the header <NAME>.h.
#
# @param[in] target  Library or executable that uses the model. In ESP-IDF ${COMPONENT_LIB}, behind
#                    idf_component_register().
# @param[in] ...     Keywords with their values: those that _espdl_list_options() has by `model` and `any`, where it says
#                    what they mean. Only MODEL must be given.
# @param[in] OPTIONS A JSON file with some of them, as `espdl tune --apply` writes it. Keywords of the call come before it,
#                    variables and menuconfig behind.
#
# Example:
#     idf_component_register(SRCS main.c REQUIRES espdl_onnx)
#     espdl_add_onnx_model(${COMPONENT_LIB} MODEL models/net.onnx CALIBRATION models/calib.npy)
function(espdl_add_onnx_model target)
    if(CMAKE_BUILD_EARLY_EXPANSION)
        return()
    endif()
    set(name "")
    _espdl_list_options()
    _espdl_list_keywords()
    cmake_parse_arguments(PARSE_ARGV 1 espdl_arg "" "${single}" "${multiple}")
    _espdl_check_target()
    _espdl_check_arguments()
    _espdl_claim_name()
    _espdl_load_config()
    _espdl_read_options_file()
    _espdl_find_inputs()

    set(output "${CMAKE_CURRENT_BINARY_DIR}/espdl/${name}")
    set(options_file "${output}.options.json")
    set(depfile "${output}.d")
    # Written only if the text changes, and only with what the compiler reads: other changes of the configuration cost nothing.
    _espdl_make_options(options)
    file(GENERATE OUTPUT "${options_file}" CONTENT "${options}")

    set(generated "${output}/${name}.c" "${output}/${name}.h" "${output}/${name}_weights.S" "${output}/${name}_weights.bin"
        "${output}/report.json")
    if(test_vectors)
        list(APPEND generated "${output}/${name}_test.c" "${output}/${name}_test.h")
    endif()
    _espdl_add_generator()
    _espdl_add_to_target()
    _espdl_add_to_report()
endfunction()

# Stops with an error that begins with the name of the function, and of the model once that is known, and ends with the remedy.
function(_espdl_fail reason remedy)
    set(model "")
    if(name)
        set(model "(${name})")
    endif()
    message(FATAL_ERROR "espdl_add_onnx_model${model}: ${reason}\nRemedy: ${remedy}")
endfunction()

# The following macros are the function's paragraphs: they read and set its variables.

# First of all, because an empty variable in its place moves the arguments behind it.
macro(_espdl_check_target)
    if("${target}" IN_LIST single OR "${target}" IN_LIST multiple)
        _espdl_fail("the target is missing before ${target}." "pass a library or an executable; in ESP-IDF write\
 espdl_add_onnx_model(\${COMPONENT_LIB} ...) behind idf_component_register(...), which sets COMPONENT_LIB.")
    endif()
    if(NOT TARGET "${target}")
        _espdl_fail("'${target}' is not a target." "pass a library or an executable that exists; in ESP-IDF write\
 espdl_add_onnx_model(\${COMPONENT_LIB} ...) behind idf_component_register(...).")
    endif()
    get_target_property(target_type "${target}" TYPE)
    if(target_type STREQUAL "INTERFACE_LIBRARY")
        _espdl_fail("'${target}' has no source files, so nothing of it is compiled."
            "give it at least one; in ESP-IDF idf_component_register(SRCS main.c ...).")
    endif()
endmacro()

macro(_espdl_check_arguments)
    if(espdl_arg_UNPARSED_ARGUMENTS)
        string(REPLACE ";" " " unknown "${espdl_arg_UNPARSED_ARGUMENTS}")
        string(REPLACE ";" ", " known "${single}")
        string(REPLACE ";" ", " lists "${forms}")
        _espdl_fail("unknown arguments: ${unknown}." "use one value for each of ${known}, or lists: ${lists}.")
    endif()
    if(espdl_arg_KEYWORDS_MISSING_VALUES)
        string(REPLACE ";" ", " missing "${espdl_arg_KEYWORDS_MISSING_VALUES}")
        _espdl_fail("no value behind ${missing}." "give one, or leave the keyword out.")
    endif()
    if(NOT CMAKE_ASM_COMPILE_OBJECT)
        _espdl_fail("the language ASM is not enabled here, and the weights are an assembler file."
            "name it in the project's CMakeLists.txt: project(<name> C ASM).")
    endif()
    if(NOT espdl_arg_MODEL)
        _espdl_fail("MODEL is missing." "name the .onnx file: MODEL path/to/net.onnx.")
    endif()
endmacro()

# Sets `name`. Names must differ in capital letters too: NET_ARENA_SIZE belongs to one model.
macro(_espdl_claim_name)
    if(espdl_arg_NAME)
        set(candidate "${espdl_arg_NAME}")
    else()
        get_filename_component(candidate "${espdl_arg_MODEL}" NAME_WE)
    endif()
    _espdl_is_usable_identifier("${candidate}" usable)
    if(NOT usable)
        _espdl_fail("'${candidate}' cannot be the model's name, which becomes part of C identifiers."
            "pass NAME with a word of letters, digits and _ that is no keyword of C or C++, such as NAME net.")
    endif()
    string(TOUPPER "${candidate}" upper_name)
    get_property(taken GLOBAL PROPERTY ESPDL_MODEL_${upper_name})
    if(taken)
        _espdl_fail("the model name '${candidate}' is taken by ${taken}."
            "pass another NAME, or link the library that has the model.")
    endif()
    set(name "${candidate}")
    set_property(GLOBAL PROPERTY ESPDL_MODEL_${upper_name} "${CMAKE_CURRENT_SOURCE_DIR}/${espdl_arg_MODEL}")
endmacro()

macro(_espdl_add_generator)
    _espdl_python(python environment)
    get_property(pools GLOBAL PROPERTY JOB_POOLS)
    if(NOT pools MATCHES "espdl_compiler=")
        set_property(GLOBAL APPEND PROPERTY JOB_POOLS espdl_compiler=1) # each may take a gigabyte of memory
    endif()
    # The compiler leaves equal files alone, so that nothing else is rebuilt. Make then believes them old: touch them all.
    set(touch "")
    if(NOT CMAKE_GENERATOR MATCHES "Ninja")
        set(touch COMMAND "${CMAKE_COMMAND}" -E touch ${generated})
    endif()
    get_filename_component(model_file "${model}" NAME)
    # What else was read (files of a calibration folder, external weights, the compiler's own modules) is in the depfile.
    add_custom_command(
        OUTPUT ${generated}
        COMMAND "${python}" -I "${component_dir}/python/espdl_cli.py" compile --options "${options_file}"
        ${touch}
        DEPENDS ${input_files} "${options_file}" ${environment}
        DEPFILE "${depfile}"
        JOB_POOL espdl_compiler
        COMMENT "espdl: compiling ${model_file} to ${name}.c"
        VERBATIM)
    add_custom_target(espdl-${name} DEPENDS ${generated})
    add_dependencies("${target}" espdl-${name})
endmacro()

macro(_espdl_add_to_target)
    _espdl_compile_options(compile_options "${setting_optimize}")
    set(sources ${generated})
    list(FILTER sources INCLUDE REGEX "\\.[chS]$")
    set(c_sources ${sources})
    list(FILTER c_sources INCLUDE REGEX "\\.c$")
    set_source_files_properties(${c_sources} PROPERTIES COMPILE_OPTIONS "${compile_options}")
    set_source_files_properties("${output}/${name}_weights.S" PROPERTIES
        LANGUAGE ASM INCLUDE_DIRECTORIES "${output}" OBJECT_DEPENDS "${output}/${name}_weights.bin")
    target_sources("${target}" PRIVATE ${sources})
    target_include_directories("${target}" PUBLIC "${output}")
    _espdl_link_runtime("${target}")
endmacro()

# `idf.py espdl-report`, `ninja espdl-report`: all models of the project. idf.py hands commands it does not know to Ninja.
macro(_espdl_add_to_report)
    if(NOT TARGET espdl-report)
        add_custom_target(espdl-report
            COMMAND "${python}" -I "${component_dir}/python/espdl_cli.py" report
                    "$<TARGET_PROPERTY:espdl-report,ESPDL_REPORTS>"
            COMMAND_EXPAND_LISTS USES_TERMINAL VERBATIM)
    endif()
    set_property(TARGET espdl-report APPEND PROPERTY ESPDL_REPORTS "${output}/report.json")
    add_dependencies(espdl-report espdl-${name})
endmacro()

cmake_policy(POP)
