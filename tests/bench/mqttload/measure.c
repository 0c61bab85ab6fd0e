/* measure.c - see measure.h. */
#include "measure.h"

#include <stdarg.h>

struct counts counts;
struct hist connect_time, ack_time, delivery_time;
bool measuring;
char first_error[256];

void note_error(const char *fmt, ...)
{
    va_list ap;
    if (first_error[0]) return;
    va_start(ap, fmt);
    vsnprintf(first_error, sizeof first_error, fmt, ap);
    va_end(ap);
    for (char *p = first_error; *p; p++)
        if (*p == '"' || *p == '\\' || (unsigned char)*p < 32) *p = '\'';
}

void measure_init(void)
{
    hist_reset(&connect_time);
    hist_reset(&ack_time);
    hist_reset(&delivery_time);
}
