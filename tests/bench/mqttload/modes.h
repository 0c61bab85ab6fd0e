/* modes.h - what --mode chooses: a run from the first connection to the report.  Each returns the exit status. */
#ifndef MQTTLOAD_MODES_H
#define MQTTLOAD_MODES_H

int run_pub(void);     /* a warm-up and a measured phase, each with a barrier behind it */
int run_connect(void); /* each connection connects, goes and connects again */
int run_idle(void);    /* opens all, perhaps publishes, and holds them */

#endif
