/* person.c - see person.h. */
#include "front/console/person.h"

#include "base/text.h"

static enum user_role role_of_value(const struct rest_oidc *config, struct slice value)
{
    if (config->role_count == 0) return user_role_of(value);
    for (unsigned i = 0; i < config->role_count; i++) {
        struct slice role = slice_str(config->roles[i]);
        size_t equals = slice_rfind(role, '=');
        if (slice_eq(slice_head(role, equals), value))
            return user_role_of(slice_from(role, equals + 1));
    }
    return USER_ROLES;
}

/* A claim is one value or a list of them. */
enum user_role person_role(const struct rest_oidc *config, const struct json *claims)
{
    const struct json *claim = json_get(claims, config->role_claim);
    enum user_role best = USER_ROLES;
    bool list = claim && claim->type == JSON_ARRAY;
    for (const struct json *one = list ? claim->child : claim; one; one = list ? one->next : NULL) {
        if (one->type != JSON_STRING) continue;
        enum user_role role = role_of_value(config, one->text);
        if (role != USER_ROLES && (best == USER_ROLES || role > best)) best = role;
    }
    return best;
}

/* What could end a word of the log, and what is no UTF-8, is '?'. */
static void put_plain(struct slice text, char out[PERSON_NAME_MAX + 1])
{
    bool utf8 = text_is_utf8(text);
    size_t len = text.len;
    if (len > PERSON_NAME_MAX) {
        len = PERSON_NAME_MAX;
        while (len && (text.ptr[len] & 0xc0) == 0x80) len--;
    }
    for (size_t i = 0; i < len; i++) {
        uint8_t c = text.ptr[i];
        bool plain = c >= ' ' && c != '"' && c != '\\' && c != 0x7f && (c < 0x80 || utf8);
        out[i] = (char)(plain ? c : '?');
    }
    out[len] = '\0';
}

void person_name(const struct json *claims, char out[PERSON_NAME_MAX + 1])
{
    static const char *const names[] = {"email", "preferred_username", "name"};
    struct slice name = json_str(claims, "sub");
    for (size_t i = sizeof names / sizeof *names; i-- > 0;)
        if (json_str(claims, names[i]).len) name = json_str(claims, names[i]);
    put_plain(name, out);
}

void person_subject(const struct json *claims, char out[PERSON_NAME_MAX + 1])
{
    put_plain(json_str(claims, "sub"), out);
}
