/* registration.h - what became of one device.  Private to dps. */
#ifndef DPS_REGISTRATION_H
#define DPS_REGISTRATION_H

#include "dps/enrollment.h"
#include "store/store.h"

enum registration_status {
    REGISTRATION_UNASSIGNED,
    REGISTRATION_ASSIGNING,
    REGISTRATION_ASSIGNED,
    REGISTRATION_FAILED,
    REGISTRATION_DISABLED,
    REGISTRATION_STATUSES,
};

enum registration_substatus {
    SUBSTATUS_NONE,
    SUBSTATUS_INITIAL,
    SUBSTATUS_MIGRATED,
    SUBSTATUS_RESET,
    SUBSTATUS_REPROVISIONED,
    SUBSTATUSES,
};

/* Slices lie in an arena. */
struct registration {
    struct slice id;           /* as the device spelled it */
    struct slice group;        /* lower case; empty: an individual enrollment */
    struct slice operation_id; /* the last one */
    enum registration_status status;
    enum registration_substatus substatus;
    struct slice hub, device_id; /* empty: none */
    unsigned error_code;
    struct slice error_message;
    struct slice payload; /* JSON for the device; empty: none */
    struct slice work;    /* JSON: what is yet to be done (operation.c); empty: nothing */
    struct slice proof;   /* JSON member: "x509":{..}, "symmetricKey":{..} or "tpm":{..} */
    uint64_t etag;
    int64_t created_us, updated_us;
};

enum { REGISTRATION_COLUMNS = 15 };

/* The columns of dps_registration_load and _page from the registration id on; false: there is none. */
bool registration_of_row(struct arena *a, const struct store_value *col, struct registration *out);

/* Adds the statement that writes it. */
void registration_put(struct store_request *u, struct slice id_lower, const struct registration *r);

const char *registration_status_name(enum registration_status s);

/* DeviceRegistrationState, and with the proof DeviceRegistrationResult. */
void registration_write(struct buf *out, const struct registration *r, bool with_proof);

/* RegistrationOperationStatus; `r` NULL: it is being assigned. */
void registration_write_operation(struct buf *out, struct slice operation_id,
                                  const struct registration *r);

#endif
