# add_job_program(NAME source... [LINK target ...])
#
# Makes the executable NAME from sources that use <jobhost/jobhost.hpp> and contain main. All of it is compiled into one
# shared library, NAME.so beside it, which workers load, so that functions and lambdas of the program can be mapped. Global
# variables are initialised in workers too; main does not run there. Properties of the compilation are set on NAME_module.
cmake_policy(PUSH)
cmake_policy(VERSION 3.20...3.25)

function(add_job_program name)
  cmake_parse_arguments(PARSE_ARGV 1 JOB "" "" "LINK")
  if(NOT JOB_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "add_job_program(${name} ...): no source file is given. "
                        "Usage: add_job_program(NAME source... [LINK target ...])")
  endif()
  # What the module says of itself: compiler, processor, and the commit of the sources whenever one of them has changed.
  set(folder "${CMAKE_CURRENT_BINARY_DIR}/CMakeFiles/${name}.program")
  file(MAKE_DIRECTORY "${folder}")
  set(scan --origin "${folder}/origin.cpp")
  set(sources "")
  foreach(source IN LISTS JOB_UNPARSED_ARGUMENTS)
    get_source_file_property(generated "${source}" GENERATED)
    get_filename_component(path "${source}" ABSOLUTE)
    if(EXISTS "${path}" AND NOT generated)
      list(APPEND sources "${path}")
      list(APPEND scan --source "${path}")
    endif()
  endforeach()
  add_custom_command(
    OUTPUT "${folder}/origin.cpp"
    COMMAND $<TARGET_FILE:jobhost::jobhost-scan> ${scan}
    DEPENDS ${sources} jobhost::jobhost-scan
    COMMENT "Looking where ${name} comes from"
    VERBATIM)
  add_library(${name}_module SHARED ${JOB_UNPARSED_ARGUMENTS} "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/program_module.cpp"
              "${folder}/origin.cpp")
  set_target_properties(${name}_module PROPERTIES PREFIX "" OUTPUT_NAME "${name}" SUFFIX ".so" POSITION_INDEPENDENT_CODE ON)
  target_compile_features(${name}_module PRIVATE cxx_std_20)
  target_link_libraries(${name}_module PRIVATE jobhost::api ${JOB_LINK})
  target_compile_options(${name}_module PRIVATE $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fno-gnu-unique> -g -gz
                                                $<$<CONFIG:>:-O2>)
  # -Bsymbolic: what the module calls is its own, in the program as in a worker.
  target_link_options(${name}_module PRIVATE -Wl,--build-id -Wl,-z,defs -Wl,-Bsymbolic)
  add_executable(${name} "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/program_stub.cpp")
  target_link_options(${name} PRIVATE -Wl,--no-as-needed)
  target_link_libraries(${name} PRIVATE ${name}_module jobhost::runtime)
  set_target_properties(${name} PROPERTIES BUILD_RPATH "$ORIGIN" INSTALL_RPATH "$ORIGIN")
endfunction()

cmake_policy(POP)
