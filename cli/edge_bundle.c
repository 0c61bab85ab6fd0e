/* edge_bundle.c - what a machine is given that is to run IoT Edge: a folder for each device.
 *
 *   ID/ID.full-chain.cert.pem   its CA, with the root, and ID.key.pem      made by edge_papers.c
 *   ID/ID.hub-auth-cert.pem     if it logs in with it, and ID.hub-auth-key.pem
 *   ID/iotedge_config_cli_root.pem, hub-ca.pem, trust-bundle.pem           whom it trusts: the root, the hub, both
 *   ID/config.toml, ID/install.sh
 *   ID.tgz                                                                 what is in the folder, to be carried to the machine
 *   root.cert.pem, root.key.pem                                            if the root was made: for more devices, later
 *
 * File names are those of az, which leaves the .tgz alone.  Nobody but the owner can read any of it: there are keys in it.
 * Source: the edge runtime's config.toml, "Configure IoT Edge device settings", "Manage IoT Edge certificates".
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/edge_plan.h"
#include "cli/file.h"
#include "cli/tgz.h"

#define CERTS     "/var/aziot/certs/"
#define SECRETS   "/var/aziot/secrets/"
#define PACKED    ".tgz"
#define ROOT_KEY  "root.key.pem"
#define ROOT_CERT "root.cert.pem"

/* ---- files */

static const char *path_of(const struct edge_plan *p, struct slice folder, struct slice before,
                           const char *name)
{
    struct buf path = {0};
    buf_printf(&path, "%s/%.*s%s%.*s%s", p->folder, SLICE_ARG(folder), folder.len ? "/" : "",
               SLICE_ARG(before), name);
    const char *text = (const char *)arena_copy(&p->cli->arena, buf_slice(&path)).ptr;
    buf_free(&path);
    return text;
}

static enum err store(const char *path, struct slice content, bool runs)
{
    struct file_new f;
    TRY(file_begin(path, &f));
    enum err e = OK;
    if (fwrite(content.ptr, 1, content.len, f.out) != content.len ||
        (runs && fchmod(fileno(f.out), 0700) != 0))
        e = fail_errno("%s cannot be written", path);
    return file_finish(path, &f, e);
}

/* What a device is given, and what is written of it. */
struct bundle {
    const struct edge_plan *plan;
    const struct edge *edge;
    struct tgz pack;
};

static enum err put_in(struct bundle *b, struct slice before, const char *name,
                       struct slice content, bool runs)
{
    const char *path = path_of(b->plan, b->edge->id, before, name);
    const struct tgz_file file = {.name = path + slice_rfind(slice_str(path), '/') + 1,
                                  .mode = runs ? 0700 : 0600,
                                  .wall_us = clock_wall_us(),
                                  .content = content};
    TRY(tgz_add(&b->pack, &file));
    return store(path, content, runs);
}

/* A file of a device; `named`: its id is before the name. */
static enum err put(struct bundle *b, bool named, const char *name, struct slice content)
{
    return put_in(b, named ? b->edge->id : SLICE_NONE, name, content, false);
}

static const char *pack_path(const struct edge_plan *p, struct slice id)
{
    return path_of(p, SLICE_NONE, id, PACKED);
}

static enum err write_pack(struct bundle *b)
{
    struct buf bytes = BUF_SECRET;
    enum err e = tgz_pack(&b->pack, &bytes);
    if (e == OK) e = store(pack_path(b->plan, b->edge->id), buf_slice(&bytes), false);
    buf_wipe(&bytes);
    return e;
}

static enum err make_folder(const char *path)
{
    if (mkdir(path, 0700) == 0) return OK;
    return errno == EEXIST ? fail(ERR_EXISTS, "%s is there already", path)
                           : fail_errno("%s cannot be made", path);
}

/* ---- before anything is made */

static enum err check_free(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 ? fail(ERR_EXISTS, "%s is there already", path) : OK;
}

