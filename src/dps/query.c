/* query.c - lists: of enrollments, of groups, of the registrations of a group.
 *
 * SELECT * FROM enrollments | enrollmentGroups | registrations; "SELECT *" alone (az) and no query at all
 * mean the same.  What is listed, the address says: .NET's samples list the registrations of a group with FROM
 * enrollmentGroups, Java's builder writes deviceRegistrations.  One page is one statement; the continuation is the
 * last id. */
#include "base/say.h"
#include "base/text.h"
#include "dps/call.h"
#include "dps/dps_sql.h"

/* The next word; punctuation does not occur in what is understood. */
static bool next_word(struct slice *rest, struct slice *word)
{
    *rest = slice_trim(*rest);
    if (rest->len == 0) return false;
    size_t len = 0;
    while (len < rest->len && !memchr(" \t\r\n", rest->ptr[len], 4)) len++;
    *word = slice_head(*rest, len);
    *rest = slice_from(*rest, len);
    return true;
}

static bool is_source(const struct call *c, struct slice word)
{
    if (c->head->verb == VERB_REGISTRATION_QUERY)
        return slice_is_nocase(word, "registrations") ||
               slice_is_nocase(word, "deviceRegistrations") ||
               slice_is_nocase(word, "enrollmentGroups") || slice_is_nocase(word, "enrollments");
    return slice_is_nocase(word, c->head->kind == DPS_GROUP ? "enrollmentGroups" : "enrollments");
}

static bool understands(const struct call *c, struct slice text)
{
    struct slice word;
    if (slice_trim(text).len == 0) return true;
    if (!next_word(&text, &word) || !slice_is_nocase(word, "select")) return false;
    if (!next_word(&text, &word) || !slice_is(word, "*")) return false;
    if (!next_word(&text, &word)) return true;
    return slice_is_nocase(word, "from") && next_word(&text, &word) && is_source(c, word) &&
           !next_word(&text, &word);
}

/* False: the call has ended. */
static bool read_query(struct call *c)
{
    struct json *doc;
    struct slice text = SLICE_NONE;
    if (slice_trim(c->json).len) {
        if (json_parse(&c->arena, c->json, &doc) != OK || member_text(doc, "query", &text) != OK) {
            dps_call_fail(c, DPS_BAD_ARGUMENT, "a query is a JSON object with the text \"query\"");
            return false;
        }
    }
    if (understands(c, text)) return true;
    dps_call_fail(c, DPS_BAD_ARGUMENT,
                  "what is understood is SELECT * FROM enrollments, enrollmentGroups or "
                  "registrations");
    return false;
}

/* ---- pages */

static unsigned top_of(const struct call *c)
{
    return c->head->top && c->head->top < DPS_PAGE_MAX ? c->head->top : DPS_PAGE_MAX;
}

static const char *why_not_enrollment(struct call *c, const struct store_value *col)
{
    if (enrollment_of_row(&c->arena, c->head->kind, col, &c->next) != OK) return fail_text();
    return c->next.levels > ENROLLMENT_LEVELS_MAX ? "its JSON has too many levels for a list"
                                                  : NULL;
}

/* One that nobody could read does not hide the others: it is left out, and said; asked for by its id it is
 * answered as far as it can be. */
static void put_item(struct call *c, struct buf *body, struct slice id,
                     const struct store_value *col)
{
    bool of_registrations = c->head->verb == VERB_REGISTRATION_QUERY;
    struct registration r;
    const char *why = NULL;
    if (!of_registrations)
        why = why_not_enrollment(c, col);
    else if (!registration_of_row(&c->arena, col + 4, &r))
        why = "a stored registration cannot be read";
    if (why) {
        say_warn("dps.not_listed", "id=%.*s why=\"%s\"", SLICE_ARG(id), why);
        return;
    }
    if (buf_size(body) > 1) buf_put_u8(body, ',');
    if (of_registrations)
        registration_write(body, &r, false);
    else
        enrollment_write(body, &c->next, ENROLLMENT_SHOWN, SLICE_NONE);
}

static void on_page(struct store_wait *w, struct store_answer *a)
{
    struct call *c = dps_call_of_wait(w);
    bool of_registrations = c->head->verb == VERB_REGISTRATION_QUERY, more = a->more;
    unsigned count = 0;
    struct buf body = {0}, last = {0}, continuation = {0};
    enum err e = a->err;
    buf_put_u8(&body, '[');
    while (e == OK && store_next(a)) {
        struct slice id = a->col[of_registrations ? REGISTRATION_COLUMNS + 4 : 4].bytes;
        more = more || count == top_of(c);
        if (count == top_of(c)) break;
        count++;
        put_item(c, &body, id, a->col);
        buf_clear(&last);
        buf_put_slice(&last, id);
    }
    buf_put_u8(&body, ']');
    if (more && count) text_percent(&continuation, buf_slice(&last));
    if (e != OK)
        dps_call_fail_store(c, e);
    else
        dps_call_answer(c, &(struct dps_answer){.code = DPS_OK,
                                                .body = buf_slice(&body),
                                                .continuation = buf_slice(&continuation)});
    buf_free(&body);
    buf_free(&last);
    buf_free(&continuation);
}

static void ask_page(struct call *c)
{
    struct store_request q;
    struct buf after = {0};
    if (c->text.len > DPS_CONTINUATION_MAX || text_unpercent(&after, c->text) != OK ||
        !text_is_utf8(buf_slice(&after))) {
        dps_call_fail(c, DPS_BAD_ARGUMENT, "x-ms-continuation is not one that was given");
    } else {
        bool of_registrations = c->head->verb == VERB_REGISTRATION_QUERY;
        store_begin_query(&q,
                          of_registrations ? &sql_dps_registration_page : &sql_dps_enrollment_page);
        if (of_registrations)
            store_put_text(&q, "group_lower", c->id_lower);
        else
            store_put_int(&q, "kind", c->head->kind);
        store_put_text(&q, "after", buf_slice(&after));
        store_put_int(&q, "top", top_of(c) + 1);
        dps_call_ask(c, &q, on_page);
    }
    buf_free(&after);
}

/* Every core has the groups, so who asks for one that is not there learns it without the store. */
void query_verb(struct call *c)
{
    if (!read_query(c)) return;
    if (c->head->verb == VERB_REGISTRATION_QUERY &&
        groups_find(&c->dps->groups, c->id_lower) == NULL)
        dps_call_fail(c, DPS_NO_GROUP, "there is no such enrollment group");
    else
        ask_page(c);
}
