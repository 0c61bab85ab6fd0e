/* fleet_rig.h - identities, sessions and twins on every core of a rig, for *_test.c files only.
 *
 *   rig_init_cores(&f.rig, io_mem_new(), 2);
 *   fleet_open(&f);                    a hub of that many cores, on the rig's store
 *   fleet_close(&f);                   before rig_restart() and rig_fini()
 *
 * What stands on them is opened after and closed before.
 */
#ifndef HUB_TWIN_FLEET_RIG_H
#define HUB_TWIN_FLEET_RIG_H

#include "store/rig.h"

#include "hub/registry/registry.h"
#include "hub/session/session.h"
#include "hub/twin/twin.h"

struct fleet {
    struct rig rig;
    struct hub hub;
    struct registry *registries[RIG_CORES_MAX];
    struct session_home *sessions[RIG_CORES_MAX];
    struct twins *twins[RIG_CORES_MAX];
};

static inline void fleet_open(struct fleet *f)
{
    f->hub = (struct hub){
        .office = &f->rig.office, .core_count = f->rig.core_count, .store = f->rig.store};
    for (unsigned i = 0; i < f->rig.core_count; i++) f->hub.cores[i] = f->rig.cores[i]->id;
    for (unsigned i = 0; i < f->rig.core_count; i++) {
        struct lane *lane = f->rig.cores[i];
        f->registries[i] = registry_new(&f->hub, lane);
        f->sessions[i] = session_home_new(&f->hub, lane, f->registries[i], NULL);
        f->twins[i] = twins_new(&f->hub, lane, f->registries[i], f->sessions[i]);
    }
}

static inline void fleet_close(struct fleet *f)
{
    for (unsigned i = 0; i < f->rig.core_count; i++) {
        twins_free(f->twins[i]);
        session_home_free(f->sessions[i]);
        registry_free(f->registries[i]);
    }
}

#endif
