# add_job_kernel(NAME source... [KERNELS f "ns::g(double)" h<int> ...] [GLOBALS alpha ns::table ...] [LINK target ...])
# add_job_kernel(NAME HEADERS header... KERNELS f ... [LINK target ...])
#
# Makes NAME.so in the current binary directory, a plugin whose kernels are the top-level functions of the sources (C++
# or C): all that can travel, or those listed; or functions of an existing library, declared by its headers. Sources need
# no header and no macro of jobhost, and may have their own main. GLOBALS names variables of the C++ sources whose values
# belong to the calling context: a program that links the plugin sends them along, jobhost session keeps them. NAME is an ordinary target:
# target_compile_definitions(NAME ...) and the like work afterwards.
cmake_policy(PUSH)
cmake_policy(VERSION 3.20...3.25)

function(add_job_kernel name)
  cmake_parse_arguments(PARSE_ARGV 1 JOB "" "" "HEADERS;KERNELS;GLOBALS;LINK")
  set(sources ${JOB_UNPARSED_ARGUMENTS})
  set(usage "Usage: add_job_kernel(NAME source... [KERNELS f ...] [GLOBALS v ...] [LINK target ...]) or "
            "add_job_kernel(NAME HEADERS header... KERNELS f ... [LINK target ...])")
  if(NOT sources AND NOT JOB_HEADERS)
    message(FATAL_ERROR "add_job_kernel(${name} ...): no source file is given. " ${usage})
  endif()
  if(JOB_HEADERS AND NOT JOB_KERNELS)
    message(FATAL_ERROR "add_job_kernel(${name} ...): HEADERS needs KERNELS that say which functions are meant. "
                        ${usage})
  endif()
  set(folder "${CMAKE_CURRENT_BINARY_DIR}/CMakeFiles/${name}.kernel")
  file(MAKE_DIRECTORY "${folder}")
  if(JOB_HEADERS)
    list(TRANSFORM JOB_HEADERS REPLACE "(.+)" "#include <\\1>\n" OUTPUT_VARIABLE includes)
    list(JOIN includes "" includes)
    file(CONFIGURE OUTPUT "${folder}/${name}_headers.hpp" CONTENT "${includes}" @ONLY)
    list(APPEND sources "${folder}/${name}_headers.hpp")
  endif()

  # The scanner reads what the compiler would: same definitions, include directories and options.
  set(definitions "$<TARGET_PROPERTY:${name},COMPILE_DEFINITIONS>")
  set(directories "$<TARGET_PROPERTY:${name},INCLUDE_DIRECTORIES>")
  set(options "$<TARGET_PROPERTY:${name},COMPILE_OPTIONS>")
  set(exports "${folder}/exports")
  set(scan --exports "${exports}")
  set(glues "")
  set(preprocessed "")
  set(c_sources "")
  foreach(kernel IN LISTS JOB_KERNELS)
    list(APPEND scan --kernel "${kernel}")
  endforeach()
  foreach(global IN LISTS JOB_GLOBALS)
    list(APPEND scan --global "${global}")
  endforeach()
  set(number 0)
  foreach(source IN LISTS sources)
    get_filename_component(source "${source}" ABSOLUTE)
    if(NOT EXISTS "${source}")
      message(FATAL_ERROR "add_job_kernel(${name} ...): there is no file '${source}'")
    endif()
    get_filename_component(stem "${source}" NAME_WE)
    set(unit "${folder}/${stem}")
    if(number GREATER 0)
      string(APPEND unit "_${number}")
    endif()
    math(EXPR number "${number} + 1")
    set(compiler ${CMAKE_CXX_COMPILER} -std=gnu++20 -x c++)
    separate_arguments(flags NATIVE_COMMAND "${CMAKE_CXX_FLAGS}")
    set(language "")
    if(source MATCHES "\\.c$")
      if(NOT CMAKE_C_COMPILER)
        message(FATAL_ERROR "add_job_kernel(${name} ...): '${source}' is C; write project(... LANGUAGES C CXX)")
      endif()
      set(compiler ${CMAKE_C_COMPILER})
      separate_arguments(flags NATIVE_COMMAND "${CMAKE_C_FLAGS}")
      set(language --language c)
      list(APPEND c_sources "${source}")
    elseif(source STREQUAL "${folder}/${name}_headers.hpp")
      set(language --language headers)
    endif()
    add_custom_command(
      OUTPUT "${unit}.ii"
      COMMAND ${compiler} ${flags} "$<$<BOOL:${definitions}>:-D$<JOIN:${definitions},;-D>>"
              "$<$<BOOL:${directories}>:-I$<JOIN:${directories},;-I>>" "${options}" -E -C -MD -MF "${unit}.d" -MT
              "${unit}.ii" "${source}" -o "${unit}.ii"
      DEPENDS "${source}"
      DEPFILE "${unit}.d"
      COMMENT "Reading the functions of ${stem}"
      COMMAND_EXPAND_LISTS VERBATIM)
    list(APPEND preprocessed "${unit}.ii")
    list(APPEND glues "${unit}_kernels.cpp")
    list(APPEND scan --source "${source}" --preprocessed "${unit}.ii" --output "${unit}_kernels.cpp" ${language})
  endforeach()
  add_custom_command(
    OUTPUT ${glues} "${exports}"
    COMMAND $<TARGET_FILE:jobhost::jobhost-scan> ${scan}
    DEPENDS ${preprocessed} jobhost::jobhost-scan
    COMMENT "Finding the kernels of ${name}"
    VERBATIM)

  # SHARED, not MODULE: programs may link a plugin.
  add_library(${name} SHARED ${glues} ${c_sources})
  set_target_properties(${name} PROPERTIES PREFIX "" SUFFIX ".so" LIBRARY_OUTPUT_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}"
                        CXX_VISIBILITY_PRESET default C_VISIBILITY_PRESET default POSITION_INDEPENDENT_CODE ON LINK_DEPENDS "${exports}")
  target_compile_features(${name} PRIVATE cxx_std_20)
  target_link_libraries(${name} PRIVATE jobhost::sdk ${JOB_LINK})
  # -fno-gnu-unique: two plugins with the same inline variables must not share them.
  # -g: throw sites and global variables have names; -O2 where nobody chose a build type.
  target_compile_options(${name} PRIVATE $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fno-gnu-unique> -g -gz $<$<CONFIG:>:-O2>
                                         -fno-semantic-interposition)
  # Programs that link the plugin see its kernels and declared globals, and nothing else of it; what it uses is its own.
  target_link_options(${name} PRIVATE -Wl,--build-id -Wl,-z,defs -Wl,-Bsymbolic "-Wl,--version-script=${exports}")

  if(NOT JOB_KERNELS)
    add_custom_command(TARGET ${name} POST_BUILD
                       COMMAND $<TARGET_FILE:jobhost::jobhost-scan> --notes "$<TARGET_FILE:${name}>" VERBATIM)
  endif()
endfunction()

cmake_policy(POP)
