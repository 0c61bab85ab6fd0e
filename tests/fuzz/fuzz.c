/* fuzz.c - the entry point that libFuzzer and replay.c call. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    fuzz_one(slice_of(bytes, len));
    return 0;
}
