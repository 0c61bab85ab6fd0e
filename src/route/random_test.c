/* random_test.c - random conditions over random messages, against an evaluator that knows nothing of
 * programs, tries and slots: it walks the condition it has made and a tree of base/json.h. */
#include "base/test.h"

#include <ctype.h>
#include <math.h>

#include "base/clock.h"
#include "base/json.h"
#include "route/fixture_test.h"

enum { ROUNDS = 1000, ROUTES = 6, MESSAGES = 4, DEPTH = 5 };

static uint64_t seed;

static unsigned dice(unsigned sides)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed >> 20) % sides;
}

#define PICK(list) (list)[dice(sizeof(list) / sizeof *(list))]

/* ---- messages */

static const char *const names[] = {"a", "b", "c"}, *const upper_names[] = {"A", "B", "C"};
static const char *const strings[] = {"",
                                      "a",
                                      "A",
                                      "ab",
                                      "5",
                                      "1.5",
                                      ("\xC3\xA9"
                                       "b"),
                                      "b a",
                                      "1e2",
                                      " 7 ",
                                      "0x1",
                                      "2024-05-06T07:08:09Z"};
static const char *const numbers[] = {"0",  "1",    "-1",    "2",   "5",  "1.5",
                                      "50", "-0.0", "1e300", "0.1", "16", "12345678901234567890"};

static void put_json_string(struct buf *out, const char *text)
{
    if (dice(4) == 0 && text[0] == 'a') {
        buf_printf(out, "\"\\u0061%s\"", text + 1);
        return;
    }
    buf_printf(out, "\"%s\"", text);
}

static void put_doc(struct buf *out, unsigned depth);

/* Names twice as they are, or in two cases, but not both: a tree keeps the place of the first. */
static void put_object(struct buf *out, unsigned depth)
{
    unsigned count = dice(5), mode = dice(3), used = 0;
    buf_put_u8(out, '{');
    for (unsigned i = 0, put = 0; i < count; i++) {
        unsigned name = dice(3), upper = mode == 2 ? dice(2) : 0, bit = 1u << (name * 2 + upper);
        if (mode != 1 && (used & bit)) continue;
        used |= bit;
        if (put++) buf_put_u8(out, ',');
        put_json_string(out, upper ? upper_names[name] : names[name]);
        buf_put_str(out, dice(4) ? ":" : " : ");
        put_doc(out, depth);
    }
    buf_put_u8(out, '}');
}

static void put_doc(struct buf *out, unsigned depth)
{
    unsigned kind = dice(depth ? 9 : 5), count;
    switch (kind) {
    case 0: buf_put_str(out, "null"); return;
    case 1: buf_put_str(out, dice(2) ? "true" : "false"); return;
    case 2:
    case 3: buf_put_str(out, PICK(numbers)); return;
    case 4: put_json_string(out, PICK(strings)); return;
    case 5:
        count = dice(4);
        buf_put_u8(out, '[');
        for (unsigned i = 0; i < count; i++) {
            if (i) buf_put_str(out, ", ");
            put_doc(out, depth - 1);
        }
        buf_put_u8(out, ']');
        return;
    default: put_object(out, depth - 1);
    }
}

static void damage(struct buf *b)
{
    static const char bytes[] = "{}[],:\"\\1-e \x01\xff";
    if (b->len == 0) return;
    unsigned at = dice((unsigned)b->len);
    if (dice(3) == 0)
        b->len = at;
    else
        b->ptr[at] = (uint8_t)bytes[dice(sizeof bytes - 1)];
}

struct sample {
    struct buf body, twin;
    struct route_property properties[4];
    struct route_message m;
    struct arena arena;
    const struct json *body_tree, *twin_tree; /* NULL: nothing is seen */
};

static const char *const property_names[] = {"a", "B", "b", "$messageId", "x-y"};

static void make_properties(struct sample *s)
{
    s->m.properties = s->properties;
    s->m.property_count = dice(5);
    for (size_t i = 0; i < s->m.property_count; i++)
        s->properties[i] =
            (struct route_property){slice_str(PICK(property_names)), slice_str(PICK(strings))};
}