/* The folder of one may be called as what another one's is packed into. */
static enum err check_pack(const struct edge_plan *p, const struct edge *edge)
{
    struct slice end = SLICE_LIT(PACKED);
    bool packed = slice_ends(edge->id, end);
    const struct edge *other =
        packed ? edge_find(p, slice_head(edge->id, edge->id.len - end.len)) : NULL;
    if (other)
        return fail(ERR_INVALID, "edge device '%.*s': '%.*s' is packed into a file of that name",
                    SLICE_ARG(edge->id), SLICE_ARG(other->id));
    return check_free(pack_path(p, edge->id));
}

static enum err check_place(const struct edge_plan *p, const struct edge *edge)
{
    bool dots = slice_is(edge->id, ".") || slice_is(edge->id, "..");
    if (dots || slice_find(edge->id, '/') < edge->id.len)
        return fail(ERR_INVALID, "edge device '%.*s': no folder can have that name",
                    SLICE_ARG(edge->id));
    if (slice_is_nocase(edge->id, ROOT_KEY) || slice_is_nocase(edge->id, ROOT_CERT))
        return fail(ERR_INVALID, "edge device '%.*s': the root is in a file of that name",
                    SLICE_ARG(edge->id));
    if (edge->id.len > EDGE_ID_MAX)
        return fail(ERR_INVALID,
                    "edge device '%.*s': there is room for %d bytes of it in a certificate's name",
                    SLICE_ARG(edge->id), EDGE_ID_MAX);
    if (edge->agent.server.len && edge->agent.image.len == 0 && p->image.len == 0)
        return fail(ERR_INVALID,
                    "edge device '%.*s' has a registry's password, and no image of an agent",
                    SLICE_ARG(edge->id));
    TRY(check_free(path_of(p, edge->id, SLICE_NONE, "")));
    return check_pack(p, edge);
}

static enum err load_root(struct edge_plan *p)
{
    struct slice cert, key;
    const char *password = cli_value(p->cli, "root-pass");
    if (p->root_cert == NULL) {
        p->root = edge_root_make();
        return OK;
    }
    TRY(file_load(p->cli, p->root_cert, &cert));
    TRY(file_load(p->cli, p->root_key, &key));
    return edge_root_load(cert, key, password, &p->root);
}

static enum err load_template(struct edge_plan *p)
{
    struct slice text;
    if (p->template_path == NULL) return OK;
    TRY(file_load_max(p->cli, p->template_path, EDGE_FILE_MAX, &text));
    return edge_template_read(&p->cli->arena, file_name(p->template_path), text, &p->template);
}

enum err edge_bundle_check(struct edge_plan *p)
{
    struct stat st;
    const char *root = path_of(p, SLICE_NONE, SLICE_NONE, ROOT_KEY);
    for (const struct edge *e = p->edges; e; e = e->next) TRY(check_place(p, e));
    TRY(load_template(p));
    TRY(load_root(p));
    if (edge_root_key(p->root).len && lstat(root, &st) == 0)
        return fail(ERR_EXISTS,
                    "%s is there already: with it as --root-key, and root.cert.pem, more devices "
                    "trust the same root",
                    root);
    return OK;
}

/* ---- config.toml: its strings are written as JSON's are */

static void put_text(struct buf *out, const char *name, struct slice text)
{
    buf_printf(out, "%s = ", name);
    text_json_string(out, text);
    buf_put_u8(out, '\n');
}

static void put_file(struct buf *out, const char *name, const char *folder, struct slice id,
                     const char *file)
{
    buf_printf(out, "%s = \"file://%s", name, folder);
    text_percent(out, id);
    buf_printf(out, "%s\"\n", file);
}

static void put_login(const struct edge_plan *p, const struct edge *edge, struct buf *out)
{
    const struct json *authentication = json_get(edge->made, "authentication");
    buf_put_str(out, "\n[provisioning.authentication]\n");
    put_text(out, "method", p->by_certificate ? SLICE_LIT("x509") : SLICE_LIT("sas"));
    if (p->by_certificate) {
        put_file(out, "identity_cert", CERTS, edge->id, ".hub-auth-cert.pem");
        put_file(out, "identity_pk", SECRETS, edge->id, ".hub-auth-key.pem");
        return;
    }
    buf_put_str(out, "device_id_pk = { value = ");
    text_json_string(out, json_str(json_get(authentication, "symmetricKey"), "primaryKey"));
    buf_put_str(out, " }\n");
}

