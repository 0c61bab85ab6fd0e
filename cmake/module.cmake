# azm_module(name SOURCES a.c b.c DEPS base post LIBS OpenSSL::SSL TESTS a_test.c SQL a.sql)
#
# One folder, one static library `azm_<name>`. Every file in TESTS and THREADS becomes a program of its own
# and a CTest case labelled `unit`; those in THREADS start threads, are labelled `threads`, too, and run under
# the thread sanitizer. A statement file a.sql becomes a_sql.h and a_sql.c (store/sqlgen.c);
# it is included as "<name>/a_sql.h".
find_package(PkgConfig REQUIRED)
pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
add_custom_target(threads)

# azm_statements(list folder a.sql ...): appends the C made from each statement file to the list.
function(azm_statements list folder)
    set(made ${PROJECT_BINARY_DIR}/sql/${folder})
    foreach(sql ${ARGN})
        get_filename_component(stem ${sql} NAME_WE)
        add_custom_command(
            OUTPUT ${made}/${stem}_sql.h ${made}/${stem}_sql.c
            COMMAND ${CMAKE_COMMAND} -E make_directory ${made}
            COMMAND azm_sqlgen statements ${CMAKE_CURRENT_SOURCE_DIR}/${sql} ${made}/${stem}_sql.h
                    ${made}/${stem}_sql.c
            DEPENDS azm_sqlgen ${sql}
            COMMENT "sqlgen ${folder}/${sql}"
            VERBATIM)
        list(APPEND ${list} ${made}/${stem}_sql.c ${made}/${stem}_sql.h)
    endforeach()
    set(${list} ${${list}} PARENT_SCOPE)
endfunction()

function(azm_module name)
    cmake_parse_arguments(M "" "" "SOURCES;DEPS;LIBS;TESTS;THREADS;TEST_DEPS;SQL" ${ARGN})
    string(REPLACE "/" "_" target "azm_${name}")
    azm_statements(M_SOURCES ${name} ${M_SQL})
    add_library(${target} STATIC ${M_SOURCES})
    target_include_directories(${target} PUBLIC ${PROJECT_SOURCE_DIR}/src ${PROJECT_BINARY_DIR}/sql)
    foreach(dep ${M_DEPS})
        string(REPLACE "/" "_" dep "azm_${dep}")
        target_link_libraries(${target} PUBLIC ${dep})
    endforeach()
    target_link_libraries(${target} PUBLIC ${M_LIBS})
    foreach(test ${M_TESTS} ${M_THREADS})
        get_filename_component(stem ${test} NAME_WE)
        string(REPLACE "/" "_" program "${name}_${stem}")
        add_executable(${program} ${test})
        target_link_libraries(${program} PRIVATE ${target} PkgConfig::CMOCKA)
        foreach(dep ${M_TEST_DEPS})
            string(REPLACE "/" "_" dep "azm_${dep}")
            target_link_libraries(${program} PRIVATE ${dep})
        endforeach()
        add_test(NAME ${name}/${stem} COMMAND ${program})
        set_tests_properties(${name}/${stem} PROPERTIES LABELS unit TIMEOUT 600)
        if(test IN_LIST M_THREADS)
            set_tests_properties(${name}/${stem} PROPERTIES LABELS "unit;threads")
            add_dependencies(threads ${program})
        endif()
    endforeach()
endfunction()

# azm_fuzz(name SOURCES x_fuzz.c DEPS proto/mqtt [ENGINE]), called in tests/fuzz.
#
# With AZM_FUZZ a libFuzzer program `fuzz_<name>`, with AZM_AFL one for afl-fuzz; otherwise the same target with
# replay.c, which runs corpus/<name> as a CTest case.  ENGINE adds the harness for sans-IO engines.
function(azm_fuzz name)
    cmake_parse_arguments(F "ENGINE" "" "SOURCES;DEPS" ${ARGN})
    set(program fuzz_${name})
    add_executable(${program} ${F_SOURCES} fuzz.c)
    if(F_ENGINE)
        target_sources(${program} PRIVATE engine_fuzz.c)
    endif()
    foreach(dep ${F_DEPS})
        string(REPLACE "/" "_" dep "azm_${dep}")
        target_link_libraries(${program} PRIVATE ${dep})
    endforeach()
    set(corpus ${CMAKE_CURRENT_SOURCE_DIR}/corpus/${name})
    add_dependencies(fuzzers ${program})
    if(AZM_FUZZ OR AZM_AFL)
        target_link_options(${program} PRIVATE -fsanitize=fuzzer)
        return()
    endif()
    target_sources(${program} PRIVATE replay.c)
    add_test(NAME fuzz/${name} COMMAND ${program} ${corpus})
    set_tests_properties(fuzz/${name} PROPERTIES LABELS unit TIMEOUT 600)
endfunction()
