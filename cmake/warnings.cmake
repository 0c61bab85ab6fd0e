# One set of warnings for every translation unit of ours; each is an error.
add_compile_options(-Wall -Wextra -Wshadow -Wvla -Werror -fno-omit-frame-pointer)
add_compile_options($<$<COMPILE_LANGUAGE:C>:-Wconversion>
                    $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes>
                    $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes>)
add_compile_definitions(_GNU_SOURCE)

# Assertions state what must hold; they stay in release builds.
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g")
set(CMAKE_C_FLAGS_DEBUG "-O1 -g")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g")