static void make_documents(struct sample *s)
{
    struct json *tree;
    bool json = dice(8) != 0;
    buf_clear(&s->body);
    buf_clear(&s->twin);
    put_object(&s->body, 3);
    if (dice(8) == 0) damage(&s->body);
    buf_put_str(&s->twin, "{\"tags\":");
    put_object(&s->twin, 2);
    buf_put_str(&s->twin, ",\"properties\":{\"desired\":");
    put_object(&s->twin, 2);
    buf_put_str(&s->twin, "}}");
    s->m.body = buf_slice(&s->body);
    s->m.twin = dice(4) ? buf_slice(&s->twin) : SLICE_NONE;
    if (!json) s->m.system[ROUTE_CONTENT_TYPE] = SLICE_LIT("text/plain");
    s->body_tree = s->twin_tree = NULL;
    if (json && json_parse(&s->arena, s->m.body, &tree) == OK) s->body_tree = tree;
    if (s->m.twin.ptr && json_parse(&s->arena, s->m.twin, &tree) == OK) s->twin_tree = tree;
}

static void make_sample(struct sample *s)
{
    arena_reset(&s->arena);
    s->m = message_of("");
    make_properties(s);
    make_documents(s);
    if (dice(2)) s->m.system[ROUTE_MESSAGE_ID] = slice_str(PICK(strings));
    if (dice(2)) s->m.system[ROUTE_ENQUEUED_TIME] = SLICE_LIT("2024-05-06T07:08:09.0000000Z");
}

/* ---- values of the evaluator */

enum kind { UNDEF, NIL, BOOLEAN, NUM, STR, ARR, OBJ };

struct v {
    enum kind kind;
    bool truth;
    double number;
    const char *text;
    bool time; /* $enqueuedTime: compares as an instant */
};

static struct v of_json(struct arena *a, const struct json *j)
{
    static const enum kind kinds[] = {
        [JSON_NULL] = NIL,   [JSON_BOOL] = BOOLEAN, [JSON_NUMBER] = NUM,
        [JSON_STRING] = STR, [JSON_ARRAY] = ARR,    [JSON_OBJECT] = OBJ};
    struct v v = {UNDEF, false, 0, "", false};
    if (j == NULL) return v;
    v.kind = kinds[j->type];
    v.truth = j->truth;
    if (v.kind == STR || v.kind == NUM) v.text = (const char *)arena_copy(a, j->text).ptr;
    if (v.kind == NUM) v.number = strtod(v.text, NULL);
    return v;
}

static struct v of_bool(bool truth)
{
    return (struct v){BOOLEAN, truth, 0, "", false};
}

static struct v of_number(double number)
{
    return (struct v){isfinite(number) ? NUM : UNDEF, false, number, "", false};
}

static struct v of_text(const char *text)
{
    return (struct v){STR, false, 0, text, false};
}

static const struct v none = {UNDEF, false, 0, "", false};

/* ---- conditions */

enum ast_kind { CONSTANT, PROPERTY, BODY, TWIN, NOT, AND, OR, COMPARE, IN, MATH, NEGATE, CALL };

struct ast {
    enum ast_kind kind;
    struct v value;   /* CONSTANT */
    const char *text; /* PROPERTY; the operator; the function */
    unsigned count;
    struct ast *args[4];
    const char *steps[4]; /* of a path: a name, or [0] */
    unsigned step_count;
};

static const struct function_row {
    const char *name;
    unsigned args;
} functions[] = {{"abs", 1},         {"floor", 1},     {"Ceiling", 1},      {"SIGN", 1},
                 {"square", 1},      {"sqrt", 1},      {"exp", 1},          {"power", 2},
                 {"is_array", 1},    {"is_bool", 1},   {"is_defined", 1},   {"is_null", 1},
                 {"is_number", 1},   {"is_object", 1}, {"is_primitive", 1}, {"is_string", 1},
                 {"as_number", 1},   {"concat", 2},    {"length", 1},       {"lower", 1},
                 {"UPPER", 1},       {"substring", 2}, {"substring", 3},    {"index_of", 2},
                 {"starts_with", 2}, {"ends_with", 2}, {"contains", 2}};

static struct ast *make(struct arena *a, unsigned depth);

static struct ast *ast_new(struct arena *a, enum ast_kind kind)
{
    struct ast *n = arena_zero(a, sizeof *n);
    n->kind = kind;
    return n;
}

