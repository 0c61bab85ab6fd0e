/* rand.h - random bytes, from one place, so that the simulator can replay a run from its seed.
 *
 * Thread-safe with the default source (getrandom).  Replacing the source is for start-up.
 */
#ifndef BASE_RAND_H
#define BASE_RAND_H

#include <stddef.h>
#include <stdint.h>

typedef void (*rand_source)(void *out, size_t len);

void rand_bytes(void *out, size_t len); /* fit for keys */
uint64_t rand_u64(void);

void rand_use(rand_source source); /* NULL: the kernel's again */

enum { RAND_GUID_LEN = 36 };

/* Random (version 4) GUID text, lower case, plus NUL. */
void rand_guid(char out[RAND_GUID_LEN + 1]);

#endif
