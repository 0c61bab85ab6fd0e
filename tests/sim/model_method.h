/* model_method.h - what a hub promises about direct methods: a call reaches its device once or never, an
 * answer reaches the caller who asked or nobody, and who is told "not online" was not heard.
 */
#ifndef SIM_MODEL_METHOD_H
#define SIM_MODEL_METHOD_H

#include "world.h"

struct method_call {
    const char *device;
    unsigned seen;     /* by the device */
    bool answered;     /* by the device, as method_status() and method_result() say */
    int64_t latest_us; /* when the caller must know */
};

struct model_method {
    struct method_call *calls; /* by number */
    unsigned count, cap;
};

void model_method_init(struct model_method *m);
void model_method_fini(struct model_method *m);

unsigned model_method_call(struct model_method *m, const char *device, int64_t latest_us);
unsigned method_status(unsigned number);
int64_t method_result(unsigned number);

/* The device got that call; false: it may not answer. */
bool model_method_seen(struct model_method *m, const char *device, int64_t number);
void model_method_answered(struct model_method *m, unsigned number);

/* The caller of `number` was told: by the device, or by the hub. */
void model_method_result(struct model_method *m, unsigned number, int64_t status, int64_t result);
void model_method_failed(struct model_method *m, unsigned number, unsigned http);

#endif
