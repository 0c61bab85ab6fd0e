/* attempts.h - the last attempts to be provisioned: by which enrollment, and how each ended.  Private to dps.
 *
 * What refuses and what ends a registration tells the first core, which keeps them, in memory.  An attempt is
 * one that asked to register, or was turned away before it could; polling and looking up are none.
 *
 *   home ──DPS_ATTEMPT: its JSON──▶ first core: a ring ◀── VERB_ATTEMPTS
 *
 * Limits:  DPS_ATTEMPTS_MAX; the oldest goes.  DPS_REFUSALS_TOLD_MAX refusals are told by a home in
 *          DPS_REFUSALS_TOLD_US; others are counted only.
 */
#ifndef DPS_ATTEMPTS_H
#define DPS_ATTEMPTS_H

#include "dps/operation.h"

/* attest() said no, for that cause ("C171"); `text` is explain_attestation()'s, short by what it is made of. */
void attempt_note_refused(const struct call *c, const char *cause, struct slice text);

/* It proved who it is, and waits for a place. */
void attempt_note_throttled(const struct call *c, const struct attested *who, const char *text);

/* next.status says how it ended. */
void attempt_note_end(const struct operation *o);

/* On the first core. */
void attempts_on_note(void *ctx, struct lane *lane, struct msg *m);
void attempts_verb(struct call *c); /* a JSON array, the newest first */
void attempts_free(struct attempts *a);

#endif
