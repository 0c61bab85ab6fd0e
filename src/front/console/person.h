/* person.h - whom an id_token is of: what he may here, and what he is called.  Private to front/console.
 *
 * Runs on: any thread. */
#ifndef FRONT_CONSOLE_PERSON_H
#define FRONT_CONSOLE_PERSON_H

#include "base/json.h"
#include "front/rest/rest.h"
#include "hub/user/user.h"

enum { PERSON_NAME_MAX = 64 }; /* bytes, whole characters */

/* The strongest role that one value of the claim gives; USER_ROLES: none does. */
enum user_role person_role(const struct rest_oidc *config, const struct json *claims);

/* For people and the log: the e-mail address, another name or the subject.  Whom it means, the subject alone says. */
void person_name(const struct json *claims, char out[PERSON_NAME_MAX + 1]);
void person_subject(const struct json *claims, char out[PERSON_NAME_MAX + 1]);

#endif
