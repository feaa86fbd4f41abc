# ESP-IDF includes this file once for a project that has the component. Build system v2 does so for every component it
# finds, so it defines functions and does nothing else.
include("${CMAKE_CURRENT_LIST_DIR}/cmake/espdl_add_onnx_model.cmake")
