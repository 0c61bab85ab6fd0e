/* util.h - what every file of the generator needs: it ends with a reason, allocates or ends, knows the time. */
#ifndef MQTTLOAD_UTIL_H
#define MQTTLOAD_UTIL_H

#include <stddef.h>
#include <stdint.h>

#define NSEC      1000000000ull
#define MIN(a, b) ((a) < (b) ? (a) : (b))

/* Says why on stderr; status 2. */
_Noreturn void die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Memory or die(). */
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *p, size_t size);
char *xprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

uint64_t now_ns(void); /* monotonic */

#endif