static struct slice image_of(const struct edge_plan *p, const struct edge *edge)
{
    return edge->agent.image.len ? edge->agent.image : p->image;
}

static void put_agent(const struct edge_plan *p, const struct edge *edge, struct buf *out)
{
    const struct edge_agent *agent = &edge->agent;
    struct slice image = image_of(p, edge);
    if (image.len == 0) return;
    if (!p->template.has_agent)
        buf_put_str(out, "\n[agent]\nname = \"edgeAgent\"\ntype = \"docker\"\n");
    buf_put_str(out, "\n[agent.config]\n");
    put_text(out, "image", image);
    if (agent->server.len == 0) return;
    buf_put_str(out, "\n[agent.config.auth]\n");
    put_text(out, "serveraddress", agent->server);
    put_text(out, "username", agent->user);
    put_text(out, "password", agent->password);
}

static struct slice or_asked(struct slice hostname, const char *placeholder)
{
    return hostname.len ? hostname : slice_str(placeholder);
}

static void put_config(const struct edge_plan *p, const struct edge *edge, struct buf *out)
{
    const struct edge *above = edge_find(p, edge->parent);
    put_text(out, "hostname", or_asked(edge->hostname, "{{HOSTNAME}}"));
    if (edge->parent.len)
        put_text(out, "parent_hostname",
                 or_asked(above ? above->hostname : SLICE_NONE, "{{PARENT_HOSTNAME}}"));
    put_file(out, "trust_bundle_cert", CERTS, SLICE_NONE, "trust-bundle.pem");
    put_text(out, "auto_reprovisioning_mode", SLICE_LIT("Dynamic"));
    edge_template_put(&p->template, false, image_of(p, edge).len == 0, out);
    buf_put_str(out, "\n[provisioning]\nsource = \"manual\"\n");
    put_text(out, "iothub_hostname", slice_str(p->target.name));
    put_text(out, "device_id", edge->id);
    put_login(p, edge, out);
    buf_put_str(out, "\n[edge_ca]\n");
    put_file(out, "cert", CERTS, edge->id, ".full-chain.cert.pem");
    put_file(out, "pk", SECRETS, edge->id, ".key.pem");
    put_agent(p, edge, out);
    edge_template_put(&p->template, true, image_of(p, edge).len == 0, out);
}

static enum err write_config(struct bundle *b)
{
    struct buf text = BUF_SECRET;
    put_config(b->plan, b->edge, &text);
    enum err e = put(b, false, "config.toml", buf_slice(&text));
    buf_wipe(&text);
    return e;
}

/* ---- install.sh */