static struct ast *make_constant(struct arena *a)
{
    struct ast *n = ast_new(a, CONSTANT);
    switch (dice(8)) {
    case 0: n->value = none; break;
    case 1: n->value = (struct v){NIL, false, 0, "", false}; break;
    case 2: n->value = of_bool(dice(2)); break;
    case 3:
    case 4: n->value = of_text(PICK(strings)); break;
    default: n->text = PICK(numbers); n->value = of_number(strtod(n->text, NULL));
    }
    return n;
}

static struct ast *make_path(struct arena *a, enum ast_kind kind)
{
    static const char *const places[] = {"[0]", "[1]", "[2]"};
    struct ast *n = ast_new(a, kind);
    n->step_count = 1 + dice(3);
    for (unsigned i = 0; i < n->step_count; i++)
        n->steps[i] = i && dice(3) == 0 ? PICK(places) : dice(4) ? PICK(names) : PICK(upper_names);
    n->text = kind == BODY ? "$body" : dice(2) ? "$twin.tags" : "$twin.properties.desired";
    return n;
}

static struct ast *make_leaf(struct arena *a)
{
    static const char *const wanted[] = {"a", "b", "X-Y", "$messageId", "$enqueuedTime", "nothing"};
    struct ast *n;
    switch (dice(6)) {
    case 0:
    case 1: return make_constant(a);
    case 2:
    case 3: return make_path(a, BODY);
    case 4: return make_path(a, TWIN);
    default:
        n = ast_new(a, PROPERTY);
        n->text = PICK(wanted);
        return n;
    }
}

static void add_args(struct arena *a, struct ast *n, unsigned count, unsigned depth)
{
    n->count = count;
    for (unsigned i = 0; i < count; i++) n->args[i] = make(a, depth);
}

static struct ast *make(struct arena *a, unsigned depth)
{
    static const char *const compares[] = {"=", "!=", "<>", "<", ">", "<=", ">="};
    static const char *const signs[] = {"+", "-", "*", "/", "%"};
    static const enum ast_kind kinds[] = {NOT,     AND,     AND, OR,   OR,     COMPARE, COMPARE,
                                          COMPARE, COMPARE, IN,  MATH, NEGATE, CALL,    CALL};
    if (depth == 0) return make_leaf(a);
    struct ast *n = ast_new(a, PICK(kinds));
    const struct function_row *f = &PICK(functions);
    switch (n->kind) {
    case NOT:
    case NEGATE: add_args(a, n, 1, depth - 1); break;
    case AND:
    case OR: add_args(a, n, 2 + dice(3), depth - 1); break;
    case COMPARE:
        n->text = PICK(compares);
        add_args(a, n, 2, dice(2) ? 0 : depth - 1);
        break;
    case MATH:
        n->text = PICK(signs);
        add_args(a, n, 2, dice(2) ? 0 : depth - 1);
        break;
    case IN:
        n->text = dice(3) == 0 ? "NIN" : dice(2) ? "IN" : "NOT IN";
        add_args(a, n, 1 + dice(4), 0);
        break;
    default:
        n->kind = CALL;
        n->text = f->name;
        add_args(a, n, f->args, dice(2) ? 0 : depth - 1);
    }
    return n;
}

/* ---- written */

static void write_ast(struct buf *out, const struct ast *n);

static void write_list(struct buf *out, const struct ast *n, unsigned from, const char *between)
{
    for (unsigned i = from; i < n->count; i++) {
        if (i > from) buf_put_str(out, between);
        write_ast(out, n->args[i]);
    }
}

static void write_constant(struct buf *out, const struct ast *n)
{
    switch (n->value.kind) {
    case NIL: buf_put_str(out, "Null"); return;
    case BOOLEAN: buf_put_str(out, n->value.truth ? "true" : "FALSE"); return;
    case NUM: buf_put_str(out, n->text); return;
    case STR: buf_printf(out, dice(2) ? "'%s'" : "\"%s\"", n->value.text); return;
    default: buf_put_str(out, "undefined");
    }
}

static void write_path(struct buf *out, const struct ast *n)
{
    buf_put_str(out, n->text);
    for (unsigned i = 0; i < n->step_count; i++) {
        bool place = n->steps[i][0] == '[';
        if (!place && dice(3) == 0)
            buf_printf(out, "['%s']", n->steps[i]);
        else
            buf_printf(out, "%s%s", place ? "" : ".", n->steps[i]);
    }
}

