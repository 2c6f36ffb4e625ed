# add_job_kernel(NAME source.cpp [KERNELS f "ns::g(double)" h<int> ...] [LINK target ...])
#
# Makes NAME.so in the current binary directory, a plugin whose kernels are the top-level functions of source.cpp: all
# that can travel, or those listed. The source needs no header and no macro of jobhost, and may have its own main.
# NAME is an ordinary target: target_compile_definitions(NAME ...) and the like work, before and after.
cmake_policy(PUSH)
cmake_policy(VERSION 3.20...3.25)

function(add_job_kernel name source)
  cmake_parse_arguments(PARSE_ARGV 2 JOB "" "" "KERNELS;LINK")
  if(JOB_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "add_job_kernel(${name} ...): unexpected '${JOB_UNPARSED_ARGUMENTS}'. "
                        "Usage: add_job_kernel(NAME source.cpp [KERNELS f ...] [LINK target ...])")
  endif()
  get_filename_component(source "${source}" ABSOLUTE)
  if(NOT EXISTS "${source}")
    message(FATAL_ERROR "add_job_kernel(${name} ...): there is no file '${source}'")
  endif()
  set(folder "${CMAKE_CURRENT_BINARY_DIR}/CMakeFiles/${name}.kernel")
  set(glue "${folder}/${name}_kernels.cpp")
  file(MAKE_DIRECTORY "${folder}")

  # SHARED, not MODULE: programs may link a plugin.
  add_library(${name} SHARED "${glue}")
  set_target_properties(${name} PROPERTIES PREFIX "" SUFFIX ".so" LIBRARY_OUTPUT_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}"
                        CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON POSITION_INDEPENDENT_CODE ON)
  target_compile_features(${name} PRIVATE cxx_std_20)
  target_link_libraries(${name} PRIVATE jobhost::sdk ${JOB_LINK})
  # -fno-gnu-unique: two plugins with the same inline variables must not share them.
  # -g: throw sites and global variables have names; -O2 where nobody chose a build type.
  target_compile_options(${name} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fno-gnu-unique> -g -gz $<$<CONFIG:>:-O2>)
  target_link_options(${name} PRIVATE -Wl,--build-id -Wl,-z,defs)

  # The scanner reads what the compiler would: same definitions, include directories and options.
  set(definitions "$<TARGET_PROPERTY:${name},COMPILE_DEFINITIONS>")
  set(directories "$<TARGET_PROPERTY:${name},INCLUDE_DIRECTORIES>")
  set(options "$<TARGET_PROPERTY:${name},COMPILE_OPTIONS>")
  set(kernels "")
  foreach(kernel IN LISTS JOB_KERNELS)
    list(APPEND kernels --kernel "${kernel}")
  endforeach()
  separate_arguments(flags NATIVE_COMMAND "${CMAKE_CXX_FLAGS}")
  add_custom_command(
    OUTPUT "${glue}"
    COMMAND ${CMAKE_CXX_COMPILER} -std=gnu++20 ${flags} "$<$<BOOL:${definitions}>:-D$<JOIN:${definitions},;-D>>"
            "$<$<BOOL:${directories}>:-I$<JOIN:${directories},;-I>>" "${options}" -E -C -MD -MF "${folder}/scan.d" -MT
            "${glue}" "${source}" -o "${folder}/${name}.ii"
    COMMAND $<TARGET_FILE:jobhost::jobhost-scan> --source "${source}" --preprocessed "${folder}/${name}.ii" --output
            "${glue}" ${kernels}
    DEPENDS "${source}" jobhost::jobhost-scan
    DEPFILE "${folder}/scan.d"
    COMMENT "Finding the kernels of ${name}"
    COMMAND_EXPAND_LISTS VERBATIM)
  if(NOT JOB_KERNELS)
    add_custom_command(TARGET ${name} POST_BUILD
                       COMMAND $<TARGET_FILE:jobhost::jobhost-scan> --notes "$<TARGET_FILE:${name}>" VERBATIM)
  endif()
endfunction()

cmake_policy(POP)
