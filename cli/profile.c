/* profile.c - see profile.h. */
#include "cli/profile.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/yaml.h"

/* The settings of one profile; `top`: it is the file, which has more. */
static enum err read_settings(struct profile *p, const struct yaml *map, bool top)
{
    const struct {
        const char *name, **at;
    } settings[] = {
        {"connection-string", &p->connection_string}, {"ca", &p->ca}, {"admin-url", &p->admin_url}};
    for (const struct yaml *item = map->child; item; item = item->next) {
        size_t i = 0;
        while (i < 3 && !slice_is(item->name, settings[i].name)) i++;
        bool known = top && (slice_is(item->name, "profile") || slice_is(item->name, "profiles"));
        if (i == 3 && !known) return yaml_bad(p->path, item, "there is no such setting");
        if (i == 3) continue;
        if (item->kind != YAML_TEXT) return yaml_bad(p->path, item, "a plain value was expected");
        *settings[i].at = (const char *)item->text.ptr; /* a copy in the arena, with its NUL */
    }
    return OK;
}

/* Which profile, if nobody names one; NULL: the one without a name. */
static enum err choose(const struct profile *p, const struct yaml *top, const char **name)
{
    const struct yaml *said = yaml_get(top, "profile");
    if (*name) return OK;
    if (said && said->kind != YAML_TEXT)
        return yaml_bad(p->path, said, "the name of a profile was expected");
    if (said) *name = (const char *)said->text.ptr;
    return OK;
}

static enum err no_such(const struct profile *p, const struct yaml *profiles, const char *name)
{
    struct buf names = {0};
    for (const struct yaml *item = profiles ? profiles->child : NULL; item; item = item->next)
        buf_printf(&names, "%s%.*s", buf_size(&names) ? ", " : "", SLICE_ARG(item->name));
    (void)!fail(ERR_NOT_FOUND, "there is no profile '%s' in %s; it has: %s", name, p->path,
                buf_size(&names) ? buf_cstr(&names) : "none");
    buf_free(&names);
    return ERR_NOT_FOUND;
}

static enum err read_profile(struct profile *p, const struct yaml *top, const char *name)
{
    if (top->kind != YAML_MAP)
        return fail(ERR_INVALID, "%s:%zu: names and values were expected", p->path, top->line);
    TRY(choose(p, top, &name));
    TRY(read_settings(p, top, true));
    if (name == NULL) return OK;
    const struct yaml *profiles = yaml_get(top, "profiles"), *found = yaml_get(profiles, name);
    if (found == NULL) return no_such(p, profiles, name);
    if (found->kind != YAML_MAP) return yaml_bad(p->path, found, "names and values were expected");
    *p = (struct profile){.path = p->path};
    TRY(read_settings(p, found, false));
    return p->connection_string ? OK : yaml_bad(p->path, found, "it has no connection-string");
}

const char *profile_path(struct cli *c)
{
    const char *home = getenv("HOME");
    struct buf path = {0};
    if (home == NULL) return NULL;
    buf_printf(&path, "%s/.config/azimuth/config.yaml", home);
    struct slice kept = arena_copy(&c->arena, buf_slice(&path));
    buf_free(&path);
    return (const char *)kept.ptr;
}

enum err profile_find(struct cli *c, const char *name, struct profile *out)
{
    struct yaml *top;
    const char *variable = getenv("AZIMUTH_PROFILE");
    *out = (struct profile){.path = profile_path(c)};
    if (name == NULL && variable && *variable) name = variable;
    enum err e = out->path ? yaml_read(&c->arena, out->path, YAML_FILE_MAX, &top) : ERR_NOT_FOUND;
    if (e == ERR_NOT_FOUND && name)
        return fail(e, "there is no profile '%s', because there is no file %s", name,
                    out->path ? out->path : "~/.config/azimuth/config.yaml");
    return e == ERR_NOT_FOUND ? OK : e != OK ? e : read_profile(out, top, name);
}