static void write_ast(struct buf *out, const struct ast *n)
{
    switch (n->kind) {
    case CONSTANT: write_constant(out, n); return;
    case PROPERTY: buf_put_str(out, n->text); return;
    case BODY:
    case TWIN: write_path(out, n); return;
    case CALL:
        buf_printf(out, "%s(", n->text);
        write_list(out, n, 0, ", ");
        buf_put_u8(out, ')');
        return;
    case NOT:
    case NEGATE: buf_put_str(out, n->kind == NOT ? "(NOT (" : "(-("); break;
    default: buf_put_u8(out, '(');
    }
    if (n->kind == IN) {
        write_ast(out, n->args[0]);
        buf_printf(out, " %s [", n->text);
        write_list(out, n, 1, ",");
        buf_put_u8(out, ']');
    } else if (n->kind == NOT || n->kind == NEGATE) {
        write_ast(out, n->args[0]);
        buf_put_u8(out, ')');
    } else {
        char between[16];
        snprintf(between, sizeof between, " %s ",
                 n->kind == AND  ? "AND"
                 : n->kind == OR ? "or"
                                 : n->text);
        write_list(out, n, 0, between);
    }
    buf_put_u8(out, ')');
}

/* ---- calculated, plainly */

static struct v calc(struct sample *s, const struct ast *n);

static const struct json *last_of(const struct json *object, const char *name)
{
    const struct json *found = NULL;
    if (object == NULL || object->type != JSON_OBJECT) return NULL;
    for (const struct json *j = object->child; j; j = j->next)
        if (slice_is_nocase(j->key, name)) found = j;
    return found;
}

static struct v calc_path(struct sample *s, const struct ast *n)
{
    const struct json *j = n->kind == BODY ? s->body_tree : s->twin_tree;
    if (n->kind == TWIN)
        j = strcmp(n->text, "$twin.tags") == 0 ? last_of(j, "tags")
                                               : last_of(last_of(j, "properties"), "desired");
    for (unsigned i = 0; i < n->step_count && j; i++) {
        if (n->steps[i][0] != '[') {
            j = last_of(j, n->steps[i]);
            continue;
        }
        int place = n->steps[i][1] - '0';
        j = j->type == JSON_ARRAY ? j->child : NULL;
        while (j && place-- > 0) j = j->next;
    }
    return of_json(&s->arena, j);
}

static struct v calc_property(struct sample *s, const char *name)
{
    struct v v = none;
    struct slice system = strcmp(name, "$messageId") == 0      ? s->m.system[ROUTE_MESSAGE_ID]
                          : strcmp(name, "$enqueuedTime") == 0 ? s->m.system[ROUTE_ENQUEUED_TIME]
                                                               : SLICE_NONE;
    if (system.ptr) {
        v = of_text((const char *)arena_copy(&s->arena, system).ptr);
    } else {
        for (size_t i = 0; i < s->m.property_count; i++)
            if (slice_is_nocase(s->properties[i].name, name))
                v = of_text((const char *)s->properties[i].value.ptr);
    }
    v.time = strcmp(name, "$enqueuedTime") == 0;
    return v;
}

static struct v calc_chain(struct sample *s, const struct ast *n)
{
    bool all = true, some = false, unknown = false;
    for (unsigned i = 0; i < n->count; i++) {
        struct v v = calc(s, n->args[i]);
        if (v.kind != BOOLEAN) {
            unknown = true;
            continue;
        }
        all = all && v.truth;
        some = some || v.truth;
    }
    if (n->kind == AND) return !all ? of_bool(false) : unknown ? none : of_bool(true);
    return some ? of_bool(true) : unknown ? none : of_bool(false);
}

static int sign_of(double x)
{
    return x > 0 ? 1 : x < 0 ? -1 : 0;
}

