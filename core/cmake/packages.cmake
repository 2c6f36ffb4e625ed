# Packages of what is built: cpack in the build folder makes Debian packages and an archive for machines where one is not
# root.
set(CPACK_PACKAGE_VENDOR "The jobhost authors")
set(CPACK_PACKAGE_CONTACT "The jobhost authors <jobhost@users.noreply.github.com>")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_GENERATOR TGZ)
set(CPACK_STRIP_FILES ON)
find_program(DPKG_SHLIBDEPS dpkg-shlibdeps)
if(DPKG_SHLIBDEPS)
  list(APPEND CPACK_GENERATOR DEB)
endif()

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL program library development)
if(TARGET jobhost-hdf5)
  list(APPEND CPACK_COMPONENTS_ALL hdf5)
endif()
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "map a plain C++ function over many inputs")
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(version "= ${PROJECT_VERSION}")
set(so_version ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})

set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME jobhost)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_DEPENDS "libjobhost-dev (${version}), g++")
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SUGGESTS "cmake, slurm-client, openmpi-bin | mpich, gdb")
set(CPACK_DEBIAN_PROGRAM_PACKAGE_RECOMMENDS "jobhost-hdf5 (${version})")
set(CPACK_DEBIAN_HDF5_PACKAGE_NAME jobhost-hdf5)
set(CPACK_DEBIAN_HDF5_PACKAGE_DEPENDS "jobhost (${version})")
set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME libjobhost${so_version})
set(CPACK_DEBIAN_LIBRARY_PACKAGE_PROVIDES libjobhost)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libjobhost-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "libjobhost${so_version} (${version})")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_RECOMMENDS "g++, cmake")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)

set(CPACK_DEBIAN_PROGRAM_DESCRIPTION
"jobhost calls an ordinary C++ function with thousands or billions of inputs:
on the cores of this machine, in isolated processes or on threads, or on a
cluster with Slurm, MPI or another queueing system. Results come back in
order, failures as rows that say where they happened, and nothing that was
computed is lost.")
set(CPACK_DEBIAN_HDF5_DESCRIPTION
"With this package, jobhost writes results into HDF5 files whose dimensions
are the axes of the inputs, as xarray and netCDF-4 know them.")
set(CPACK_DEBIAN_LIBRARY_DESCRIPTION
"The library behind jobhost::map() and jobhost::Pool, with which C++
programs compute on many cores or machines.")
set(CPACK_DEBIAN_DEVELOPMENT_DESCRIPTION
"Headers, CMake functions and pkg-config data for programs that use jobhost,
and for the kernels that it runs.")

# What Debian wants to find in every package.
set(debian ${PROJECT_BINARY_DIR}/debian)
file(MAKE_DIRECTORY ${debian})
execute_process(COMMAND gzip -9n INPUT_FILE ${PROJECT_SOURCE_DIR}/core/share/debian/changelog
                OUTPUT_FILE ${debian}/changelog.gz COMMAND_ERROR_IS_FATAL ANY)
# And in that of the library.
file(WRITE ${debian}/shlibs "libjobhost ${so_version} libjobhost${so_version} (>= ${PROJECT_VERSION})\n")
file(WRITE ${debian}/triggers "activate-noawait ldconfig\n")
set(CPACK_DEBIAN_LIBRARY_PACKAGE_CONTROL_EXTRA ${debian}/shlibs ${debian}/triggers)
foreach(component IN LISTS CPACK_COMPONENTS_ALL)
  string(TOUPPER ${component} COMPONENT)
  install(FILES ${debian}/changelog.gz ${PROJECT_SOURCE_DIR}/core/share/debian/copyright
          DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${CPACK_DEBIAN_${COMPONENT}_PACKAGE_NAME} COMPONENT ${component})
  install(FILES ${PROJECT_SOURCE_DIR}/core/share/debian/${component}.overrides
          DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides COMPONENT ${component}
          RENAME ${CPACK_DEBIAN_${COMPONENT}_PACKAGE_NAME})
endforeach()

include(CPack)