static const char install[] =
    "#!/bin/sh\n"
    "# Makes this machine the edge device of this folder. Run it as root, where IoT Edge 1.2 or\n"
    "# later is installed; it replaces /etc/aziot/config.toml.\n"
    "set -eu\n"
    "umask 022\n"
    "cd \"$(dirname \"$0\")\"\n"
    "\n"
    "if ! command -v iotedge >/dev/null || [ ! -d /etc/aziot ]; then\n"
    "    echo 'IoT Edge is not installed here: install the package aziot-edge first' >&2\n"
    "    exit 1\n"
    "fi\n"
    "\n"
    "ask() { # PLACEHOLDER QUESTION\n"
    "    grep -q \"{{$1}}\" config.toml || return 0\n"
    "    printf '%s: ' \"$2\"\n"
    "    read -r answer\n"
    "    case $answer in\n"
    "    '' | *[!A-Za-z0-9.:-]*)\n"
    "        echo \"'$answer' is no host name and no address\" >&2\n"
    "        exit 1\n"
    "        ;;\n"
    "    esac\n"
    "    sed -i \"s/{{$1}}/$answer/\" config.toml\n"
    "}\n"
    "ask HOSTNAME \"This machine's name, or its address\"\n"
    "ask PARENT_HOSTNAME \"Its parent's\"\n"
    "\n"
    "mkdir -p " CERTS " " SECRETS "\n"
    "for file in *.pem; do\n"
    "    case $file in\n"
    "    *.key.pem | *.hub-auth-key.pem) install -m 600 -o aziotks -g aziotks -- \"$file\" " SECRETS
    " ;;\n"
    "    *) install -m 644 -o aziotcs -g aziotcs -- \"$file\" " CERTS " ;;\n"
    "    esac\n"
    "done\n"
    "chown aziotks:aziotks " SECRETS "\n"
    "chmod 700 " SECRETS "\n"
    "for file in iotedge_config_cli_root hub-ca; do\n"
    "    if [ -f $file.pem ] && [ -d /etc/pki/ca-trust/source/anchors ]; then\n"
    "        install -m 644 $file.pem /etc/pki/ca-trust/source/anchors/$file.crt\n"
    "    elif [ -f $file.pem ]; then\n"
    "        install -m 644 $file.pem /usr/local/share/ca-certificates/$file.crt\n"
    "    fi\n"
    "done\n"
    "if command -v update-ca-trust >/dev/null; then update-ca-trust; else update-ca-certificates; "
    "fi\n"
    "install -m 600 config.toml /etc/aziot/config.toml\n"
    "iotedge config apply\n"
    "echo \"'iotedge system status' and 'iotedge check' say how it is.\"\n";

/* ---- all of it */

/* A hub whose CA the system knows needs none here. */
static enum err write_trust(struct bundle *b)
{
    const struct edge_plan *p = b->plan;
    struct slice root = edge_root_cert(p->root), hub = SLICE_NONE;
    struct buf both = {0};
    TRY(put(b, false, "iotedge_config_cli_root.pem", root));
    if (p->target.ca) {
        TRY(file_load(p->cli, p->target.ca, &hub));
        TRY(put(b, false, "hub-ca.pem", hub));
    }
    buf_put_slice(&both, root);
    buf_put_slice(&both, hub);
    enum err e = put(b, false, "trust-bundle.pem", buf_slice(&both));
    buf_free(&both);
    return e;
}

static enum err write_files(struct bundle *b, const struct edge_papers *papers)
{
    TRY(make_folder(path_of(b->plan, b->edge->id, SLICE_NONE, "")));
    TRY(put(b, true, ".full-chain.cert.pem", buf_slice(&papers->chain)));
    TRY(put(b, true, ".key.pem", buf_slice(&papers->ca_key)));
    if (b->plan->by_certificate) {
        TRY(put(b, true, ".hub-auth-cert.pem", buf_slice(&papers->login)));
        TRY(put(b, true, ".hub-auth-key.pem", buf_slice(&papers->login_key)));
    }
    TRY(write_trust(b));
    TRY(write_config(b));
    TRY(put_in(b, SLICE_NONE, "install.sh", slice_str(install), true));
    return write_pack(b);
}

enum err edge_bundle_write(const struct edge_plan *p, const struct edge *edge,
                           const struct edge_papers *papers)
{
    struct bundle b = {.plan = p, .edge = edge, .pack.tar = BUF_SECRET};
    enum err e = write_files(&b, papers);
    tgz_free(&b.pack);
    return e;
}

enum err edge_bundle_open(const struct edge_plan *p)
{
    struct slice key = edge_root_key(p->root);
    if (mkdir(p->folder, 0700) != 0 && errno != EEXIST)
        return fail_errno("%s cannot be made", p->folder);
    if (key.len == 0) return OK;
    TRY(store(path_of(p, SLICE_NONE, SLICE_NONE, ROOT_KEY), key, false));
    return store(path_of(p, SLICE_NONE, SLICE_NONE, ROOT_CERT), edge_root_cert(p->root), false);
}