static bool order(struct v a, struct v b, int *out)
{
    int64_t s, t;
    if (a.kind != b.kind || a.kind == UNDEF || a.kind > STR) return false;
    *out = 0;
    if (a.kind == BOOLEAN) *out = a.truth - b.truth;
    if (a.kind == NUM) *out = a.number < b.number ? -1 : a.number > b.number;
    if (a.kind == STR) *out = strcmp(a.text, b.text);
    if (a.kind == STR && (a.time || b.time) && clock_parse_iso(slice_str(a.text), &s) == OK &&
        clock_parse_iso(slice_str(b.text), &t) == OK)
        *out = s < t ? -1 : s > t;
    return true;
}

static struct v equal(struct v a, struct v b)
{
    int o;
    if (a.kind == UNDEF || b.kind == UNDEF) return none;
    if (order(a, b, &o)) return of_bool(o == 0);
    return a.kind == NIL || b.kind == NIL ? of_bool(false) : none;
}

static struct v calc_compare(struct sample *s, const struct ast *n)
{
    struct v a = calc(s, n->args[0]), b = calc(s, n->args[1]), e = equal(a, b);
    int o;
    if (strcmp(n->text, "=") == 0) return e;
    if (strcmp(n->text, "!=") == 0 || strcmp(n->text, "<>") == 0)
        return e.kind == UNDEF ? none : of_bool(!e.truth);
    if (!order(a, b, &o)) return none;
    if (strcmp(n->text, "<") == 0) return of_bool(o < 0);
    if (strcmp(n->text, ">") == 0) return of_bool(o > 0);
    return of_bool(strcmp(n->text, "<=") == 0 ? o <= 0 : o >= 0);
}

static struct v calc_in(struct sample *s, const struct ast *n)
{
    struct v what = calc(s, n->args[0]);
    bool found = false;
    what.time = false;
    if (what.kind == UNDEF) return none;
    for (unsigned i = 1; i < n->count; i++) {
        struct v e = calc(s, n->args[i]);
        e.time = false;
        e = equal(what, e);
        found = found || (e.kind == BOOLEAN && e.truth);
    }
    return of_bool(found == (strcmp(n->text, "IN") == 0));
}

static struct v calc_math(struct sample *s, const struct ast *n)
{
    struct v a = calc(s, n->args[0]), b = calc(s, n->args[1]);
    if (a.kind != NUM || b.kind != NUM) return none;
    switch (n->text[0]) {
    case '+': return of_number(a.number + b.number);
    case '-': return of_number(a.number - b.number);
    case '*': return of_number(a.number * b.number);
    case '/': return of_number(a.number / b.number);
    default: return of_number(fmod(a.number, b.number));
    }
}

/* Characters as numbers, so that cutting and counting them is plain. */
static unsigned spread(const char *text, unsigned *out)
{
    unsigned n = 0;
    for (; *text; text++) {
        if (n && ((unsigned char)*text & 0xC0) == 0x80)
            out[n - 1] = out[n - 1] << 8 | (unsigned char)*text;
        else
            out[n++] = (unsigned char)*text;
    }
    return n;
}

static struct v calc_substring(struct sample *s, const struct v *a, unsigned count)
{
    unsigned c[1024];
    struct buf out = {0};
    if (a[0].kind != STR || a[1].kind != NUM || (count == 3 && a[2].kind != NUM)) return none;
    if (a[1].number < 0) return none;
    unsigned n = spread(a[0].text, c);
    double end = count == 3 ? a[1].number + a[2].number : n;
    for (unsigned i = 0; i < n; i++) {
        if (i < a[1].number || i >= end) continue;
        if (c[i] > 0xFF) buf_put_u8(&out, (uint8_t)(c[i] >> 8));
        buf_put_u8(&out, (uint8_t)c[i]);
    }
    struct v v = of_text((const char *)arena_copy(&s->arena, buf_slice(&out)).ptr);
    buf_free(&out);
    return v;
}

static struct v calc_case(struct sample *s, const char *text, bool up)
{
    char *copy = (char *)arena_alloc(&s->arena, strlen(text) + 1), *to = copy;
    for (; *text; text++)
        *to++ = (char)((unsigned char)*text >= 0x80 ? *text : up ? toupper(*text) : tolower(*text));
    *to = '\0';
    return of_text(copy);
}

static bool json_number(const char *text)
{
    char first = 0, last = 0;
    double d;
    int end = 0;
    for (const char *p = text; *p; p++) {
        if (!strchr("0123456789+-.eE ", *p)) return false;
        if (*p == ' ') continue;
        if (first == 0) first = *p;
        last = *p;
    }
    if (first == 0 || first == '.' || first == '+' || last == '.') return false;
    return sscanf(text, "%lf %n", &d, &end) == 1 && text[end] == '\0';
}

