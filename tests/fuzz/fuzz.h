/* fuzz.h - what a fuzz target consists of.
 *
 * A target is one x_fuzz.c that defines either
 *   - fuzz_one(), for a parser that gets all of its input at once, or
 *   - fuzz_engine (see engine_fuzz.h), for a sans-IO engine,
 * and one azm_fuzz() line in CMakeLists.txt.  A property that does not hold is an assert.
 *
 * The `fuzz` preset links it with libFuzzer; every other preset links it with replay.c, which runs
 * the checked-in corpus once as a CTest case, so a finding that was added to the corpus stays found.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include "base/slice.h"

/* `input` lies in a heap block of exactly its size, so that a read past its end is caught. */
void fuzz_one(struct slice input);

/* What libFuzzer and replay.c call. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#endif