static struct v calc_types(const char *f, struct v v)
{
    if (strcmp(f, "is_array") == 0) return of_bool(v.kind == ARR);
    if (strcmp(f, "is_bool") == 0) return of_bool(v.kind == BOOLEAN);
    if (strcmp(f, "is_defined") == 0) return of_bool(v.kind != UNDEF);
    if (strcmp(f, "is_null") == 0) return of_bool(v.kind == NIL);
    if (strcmp(f, "is_number") == 0) return of_bool(v.kind == NUM);
    if (strcmp(f, "is_object") == 0) return of_bool(v.kind == OBJ);
    if (strcmp(f, "is_string") == 0) return of_bool(v.kind == STR);
    return of_bool(v.kind >= NIL && v.kind <= STR);
}

static struct v calc_number(const char *f, const struct v *a)
{
    double x = a[0].number;
    if (a[0].kind != NUM) return none;
    if (strcmp(f, "abs") == 0) return of_number(x < 0 ? -x : x);
    if (strcmp(f, "floor") == 0) return of_number(floor(x));
    if (strcmp(f, "Ceiling") == 0) return of_number(-floor(-x));
    if (strcmp(f, "SIGN") == 0) return of_number(sign_of(x));
    if (strcmp(f, "square") == 0) return of_number(x * x);
    if (strcmp(f, "sqrt") == 0) return of_number(sqrt(x));
    if (strcmp(f, "exp") == 0) return of_number(exp(x));
    return a[1].kind == NUM ? of_number(pow(x, a[1].number)) : none;
}

static struct v calc_string(struct sample *s, const char *f, const struct v *a, unsigned count)
{
    unsigned c[1024];
    for (unsigned i = 0; i < count; i++)
        if (a[i].kind != STR) return none;
    const char *x = a[0].text, *y = count > 1 ? a[1].text : "", *at = strstr(x, y);
    size_t nx = strlen(x), ny = strlen(y);
    if (strcmp(f, "length") == 0) return of_number(spread(x, c));
    if (strcmp(f, "lower") == 0 || strcmp(f, "UPPER") == 0) return calc_case(s, x, f[0] == 'U');
    if (strcmp(f, "contains") == 0) return of_bool(at != NULL);
    if (strcmp(f, "starts_with") == 0) return of_bool(at == x);
    if (strcmp(f, "ends_with") == 0) return of_bool(nx >= ny && strcmp(x + nx - ny, y) == 0);
    char *made = (char *)arena_alloc(&s->arena, nx + ny + 1);
    memcpy(made, x, nx);
    if (strcmp(f, "index_of") == 0) {
        made[at ? at - x : 0] = '\0';
        return of_number(at ? (double)spread(made, c) : -1);
    }
    memcpy(made + nx, y, ny + 1);
    return of_text(made);
}

static struct v calc_call(struct sample *s, const struct ast *n)
{
    struct v a[4] = {none, none, none, none};
    for (unsigned i = 0; i < n->count; i++) a[i] = calc(s, n->args[i]);
    if (strncmp(n->text, "is_", 3) == 0) return calc_types(n->text, a[0]);
    if (strcmp(n->text, "substring") == 0) return calc_substring(s, a, n->count);
    if (strcmp(n->text, "as_number") == 0) {
        if (a[0].kind == NUM) return a[0];
        return a[0].kind == STR && json_number(a[0].text) ? of_number(atof(a[0].text)) : none;
    }
    static const char *const math[] = {"abs",    "floor", "Ceiling", "SIGN",
                                       "square", "sqrt",  "exp",     "power"};
    for (size_t i = 0; i < sizeof math / sizeof *math; i++)
        if (strcmp(n->text, math[i]) == 0) return calc_number(math[i], a);
    return calc_string(s, n->text, a, n->count);
}

static struct v calc(struct sample *s, const struct ast *n)
{
    struct v v;
    switch (n->kind) {
    case CONSTANT: return n->value;
    case PROPERTY: return calc_property(s, n->text);
    case BODY:
    case TWIN: return calc_path(s, n);
    case AND:
    case OR: return calc_chain(s, n);
    case COMPARE: return calc_compare(s, n);
    case IN: return calc_in(s, n);
    case MATH: return calc_math(s, n);
    case CALL: v = calc_call(s, n); break;
    case NOT: v = calc(s, n->args[0]); return v.kind == BOOLEAN ? of_bool(!v.truth) : none;
    default: v = calc(s, n->args[0]); return v.kind == NUM ? of_number(-v.number) : none;
    }
    v.time = false;
    return v;
}

static int truth_by_walking(struct sample *s, const struct ast *n)
{
    struct v v = calc(s, n);
    if (v.kind == UNDEF || v.kind == NIL) return ROUTE_UNDEFINED;
    return v.kind == BOOLEAN && v.truth ? ROUTE_TRUE : ROUTE_FALSE;
}

/* ---- the comparison */

struct round {
    struct arena arena;
    struct ast *asts[ROUTES];
    struct buf texts[ROUTES];
    char names[ROUTES][4];
    struct route routes[ROUTES];
    struct route_condition *conditions[ROUTES];
    struct route_table *table;
};

static void make_round(struct round *r)
{
    arena_reset(&r->arena);
    for (unsigned i = 0; i < ROUTES; i++) {
        bool again = i > 0 && dice(4) == 0; /* the same once more: shared */
        r->asts[i] = again ? r->asts[i - 1] : make(&r->arena, 1 + dice(DEPTH));
        buf_clear(&r->texts[i]);
        write_ast(&r->texts[i], r->asts[i]);
        snprintf(r->names[i], sizeof r->names[i], "r%u", i);
        r->routes[i] = (struct route){.name = slice_str(r->names[i]),
                                      .condition = buf_slice(&r->texts[i]),
                                      .endpoint = dice(4),
                                      .enabled = dice(8) != 0};
    }
}

static void note_route(void *ctx, size_t route)
{
    *(unsigned *)ctx |= 1u << route;
}

static void check_sample(struct round *r, struct route_matcher *x, struct sample *s)
{
    uint64_t endpoints = 0;
    unsigned matched = 0, each = 0;
    struct route_result result;
    for (unsigned i = 0; i < ROUTES; i++) {
        int want = truth_by_walking(s, r->asts[i]);
        int truth = (int)route_test(r->conditions[i], &s->m);
        if (truth != want)
            fail_msg("%s of %.*s is %d, not %d", buf_cstr(&r->texts[i]), SLICE_ARG(s->m.body),
                     truth, want);
        if (want != ROUTE_TRUE || !r->routes[i].enabled) continue;
        matched |= 1u << i;
        endpoints |= (uint64_t)1 << r->routes[i].endpoint;
    }
    route_match(r->table, x, &s->m, &result);
    assert_int_equal(result.endpoints, endpoints);
    route_match_each(r->table, x, &s->m, note_route, &each);
    assert_int_equal(each, matched);
}

static void programs_say_what_walking_the_condition_says(void **state)
{
    static struct round r;
    static struct sample s;
    struct route_matcher *x = route_matcher_new();
    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        seed = 0x9E3779B97F4A7C15u * (round + 1);
        make_round(&r);
        struct route_table_config cfg = {.routes = r.routes, .route_count = ROUTES};
        struct route_mistake mistake = {0};
        size_t bad;
        if (route_table_new(&cfg, &r.table, &bad, &mistake) != OK)
            fail_msg("%s: %s at %u", buf_cstr(&r.texts[bad]), mistake.text, mistake.start_column);
        for (unsigned i = 0; i < ROUTES; i++)
            assert_int_equal(route_compile(r.routes[i].condition, &r.conditions[i], NULL), OK);
        for (unsigned i = 0; i < MESSAGES; i++) {
            make_sample(&s);
            check_sample(&r, x, &s);
        }
        route_table_free(r.table);
        for (unsigned i = 0; i < ROUTES; i++) route_condition_free(r.conditions[i]);
    }
    route_matcher_free(x);
    for (unsigned i = 0; i < ROUTES; i++) buf_free(&r.texts[i]);
    arena_free(&r.arena);
    arena_free(&s.arena);
    buf_free(&s.body);
    buf_free(&s.twin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(programs_say_what_walking_the_condition_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
